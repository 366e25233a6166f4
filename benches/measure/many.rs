//! Many tasks on one node: wall time and processor time of a step.

use std::{collections::BTreeMap, fs};

use serde::{Deserialize, Serialize};

use crate::{
    Effort,
    nodes::{Nodes, OURS, PLAIN, native},
    result::{has_several_tasks, version},
    rounds::{Case, Samples, take, time},
    tell,
};

/// Numbers of tasks, and in how many rounds each is measured.
const TASKS: [(u32, usize); 5] = [(1, 20), (4, 20), (16, 20), (64, 8), (256, 3)];
/// The kernel's unit of processor times in /proc: milliseconds.
const TICK: f64 = 10.0;

/// A number of tasks on one node.
#[derive(Serialize, Deserialize)]
pub struct Tasks {
    pub tasks: u32,
    /// Milliseconds of the whole `srun`.
    pub wall: Samples,
    /// Milliseconds of processor time of all the step's processes on the node.
    pub processor: BTreeMap<String, f64>,
}

pub fn measure(nodes: &Nodes, effort: Effort) -> Vec<Tasks> {
    let several = has_several_tasks(&version("srun"));
    let numbers = TASKS.into_iter().map(|(tasks, rounds)| {
        tell(&format!("{tasks} tasks on a node"));
        of(nodes, tasks, effort.rounds(rounds), several || tasks == 1)
    });
    numbers.collect()
}

fn of(nodes: &Nodes, tasks: u32, rounds: usize, with_native: bool) -> Tasks {
    let (container, ntasks) = (nodes.container(), format!("--ntasks={tasks}"));
    let spent = std::cell::RefCell::new(BTreeMap::<String, f64>::new());
    let sample = |node: &str, options: &[&str]| {
        nodes.wait_until_idle();
        let before = of_ended_processes();
        let wall = time(&mut nodes.srun(node, &[&["-N1", &*ntasks], options].concat()));
        nodes.wait_until_idle();
        *spent.borrow_mut().entry(node.to_owned()).or_default() += of_ended_processes() - before;
        wall
    };
    let node = native("crun");
    let mut cases = vec![
        Case::new(PLAIN, || sample(PLAIN, &[])),
        Case::new(OURS, || sample(OURS, &[&container])),
    ];
    if with_native {
        cases.push(Case::new(&node, || sample(&node, &[&container])));
    }
    let wall = take(&cases, rounds);
    drop(cases);
    // The sample that does not count is in the sum.
    let mean = |(node, sum)| (node, sum / (rounds + 1) as f64);
    Tasks { tasks, wall, processor: spent.into_inner().into_iter().map(mean).collect() }
}

/// Milliseconds that processes spent which this PID namespace's first process has
/// reaped: slurmstepds, which slurmd leaves to it, and all that they waited for.
fn of_ended_processes() -> f64 {
    of_children("1")
}

/// Milliseconds of processor time of the runtime by hand.
pub fn by_hand(nodes: &Nodes, effort: Effort) -> f64 {
    let times = effort.rounds(100);
    let before = of_children("self");
    for _ in 0..times {
        time(&mut nodes.by_hand("crun"));
    }
    (of_children("self") - before) / times as f64
}

fn of_children(process: &str) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields = stat.rsplit_once(')').unwrap().1;
    let times = fields.split_whitespace().skip(13).take(2);
    times.map(|ticks| ticks.parse::<f64>().unwrap() * TICK).sum()
}

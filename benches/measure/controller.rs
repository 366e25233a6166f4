//! What Slurm's controller sees of a step.

use std::{collections::BTreeMap, thread::sleep, time::Duration};

use crate::{
    nodes::{Nodes, OURS, PLAIN},
    rounds::time,
    tell,
};

/// Tasks of the step.
pub const TASKS: &str = "16";

/// How often it is counted: nodes tell the controller other things as well.
const TIMES: usize = 5;

/// The fewest messages that the controller gets for a job of one step with [`TASKS`]
/// tasks, by what runs the tasks.
pub fn messages(nodes: &Nodes) -> BTreeMap<String, u64> {
    tell("messages to the controller");
    let container = nodes.container();
    let least = |node: &str, option: &str| {
        let counts = (0..TIMES).map(|_| of_a_step(nodes, node, option));
        (node.to_owned(), counts.min().unwrap())
    };
    [least(PLAIN, "--export=ALL"), least(OURS, &container)].into()
}

fn of_a_step(nodes: &Nodes, node: &str, option: &str) -> u64 {
    nodes.wait_until_idle();
    let before = received(nodes);
    time(&mut nodes.srun(node, &["-N1", "-n", TASKS, option]));
    // Until the node has told that the job is over there.
    sleep(Duration::from_secs(1));
    received(nodes) - before
}

/// Messages of this user's and of the nodes, without those of the question itself.
fn received(nodes: &Nodes) -> u64 {
    let output = nodes.as_root("sdiag", &[]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let types = text.split("by message type").nth(1).unwrap_or_default();
    let types = types.split("by user").next().unwrap_or_default();
    let counts = types.lines().filter(|line| !line.contains("REQUEST_STATS_INFO"));
    let count = |line: &str| {
        let text = line.split("count:").nth(1)?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    };
    counts.filter_map(count).sum()
}

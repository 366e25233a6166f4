//! Short steps in one allocation.

use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::{
    Effort,
    nodes::{COMMAND, Nodes, OURS, PLAIN, native},
    rounds::{Case, Samples, take, time},
    tell,
};

/// Steps in a sample; ten samples are the 200 steps.
pub const STEPS: usize = 20;
const ROUNDS: usize = 10;

/// Steps in a row, or some at a time.
#[derive(Serialize, Deserialize)]
pub struct Steps {
    pub at_a_time: usize,
    /// Milliseconds for [`STEPS`] of them.
    pub wall: Samples,
}

pub fn measure(nodes: &Nodes, effort: Effort) -> Vec<Steps> {
    [1, 8].map(|at_a_time| of(nodes, at_a_time, effort)).into()
}

fn of(nodes: &Nodes, at_a_time: usize, effort: Effort) -> Steps {
    tell(&format!("{} short steps in an allocation, {at_a_time} at a time", STEPS * ROUNDS));
    let node = native("crun");
    let allocations = [PLAIN, OURS, &node].map(|node| Allocation::new(nodes, node));
    let container = nodes.container();
    let sample =
        |index: usize, option: &str| time(&mut allocations[index].steps(nodes, at_a_time, option));
    let cases = [
        Case::new(PLAIN, || sample(0, "--export=ALL")),
        Case::new(OURS, || sample(1, &container)),
        Case::new(&node, || sample(2, &container)),
    ];
    Steps { at_a_time, wall: take(&cases, effort.rounds(ROUNDS)) }
}

/// A job that waits for steps.
struct Allocation {
    node: String,
    job: String,
    cancel: std::cell::RefCell<Command>,
}

impl Allocation {
    fn new(nodes: &Nodes, node: &str) -> Self {
        let partition = format!("--partition={node}");
        let words = ["salloc", &partition, "--no-shell", "-N1", "-n8"];
        let output = nodes.command(node, &words).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        let number = told.split_whitespace().find(|word| word.bytes().all(|b| b.is_ascii_digit()));
        let job = number.unwrap_or_else(|| panic!("no allocation: {told}")).to_owned();
        let cancel = nodes.as_root("scancel", &[&job]).into();
        Self { node: node.to_owned(), job, cancel }
    }

    fn steps(&self, nodes: &Nodes, at_a_time: usize, option: &str) -> Command {
        let script = format!(
            "seq {STEPS} | xargs -P{at_a_time} -I{{}} srun --jobid={} -n1 --overlap {option} {COMMAND}",
            self.job
        );
        nodes.command(&self.node, &["sh", "-c", &script])
    }
}

impl Drop for Allocation {
    fn drop(&mut self) {
        let _ = self.cancel.borrow_mut().status();
    }
}

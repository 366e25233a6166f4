//! A task's life in parts, each of them somebody's.

use crate::{
    result::Slurm,
    statistics::median,
    timeline::{Life, Span},
};

/// Whose work a part of a task's life is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    Slurm,
    Ours,
    Runtime,
    Task,
}

impl Whose {
    pub fn name(self) -> &'static str {
        match self {
            Self::Slurm => "Slurm",
            Self::Ours => "spank-oci",
            Self::Runtime => "the runtime",
            Self::Task => "the task",
        }
    }
}

/// A part of a life and how long it takes.
pub struct Part {
    pub what: &'static str,
    pub whose: Whose,
    pub of: fn(&Life) -> Option<f64>,
}

/// The parts of a task's life in run mode, in order.
pub const PARTS: &[Part] = &[
    Part {
        what: "srun asks for the step; slurmd starts slurmstepd",
        whose: Whose::Slurm,
        of: |life| Some(life.slurmstepd.exec),
    },
    Part {
        what: "slurmstepd prepares the step, with the plugin's hooks, and executes the helper",
        whose: Whose::Slurm,
        of: |life| Some(life.helper.exec - life.slurmstepd.exec),
    },
    Part {
        what: "the helper is loaded, reads, plans, writes",
        whose: Whose::Ours,
        of: |life| Some(first(life)?.fork - life.helper.exec),
    },
    Part {
        what: "its child becomes the runtime",
        whose: Whose::Ours,
        of: |life| Some(first(life)?.exec - first(life)?.fork),
    },
    Part {
        what: "the runtime makes the container",
        whose: Whose::Runtime,
        of: |life| Some(life.container.exec - first(life)?.exec),
    },
    Part {
        what: "the task runs (`usleep 100000`)",
        whose: Whose::Task,
        of: |life| Some(life.container.exit - life.container.exec),
    },
    Part {
        what: "the runtime removes the container",
        whose: Whose::Runtime,
        of: |life| Some(last(life)?.exit - life.container.exit),
    },
    Part {
        what: "the helper removes its files and ends",
        whose: Whose::Ours,
        of: |life| Some(life.helper.exit - last(life)?.exit),
    },
    Part {
        what: "slurmstepd and srun end the step, with the plugin's hooks",
        whose: Whose::Slurm,
        of: |life| Some(life.srun.exit - life.helper.exit),
    },
];

fn first(life: &Life) -> Option<&Span> {
    life.commands.first()
}

fn last(life: &Life) -> Option<&Span> {
    life.commands.last()
}

/// The median of a number of many lives.
pub fn middle(lives: &[Life], of: fn(&Life) -> Option<f64>) -> Option<f64> {
    let numbers: Vec<_> = lives.iter().filter_map(of).collect();
    (!numbers.is_empty()).then(|| median(&numbers))
}

/// From the end of the container to that of the helper, without what RunTimeDelete
/// takes, the last command of create and start.
pub fn delay(slurm: &Slurm, way: &str) -> Option<f64> {
    middle(slurm.lives.get(way)?, |life| {
        let delete = last(life)?;
        Some(life.helper.exit - life.container.exit - (delete.exit - delete.fork))
    })
}

/// How long each command of the runtime takes, and what the helper itself adds between
/// its own start and end: ms.
pub fn commands(lives: &[Life]) -> (Vec<f64>, f64) {
    let count = lives.first().map_or(0, |life| life.commands.len());
    let lives: Vec<_> = lives.iter().filter(|life| life.commands.len() == count).collect();
    let length = |span: &Span| span.exit - span.exec;
    let middle =
        |of: &dyn Fn(&Life) -> f64| median(&lives.iter().map(|life| of(life)).collect::<Vec<_>>());
    let each = (0..count).map(|index| middle(&|life: &Life| length(&life.commands[index])));
    let each = each.collect();
    let ours = middle(&|life: &Life| {
        let commands: f64 = life.commands.iter().map(length).sum();
        length(&life.helper) - commands - length(&life.container)
    });
    (each, ours)
}

/// The life whose whole length is the median.
pub fn typical(lives: &[Life]) -> Option<&Life> {
    let mut sorted: Vec<_> = lives.iter().collect();
    sorted.sort_by(|a, b| a.srun.exit.total_cmp(&b.srun.exit));
    sorted.get(sorted.len() / 2).copied()
}

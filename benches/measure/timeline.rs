//! The life of one task, as the kernel saw it: when each program began and ended.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    Effort,
    nodes::{Nodes, OURS, RUNTIMES},
    rounds::time,
    tell,
    trace::{Event, Time, Trace},
};

/// A program of the image that nobody else on the machine executes, and its argument, in
/// microseconds. It ends after RunTimeStart has.
const PROGRAM: &str = "/bin/usleep";
const LONG: &str = "100000";
/// The program of this process, as the kernel knows it.
const SELF: &str = "measure";

/// From when the program was executed to its end, in ms since srun was.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// When the process was made that then executes the program.
    pub fork: Time,
    pub exec: Time,
    pub exit: Time,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Life {
    pub srun: Span,
    pub slurmstepd: Span,
    pub helper: Span,
    /// Commands of the runtime, in order.
    pub commands: Vec<Span>,
    pub container: Span,
}

pub fn measure(nodes: &Nodes, effort: Effort) -> BTreeMap<String, Vec<Life>> {
    tell("lives of tasks");
    let trace = match Trace::start() {
        Ok(trace) => trace,
        Err(error) => {
            tell(&format!("left out: the lives of tasks: no events of the kernel: {error}"));
            return BTreeMap::new();
        }
    };
    let container = nodes.container();
    let mut lives: BTreeMap<String, Vec<Life>> = BTreeMap::new();
    for _ in 0..effort.rounds(20) {
        for runtime in RUNTIMES {
            for mode in ["run", "create"] {
                let option = format!("--container-runtime={runtime}-{mode}");
                let seen = life(nodes, &trace, &[&container, &option]);
                lives.entry(format!("{runtime} {mode}")).or_default().extend(seen);
            }
        }
    }
    lives
}

fn life(nodes: &Nodes, trace: &Trace, options: &[&str]) -> Option<Life> {
    nodes.wait_until_idle();
    let partition = format!("--partition={OURS}");
    trace.clear();
    time(&mut nodes.command(OURS, &[&["srun", &partition], options, &[PROGRAM, LONG]].concat()));
    nodes.wait_until_idle();
    Processes::of(&trace.events()).life()
}

/// Processes by their numbers.
struct Processes {
    all: BTreeMap<u32, Process>,
}

#[derive(Default)]
struct Process {
    parent: Option<u32>,
    parent_name: String,
    fork: Option<Time>,
    /// Programs executed one after the other.
    execs: Vec<(Time, String)>,
    exit: Option<Time>,
}

impl Processes {
    fn of(events: &[Event]) -> Self {
        let mut all: BTreeMap<u32, Process> = BTreeMap::new();
        for event in events.iter().cloned() {
            match event {
                Event::Fork { time, parent, parent_name, child } => {
                    let process = all.entry(child).or_default();
                    (process.fork, process.parent) = (Some(time), Some(parent));
                    process.parent_name = parent_name;
                }
                Event::Exec { time, process, program } => {
                    all.entry(process).or_default().execs.push((time, program));
                }
                Event::Exit { time, process } => all.entry(process).or_default().exit = Some(time),
            }
        }
        Self { all }
    }

    /// The task's life, if all of it was seen.
    fn life(&self) -> Option<Life> {
        let executed = |pid: &u32, program: &str| self.exec(*pid, program).is_some();
        let container = *self.all.keys().find(|pid| executed(pid, PROGRAM))?;
        let above: Vec<u32> =
            std::iter::successors(Some(container), |pid| self.all.get(pid)?.parent).collect();
        let stepd = *above.iter().find(|pid| executed(pid, "slurmstepd"))?;
        let helper = *above.iter().find(|pid| executed(pid, "spank-oci"))?;
        let of_ours = |process: &Process| process.parent_name.starts_with(SELF);
        let srun = self.all.iter().find(|(pid, process)| of_ours(process) && executed(pid, "srun"));
        let srun = *srun?.0;
        let start = self.exec(srun, "srun")?;
        let span = |pid: u32, program: &str| {
            let process = self.all.get(&pid)?;
            let exec = self.exec(pid, program)?;
            let since = |time: Time| time - start;
            let fork = since(process.fork.unwrap_or(exec));
            Some(Span { fork, exec: since(exec), exit: since(process.exit?) })
        };
        let children = self.all.iter().filter(|(_, process)| process.parent == Some(helper));
        let command = |pid: u32| span(pid, "crun").or_else(|| span(pid, "runc"));
        let mut commands: Vec<Span> = children.filter_map(|(pid, _)| command(*pid)).collect();
        commands.sort_by(|a, b| a.fork.total_cmp(&b.fork));
        Some(Life {
            srun: span(srun, "srun")?,
            slurmstepd: span(stepd, "slurmstepd")?,
            helper: span(helper, "spank-oci")?,
            commands,
            container: span(container, PROGRAM)?,
        })
    }

    /// When a process executed a program of this name.
    fn exec(&self, pid: u32, program: &str) -> Option<Time> {
        let named = |path: &str| path == program || path.ends_with(&format!("/{program}"));
        let execs = &self.all.get(&pid)?.execs;
        execs.iter().find(|(_, path)| named(path)).map(|(time, _)| *time)
    }
}

//! Who is who among the processes of a step.

use std::{collections::BTreeMap, fs};

use super::stage::Victim;

/// The processes of this cluster, by number.
pub struct Processes {
    all: BTreeMap<u32, Process>,
}

struct Process {
    parent: u32,
    name: String,
    command: String,
    /// It is the first process of a PID namespace below this one.
    is_init: bool,
}

impl Processes {
    pub fn seen() -> Self {
        let entries = fs::read_dir("/proc").unwrap().flatten();
        let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        Self { all: numbers.filter_map(|pid| Some((pid, Process::seen(pid)?))).collect() }
    }

    /// The slurmstepd of a job's first step.
    pub fn slurmstepd(&self, job: &str) -> Option<u32> {
        let title = format!("slurmstepd: [{job}.0]");
        self.find(|process| process.command.starts_with(&title))
    }

    /// A process of the step whose slurmstepd is known; `held` is the one that a
    /// gate has stopped.
    pub fn victim(&self, who: Victim, slurmstepd: u32, held: Option<u32>) -> Option<u32> {
        match who {
            // It belongs to no step.
            Victim::Slurmd => None,
            Victim::Slurmstepd => Some(slurmstepd),
            Victim::Helper => self.helper(slurmstepd),
            Victim::Init => self.below(slurmstepd).find(|pid| self.all[pid].is_init),
            Victim::Runtime => match held {
                // A hook's parent is the runtime; a gate stands for it.
                Some(held) if !self.is_gate(held) => Some(self.all.get(&held)?.parent),
                Some(held) => Some(held),
                None => self.below(slurmstepd).find(|&pid| self.is_runtime(pid)),
            },
        }
    }

    pub fn helper(&self, slurmstepd: u32) -> Option<u32> {
        self.below(slurmstepd).find(|pid| self.all[pid].name == "spank-oci")
    }

    fn is_gate(&self, pid: u32) -> bool {
        let parent = self.all.get(&pid).and_then(|process| self.all.get(&process.parent));
        parent.is_some_and(|parent| parent.name == "spank-oci")
    }

    /// The gate waits for it.
    fn is_runtime(&self, pid: u32) -> bool {
        let Process { parent, is_init, .. } = &self.all[&pid];
        self.is_gate(*parent) && !is_init
    }

    fn below(&self, ancestor: u32) -> impl Iterator<Item = u32> {
        let pids = self.all.keys().copied();
        pids.filter(move |&pid| pid != ancestor && self.has_ancestor(pid, ancestor))
    }

    fn has_ancestor(&self, pid: u32, ancestor: u32) -> bool {
        pid == ancestor
            || self.all.get(&pid).is_some_and(|process| self.has_ancestor(process.parent, ancestor))
    }

    fn find(&self, wanted: impl Fn(&Process) -> bool) -> Option<u32> {
        self.all.iter().find(|(_, process)| wanted(process)).map(|(&pid, _)| pid)
    }
}

impl Process {
    fn seen(pid: u32) -> Option<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            Some(line.trim_start_matches(':').trim().to_owned())
        };
        let numbers = field("NSpid")?;
        let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        Some(Self {
            parent: field("PPid")?.parse().ok()?,
            name: field("Name")?,
            command: String::from_utf8_lossy(&command).replace('\0', " "),
            is_init: numbers.contains('\t') && numbers.ends_with("\t1"),
        })
    }
}

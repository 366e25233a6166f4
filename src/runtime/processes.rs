//! Other processes, as proc(5) shows them, and their end.
#![forbid(unsafe_code)]

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    iter::successors,
    os::unix::ffi::OsStrExt,
    process,
    time::{Duration, Instant},
};

use nix::{
    libc::{SIGCONT, SIGKILL, SIGSTOP, c_int},
    unistd::{getpgrp, getsid},
};

use crate::sys::{
    children::{self, Reaped},
    pidfd, signals, stand_in,
};

/// How long killed processes may take to be gone; the kernel is quick, unless one
/// waits for a device or a file server.
const PATIENCE: Duration = Duration::from_secs(5);

/// What /proc/PID/stat tells of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Process {
    pid: u32,
    /// It has ended, and its parent has not taken notice.
    ended: bool,
    stopped: bool,
    parent: u32,
    group: Group,
    start: u64,
}

/// A process group, known together with its session: numbers of groups are used
/// again, but hardly both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// The process group's number.
    pub id: u32,
    /// The session's number.
    pub session: u32,
}

impl Group {
    /// The group of this process: slurmstepd puts all tasks of a step on a node into
    /// one, and the runtimes that they start stay in it.
    pub fn own() -> Option<Self> {
        let session = getsid(None).ok()?;
        Some(Self {
            id: getpgrp().as_raw().cast_unsigned(),
            session: session.as_raw().cast_unsigned(),
        })
    }

    /// The group of a process that leads a session.
    pub fn led_by(id: u32) -> Self {
        Self { id, session: id }
    }

    /// Kills all processes of the group and waits until they are gone. Nothing is
    /// done to a group that this process is in.
    pub fn end(self) {
        self.end_some(|_| true);
    }

    /// The same for those that have no living ancestor but the system's: what a
    /// killed helper leaves behind. Other tasks of the step descend from slurmstepd.
    pub fn end_orphans(self, slurmstepd: u32) {
        let parents: BTreeMap<_, _> =
            living(|_| true).map(|process| (process.pid, process.parent)).collect();
        self.end_some(|member| {
            let mut ancestors = successors(Some(member.pid), |pid| parents.get(pid).copied());
            !ancestors.any(|ancestor| ancestor == slurmstepd)
        });
    }

    fn end_some(self, wanted: impl Fn(&Process) -> bool) {
        if Some(self) != Self::own() {
            end_trees(|process| process.group == self && wanted(process));
        }
    }
}

/// Kills all processes that have this word in their command line, with all that descends
/// from them.
pub fn end_those_with(word: &OsStr) {
    end_trees(|process| has_word(process.pid, word.as_bytes()));
}

/// Waits for the end of all processes that have this word in their command line, but
/// first ones of a container, no longer than until `deadline`.
pub fn await_those_with(word: &OsStr, deadline: Instant) {
    let makes = |process: &Process| {
        has_word(process.pid, word.as_bytes()) && !is_first_of_its_namespace(process.pid)
    };
    // It may have become another before it ended.
    while let Some(process) = living(makes).next() {
        if !pidfd::ends_within(process.pid, deadline.saturating_duration_since(Instant::now())) {
            return;
        }
    }
}

/// Whether a process was executed with this word, or one that is an option with it, by
/// proc(5), /proc/pid/cmdline.
fn has_word(pid: u32, word: &[u8]) -> bool {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let is_it = |found: &[u8]| {
        found.strip_suffix(word).is_some_and(|option| option.is_empty() || option.ends_with(b"="))
    };
    line.split(|&byte| byte == 0).any(is_it)
}

/// Whether a process is the first of a PID namespace below this one's, by proc(5),
/// /proc/pid/status.
fn is_first_of_its_namespace(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    numbers.is_some_and(|numbers| numbers.trim().ends_with("\t1"))
}

/// Kills all that descends from a process, in whatever group or session, but this one.
pub fn end_below(ancestor: u32) {
    end_trees(|process| is_below(process, ancestor));
}

/// Stops all that descends from a process, but this one.
pub fn stop_below(ancestor: u32) {
    stop_trees(|process| is_below(process, ancestor));
}

/// Lets all that descends from a process and is stopped go on.
pub fn continue_below(ancestor: u32) {
    let all: BTreeMap<_, _> = living(|_| true).map(|process| (process.pid, process)).collect();
    for process in all.values().filter(|process| process.stopped) {
        let mut lineage = successors(Some(process), |process| all.get(&process.parent));
        if lineage.any(|process| process.parent == ancestor) {
            signals::send(process.pid, SIGCONT);
        }
    }
}

fn is_below(process: &Process, ancestor: u32) -> bool {
    process.parent == ancestor && process.pid != process::id()
}

/// Kills processes with all that descends from them, in whatever group or session.
/// They are stopped first, so that none makes another one meanwhile.
fn end_trees(is_root: impl Fn(&Process) -> bool) {
    let members = stop_trees(is_root);
    members.iter().for_each(|member| signals::send(member.pid, SIGKILL));
    await_end(&members);
}

/// Stops processes with all that descends from them; all of these.
fn stop_trees(is_root: impl Fn(&Process) -> bool) -> Vec<Process> {
    let deadline = Instant::now() + PATIENCE;
    let mut members = BTreeMap::<u32, Process>::new();
    let mut settled = false;
    while !settled && Instant::now() < deadline {
        settled = true;
        for process in living(|_| true) {
            let is_known = members.contains_key(&process.pid);
            if is_known {
                settled &= process.stopped;
            } else if members.contains_key(&process.parent) || is_root(&process) {
                settled = false;
                signals::send(process.pid, SIGSTOP);
                members.insert(process.pid, process);
            }
        }
    }
    members.into_values().collect()
}

/// When a process was started, in clock ticks since boot; `None` if there is no
/// such process. Number and start together tell one process from all others.
pub fn start_time(pid: u32) -> Option<u64> {
    look(pid).map(|process| process.start)
}

/// Whether a process is there no more, or only for its parent to take notice.
pub fn has_ended(pid: u32) -> bool {
    look(pid).is_none_or(|process| process.ended)
}

/// Kills all children of this process, adopted ones included, and theirs as they
/// become adopted, until there is none but the watcher of its process group.
pub fn end_children() {
    let own = process::id();
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        match children::reap() {
            Reaped::Childless => return,
            Reaped::Child(..) => continue,
            Reaped::Nobody => {}
        }
        let is_meant =
            |process: &Process| process.parent == own && !stand_in::is_watcher(process.pid);
        let children: Vec<_> = living(is_meant).collect();
        if children.is_empty() {
            return;
        }
        children.iter().for_each(|child| signals::send(child.pid, SIGKILL));
        await_end(&children);
    }
}

fn await_end(processes: &[Process]) {
    let deadline = Instant::now() + PATIENCE;
    for process in processes {
        pidfd::ends_within(process.pid, deadline.saturating_duration_since(Instant::now()));
    }
}

fn living(wanted: impl Fn(&Process) -> bool) -> impl Iterator<Item = Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let all = entries.filter_map(|entry| look(entry.file_name().to_str()?.parse().ok()?));
    all.filter(move |process| !process.ended && wanted(process))
}

fn look(pid: u32) -> Option<Process> {
    parse(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The fields are those of proc(5), /proc/pid/stat, counted from 3.
fn parse(pid: u32, stat: &str) -> Option<Process> {
    // The second field, the program's name, may hold anything up to the last ')'.
    let fields: Vec<_> = stat.rsplit(')').next()?.split_whitespace().collect();
    let number = |field: usize| fields.get(field - 3)?.parse::<c_int>().ok();
    let unsigned = |field| number(field)?.try_into().ok();
    Some(Process {
        pid,
        ended: matches!(*fields.first()?, "Z" | "X"),
        stopped: matches!(*fields.first()?, "T" | "t"),
        parent: unsigned(4)?,
        group: Group { id: unsigned(5)?, session: unsigned(6)? },
        start: fields.get(22 - 3)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests;

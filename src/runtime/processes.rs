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
    libc::{SIGKILL, SIGSTOP, c_int},
    unistd::{getpgrp, getsid},
};

use crate::sys::{
    children::{self, Reaped},
    pidfd, signals,
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
/// from them. `crun run --detach` makes the container in a session of its own.
pub fn end_those_with(word: &OsStr) {
    end_trees(|process| has_word(process.pid, word.as_bytes()));
}

/// Whether a process was executed with this word, by proc(5), /proc/pid/cmdline.
fn has_word(pid: u32, word: &[u8]) -> bool {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split(|&byte| byte == 0).any(|found| found == word)
}

/// Kills processes with all that descends from them, in whatever group or session.
/// They are stopped first, so that none makes another one meanwhile.
fn end_trees(is_root: impl Fn(&Process) -> bool) {
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
    let members: Vec<_> = members.into_values().collect();
    members.iter().for_each(|member| signals::send(member.pid, SIGKILL));
    await_end(&members);
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
/// become adopted, until there is none.
pub fn end_children() {
    let own = process::id();
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        match children::reap() {
            Reaped::Childless => return,
            Reaped::Child(..) => continue,
            Reaped::Nobody => {}
        }
        let children: Vec<_> = living(|process| process.parent == own).collect();
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
mod tests {
    use std::{
        os::unix::process::{CommandExt, ExitStatusExt},
        process::{Child, Command},
    };

    use super::*;

    #[test]
    fn a_process_is_read_whatever_its_name_is() {
        let stat = "7 (a) b) S 1 5 3 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 4711 9 9";
        let group = Group { id: 5, session: 3 };
        let expected =
            Process { pid: 7, ended: false, stopped: false, parent: 1, group, start: 4711 };
        assert_eq!(parse(7, stat), Some(expected));
        assert_eq!(parse(7, "7 (a) S 1"), None);
    }

    #[test]
    fn this_process_is_found_with_its_group() {
        let own = look(process::id()).unwrap();
        assert_eq!(Some(own.group), Group::own());
        assert_eq!(start_time(process::id()), Some(own.start));
    }

    fn sleep_in_group(group: c_int) -> Child {
        Command::new("sleep").arg("600").process_group(group).spawn().unwrap()
    }

    #[test]
    fn a_group_is_ended_as_a_whole_and_another_with_its_number_is_not() {
        let mut leader = sleep_in_group(0);
        let id = leader.id();
        let mut member = sleep_in_group(id.cast_signed());
        let session = Group::own().unwrap().session;
        Group { id, session: session + 1 }.end();
        assert_eq!(leader.try_wait().unwrap(), None);
        Group { id, session }.end();
        for child in [&mut leader, &mut member] {
            assert_eq!(child.wait().unwrap().signal(), Some(SIGKILL));
        }
    }

    #[test]
    fn processes_are_ended_by_a_whole_word_of_their_command_line_with_what_they_started() {
        let shell = |word: &str| {
            let script = "sleep 600 & wait";
            Command::new("sh").args(["-c", script, word]).process_group(0).spawn().unwrap()
        };
        let word = format!("/run/{}/task-0.pid", process::id());
        let (mut meant, mut other) = (shell(&word), shell(&format!("{word}s")));
        let child = |shell: &Child| loop {
            let found = living(|process| process.parent == shell.id()).next();
            if let Some(process) = found {
                return process.pid;
            }
        };
        let (below_meant, below_other) = (child(&meant), child(&other));
        end_those_with(word.as_ref());
        assert!(has_ended(below_meant) && !has_ended(below_other));
        assert_eq!(meant.wait().unwrap().signal(), Some(SIGKILL));
        assert_eq!(other.try_wait().unwrap(), None);
        Group { id: other.id(), ..Group::own().unwrap() }.end();
        other.wait().unwrap();
    }

    #[test]
    fn the_own_group_is_spared() {
        Group::own().unwrap().end();
    }

    #[test]
    fn only_orphans_are_ended_where_others_of_the_group_have_their_ancestor() {
        // This process stands for slurmstepd.
        let mut member = sleep_in_group(0);
        let group = Group { id: member.id(), ..Group::own().unwrap() };
        // A shell that puts one more into the background and ends.
        let mut shell = Command::new("sh");
        shell
            .args(["-c", "sleep 600 >/dev/null 2>&1 & echo $!"])
            .process_group(member.id().cast_signed());
        let orphan = String::from_utf8(shell.output().unwrap().stdout).unwrap();
        let orphan = orphan.trim().parse().unwrap();
        assert!(!has_ended(orphan));
        group.end_orphans(process::id());
        assert!(has_ended(orphan));
        assert_eq!(member.try_wait().unwrap(), None);
        member.kill().unwrap();
        member.wait().unwrap();
    }
}

//! The kernel's own record of processes: when each was made, executed a program, and
//! ended. Written without slowing anything down, unlike by strace.

use std::{fs, io, path::PathBuf, process::Command};

const EVENTS: [&str; 3] = ["sched_process_fork", "sched_process_exec", "sched_process_exit"];
const MOUNT: &str = "/sys/kernel/tracing";

/// Milliseconds of some clock.
pub type Time = f64;

/// What happened to a process, by its number outside of all PID namespaces.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Fork { time: Time, parent: u32, parent_name: String, child: u32 },
    Exec { time: Time, process: u32, program: String },
    Exit { time: Time, process: u32 },
}

/// A buffer of our own, so that nobody else's tracing is disturbed.
pub struct Trace {
    directory: PathBuf,
}

impl Trace {
    /// Begins to record.
    ///
    /// # Errors
    /// Why this machine offers no events.
    pub fn start() -> io::Result<Self> {
        if !PathBuf::from(MOUNT).join("instances").is_dir() {
            Command::new("mount").args(["-t", "tracefs", "none", MOUNT]).output()?;
        }
        let name = format!("instances/measure-{}", std::process::id());
        let directory = PathBuf::from(MOUNT).join(name);
        fs::create_dir(&directory)?;
        let trace = Self { directory };
        trace.set("trace_clock", "mono")?;
        trace.set("buffer_size_kb", "4096")?;
        EVENTS
            .iter()
            .try_for_each(|event| trace.set(&format!("events/sched/{event}/enable"), "1"))?;
        Ok(trace)
    }

    fn set(&self, file: &str, value: &str) -> io::Result<()> {
        fs::write(self.directory.join(file), value)
    }

    /// Forgets what was recorded.
    pub fn clear(&self) {
        self.set("trace", "").unwrap();
    }

    /// What was recorded since then, in order.
    pub fn events(&self) -> Vec<Event> {
        let text = fs::read_to_string(self.directory.join("trace")).unwrap();
        text.lines().filter_map(parse).collect()
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.directory);
    }
}

/// A line such as `sh-42 [000] d.... 745.419605: sched_process_exec: filename=/bin/true pid=42 …`.
fn parse(line: &str) -> Option<Event> {
    let (head, text) = EVENTS.iter().find_map(|event| line.split_once(&format!(": {event}: ")))?;
    let seconds: f64 = head.rsplit(' ').next()?.parse().ok()?;
    let time = seconds * 1e3;
    // Programs' names may have spaces; no value is followed by another `key=` in them.
    let value = |key: &str| {
        let start = text.find(&format!("{key}="))? + key.len() + 1;
        text[start..].split_whitespace().next()
    };
    let process = || value(" pid")?.parse().ok();
    if let Some(child) = value("child_pid") {
        let (parent_name, child) = (value("comm")?.to_owned(), child.parse().ok()?);
        return Some(Event::Fork { time, parent: process()?, parent_name, child });
    }
    match value("filename") {
        Some(program) => {
            Some(Event::Exec { time, process: process()?, program: program.to_owned() })
        }
        None => Some(Event::Exit { time, process: process()? }),
    }
}

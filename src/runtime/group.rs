//! The step's process group under proctrack/pgid, which slurmstepd signals as a whole.
//!
//! A container has groups of its own, so that what the kernel does to the members of the
//! step's is done to the container here: it is stopped, goes on and is killed with them.
//! What can be caught comes to the helper once it has left the group, and to no runtime.
#![forbid(unsafe_code)]

use std::{process, thread::sleep, time::Duration};

use nix::libc::{SIGKILL, SIGSTOP};

use super::processes;
use crate::{
    files,
    request::{Delivery, Request},
    sys::{
        signals,
        stand_in::{self, Happened},
    },
};

/// How long whoever passes signals on may take for SIGCONT. What is still stopped then has
/// not had it.
const PASSED_ON: Duration = Duration::from_millis(100);

/// Leaves the step's process group, if slurmstepd signals that. A task with a terminal
/// leads a session and cannot: it gets what can be caught with the others.
pub fn leave(request: &mut Request) {
    if request.delivery != Delivery::Group {
        return;
    }
    let helper = process::id();
    match stand_in::start(|happened| follow(happened, helper)) {
        Ok(true) => request.delivery = Delivery::Task,
        Ok(false) => {}
        Err(error) => {
            log::warn!("cannot stop the container when its job is: {}", files::cause(&error));
        }
    }
}

/// Does to the container what was done to the group; in the watcher.
fn follow(happened: Happened, helper: u32) {
    match happened {
        Happened::Stopped => processes::stop_below(helper),
        Happened::Continued => {
            sleep(PASSED_ON);
            processes::continue_below(helper);
        }
        Happened::Killed => {
            // It must not take the container's end for an ordinary one.
            signals::send(helper, SIGSTOP);
            processes::end_below(helper);
            signals::send(helper, SIGKILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::process::ExitStatusExt, thread::yield_now};

    use nix::libc::SIGCONT;

    use super::*;
    use crate::sys::stand_in::tests::{shell_that_left, signal_group};

    /// The state of each process of that name, by proc(5).
    fn states(name: &str) -> String {
        let entries = fs::read_dir("/proc").unwrap().flatten();
        let stats = entries.filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok());
        let states = stats.filter_map(|stat| {
            let (before, after) = stat.rsplit_once(") ")?;
            before.ends_with(&format!("({name}")).then(|| after.chars().next())?
        });
        states.filter(|state| *state != 'Z').collect()
    }

    fn wait_until(name: &str, expected: &str) {
        while states(name) != expected {
            yield_now();
        }
    }

    #[test]
    fn what_is_below_stops_goes_on_and_ends_with_the_group() {
        // The names of the programs are their own in this system.
        let name = format!("below-{}", process::id());
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join(&name);
        fs::copy("/bin/sleep", &program).unwrap();
        // One in the group, one in a session of its own.
        let script = format!("{0} 600 & setsid {0} 601 & wait", program.display());
        let mut shell = shell_that_left(&script, follow);
        wait_until(&name, "SS");
        signal_group(&shell, SIGSTOP);
        wait_until(&name, "TT");
        signal_group(&shell, SIGCONT);
        wait_until(&name, "SS");
        signal_group(&shell, SIGKILL);
        assert_eq!(shell.wait().unwrap().signal(), Some(SIGKILL));
        assert_eq!(states(&name), "");
    }
}

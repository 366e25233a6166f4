//! A container that its runtime leaves to this process, with the number of its first
//! process in a file.
//!
//! What crun makes the container with is a child of its own that may live a moment longer,
//! and the container may have ended by then: so the ends of all children are kept until the
//! container's is known among them.
#![forbid(unsafe_code)]

use std::{
    collections::BTreeMap,
    fs, io,
    path::Path,
    time::{Duration, Instant},
};

use nix::libc::SIGCHLD;

use super::{RuntimeError, container::First, elsewhere::Elsewhere, process};
use crate::{
    files,
    sys::{
        children::{self, Ended, Reaped},
        parent, signals,
    },
    template::Command,
};

/// How long what is left of a runtime that has succeeded may take to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// The children of this process that have ended, by number.
pub type Ends = BTreeMap<u32, Ended>;

/// The container's first process, as its runtime has written it down.
///
/// # Errors
/// It is not there, in words.
pub fn process_id(file: &Path) -> Result<u32, String> {
    let text = fs::read_to_string(file).map_err(|error| files::cause(&error));
    let number = text.and_then(|text| match text.trim().parse() {
        Ok(pid @ 2..) => Ok(pid),
        _ => Err(format!("it says {text:?}")),
    });
    number
        .map_err(|cause| format!("the container's process is not in '{}': {cause}", file.display()))
}

/// How the end of a container's first process is seen, which `operation` has made by
/// `command`; `ends` are those of children that have ended since.
///
/// # Errors
/// There is no such process, or slurmstepd has ended.
pub fn first(
    pid: u32,
    mut ends: Ends,
    operation: &'static str,
    command: &Command,
) -> Result<First, RuntimeError> {
    match adopted(pid, &mut ends) {
        Ok(true) => Ok(ends.remove(&pid).map_or(First::Own, First::Ended)),
        Ok(false) => Elsewhere::of(pid, operation, command).map(First::Elsewhere),
        Err(error) => Err(process::failed(operation, command, error.to_string())),
    }
}

/// Waits until a process is a child of this one, running or not; whether it becomes one.
fn adopted(pid: u32, ends: &mut Ends) -> io::Result<bool> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let reaped = reap_all(ends);
        if ends.contains_key(&pid) || children::is_own(pid) {
            return Ok(true);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if reaped == Reaped::Childless || left.is_zero() {
            return Ok(false);
        }
        // What else comes now is for whoever waits next.
        signals::wait_within(&[SIGCHLD, parent::SIGNAL], left);
        if parent::is_gone() {
            return Err(io::Error::other("slurmstepd has ended"));
        }
    }
}

/// Takes notice of the children that have ended; what there is beside them.
fn reap_all(ends: &mut Ends) -> Reaped {
    loop {
        match children::reap() {
            Reaped::Child(pid, ended) => _ = ends.insert(pid, ended),
            rest => return rest,
        }
    }
}

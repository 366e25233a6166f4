//! RunTimeRun that ends once the container runs: it is told to (`--detach`) where
//! slurmstepd signals every process, since one that waits would pass each signal on to
//! the container, which has had it already.
//!
//! The runtime inherits the task's standard input and outputs and leaves the number of
//! the container's first process in a file. What crun makes the container with is a
//! child of its own that may live a moment longer, and the container may have ended by
//! then: so the ends of all children are kept until the container's is known among them.
#![forbid(unsafe_code)]

use std::{
    collections::BTreeMap,
    fs, io,
    time::{Duration, Instant},
};

use super::{
    RuntimeError,
    cleanup::Left,
    console::ConsoleSocket,
    container::{Container, First},
    elsewhere::Elsewhere,
    prepare,
    process::{self, Spawned},
    relay::Relay,
};
use crate::{
    files,
    plan::{Detached, Plan},
    request::Forwarding,
    sys::{
        children::{self, Ended, Reaped},
        parent, signals,
    },
};

const OPERATION: &str = "RunTimeRun";
/// How long what is left of a runtime that has succeeded may take to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// The children of this process that have ended, by number.
type Ends = BTreeMap<u32, Ended>;

/// Runs the task in a container that its runtime leaves to us: its first process's end,
/// or that of a runtime that has made none; and what may be left of the container.
pub fn run(
    plan: &Plan,
    commands: &Detached,
    forwarding: Forwarding,
) -> (Result<Ended, RuntimeError>, Left) {
    match started(plan, commands, forwarding) {
        Ok(Ok(container)) => (Ok(container.wait(forwarding.to_container)), Left::Ended),
        // Its own message stands before.
        Ok(Err(ended)) => (Ok(ended), Left::Anything),
        Err(error) => {
            let left = error.left();
            (Err(error), left)
        }
    }
}

/// The container, or the end of a runtime that has failed.
fn started(
    plan: &Plan,
    commands: &Detached,
    forwarding: Forwarding,
) -> Result<Result<Container, Ended>, RuntimeError> {
    let Detached { run, pid_file, console } = commands;
    let console = console.as_deref().map(ConsoleSocket::listen).transpose()?;
    let mut ends = Ends::new();
    let runtime = Spawned::with_stdio(run, &plan.runtime_env, OPERATION)?;
    let on_signal = |runtime, signal| {
        if forwarding.to_runtime {
            signals::send(runtime, signal);
        }
    };
    let ended = runtime.supervise_among(on_signal, |pid, ended| _ = ends.insert(pid, ended));
    if ended != Ended::Exited(0) {
        return Ok(Err(ended));
    }
    let failed = |cause: String| process::failed(OPERATION, run, cause);
    let pid = fs::read_to_string(pid_file).map_err(|error| files::cause(&error));
    let pid = pid.and_then(|text| number(&text)).map_err(|cause| {
        failed(format!("the container's process is not in '{}': {cause}", pid_file.display()))
    })?;
    if plan.end.names_process() {
        prepare::write_record(plan, Some(pid), None)?;
    }
    let first = match adopted(pid, &mut ends) {
        Ok(true) => ends.remove(&pid).map_or(First::Own, First::Ended),
        Ok(false) => First::Elsewhere(Elsewhere::of(pid, OPERATION, run)?),
        Err(error) => return Err(failed(error.to_string())),
    };
    let relay = console.map(|console| console.receive(OPERATION)).transpose()?;
    let relay = relay.map(Relay::start).transpose()?;
    Ok(Ok(Container { pid, first, relay }))
}

fn number(text: &str) -> Result<u32, String> {
    match text.trim().parse() {
        Ok(pid @ 2..) => Ok(pid),
        _ => Err(format!("it says {text:?}")),
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
        // At the end of its parent, SIGCHLD. What else comes now, the container has had.
        signals::wait_within(left);
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

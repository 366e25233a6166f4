//! RunTimeRun that ends once the container runs: it is told to (`--detach`) where
//! slurmstepd signals every process, since one that waits would pass each signal on to
//! the container, which has had it already.
//!
//! The runtime inherits the task's standard input and outputs and leaves the number of
//! the container's first process in a file ([`super::adoption`]).
#![forbid(unsafe_code)]

use super::{
    RuntimeError,
    adoption::{self, Ends},
    cleanup::Left,
    console::ConsoleSocket,
    container::Container,
    prepare,
    process::{self, Spawned},
    relay::Relay,
};
use crate::{
    plan::{Detached, Plan},
    request::Forwarding,
    sys::{children::Ended, signals},
};

const OPERATION: &str = "RunTimeRun";

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
    let pid =
        adoption::process_id(pid_file).map_err(|cause| process::failed(OPERATION, run, cause))?;
    if plan.end.names_process() {
        prepare::write_record(plan, Some(pid), None)?;
    }
    let first = adoption::first(pid, ends, OPERATION, run)?;
    let relay = console.map(|console| console.receive(OPERATION)).transpose()?;
    let relay = relay.map(Relay::start).transpose()?;
    Ok(Ok(Container { pid, first, relay }))
}

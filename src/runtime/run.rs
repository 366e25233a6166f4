//! RunTimeRun: one process of the runtime that lives as long as the container.
//!
//! Most runtimes on a terminal join it with the container's by themselves. One that
//! is asked to hand it over does so while it runs, and the two are joined here.
#![forbid(unsafe_code)]

use std::path::Path;

use nix::libc::SIGWINCH;

use super::{
    RuntimeError, cleanup, console::ConsoleSocket, prepare, process::Spawned, relay::Relay,
};
use crate::{
    plan::Plan,
    sys::{children::Ended, signals},
    template::Command,
};

/// Runs the task in a container; its status is the one that RunTimeRun reports.
///
/// # Errors
/// RunTimeRun cannot be executed, or its container's terminal cannot be used.
pub fn run(
    plan: &Plan,
    command: &Command,
    console: Option<&Path>,
    forward_signals: bool,
) -> Result<Ended, RuntimeError> {
    let console = console.map(ConsoleSocket::listen).transpose()?;
    let runtime = Spawned::with_stdio(command, &plan.runtime_env, "RunTimeRun")?;
    if plan.end.names_process() {
        prepare::write_record(plan, Some(runtime.pid()))?;
    }
    let ended = match joined(&runtime, console) {
        Ok(relay) => Ok(wait(runtime, relay, forward_signals)),
        Err(error) => {
            runtime.kill();
            Err(error)
        }
    };
    // A runtime that reports success has seen the container to its end. After
    // anything else something may be left, and deleting what is not there is
    // harmless.
    if !matches!(ended, Ok(Ended::Exited(0))) {
        cleanup::delete(&plan.end, &plan.runtime_env);
    }
    ended
}

/// Our terminal and the one that the runtime hands over, if it comes to that.
fn joined(
    runtime: &Spawned,
    console: Option<ConsoleSocket>,
) -> Result<Option<Relay>, RuntimeError> {
    let Some(console) = console else { return Ok(None) };
    console.receive_from(runtime.pid())?.map(Relay::start).transpose()
}

fn wait(runtime: Spawned, relay: Option<Relay>, forward_signals: bool) -> Ended {
    let ended = runtime.supervise(|runtime, signal| match &relay {
        // The container's terminal tells its programs itself.
        Some(relay) if signal == SIGWINCH => relay.resize(),
        _ if forward_signals => signals::send(runtime, signal),
        _ => {}
    });
    if let Some(relay) = relay {
        relay.finish();
    }
    ended
}

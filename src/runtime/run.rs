//! RunTimeRun: one process of the runtime that lives as long as the container.
//!
//! Most runtimes on a terminal join it with the container's by themselves. One that
//! is asked to hand it over does so while it runs, and the two are joined here.
#![forbid(unsafe_code)]

use std::path::Path;

use nix::libc::SIGWINCH;

use super::{
    RuntimeError, cleanup::Left, console::ConsoleSocket, prepare, process::Spawned,
    processes::Group, relay::Relay,
};
use crate::{
    plan::Plan,
    request::Forwarding,
    sys::{children::Ended, pages, signals},
    template::Command,
};

/// Runs the task in a container. Its status is the one that RunTimeRun reports, or
/// RunTimeRun cannot be executed or its container's terminal not be used; and what
/// may be left of the container.
pub fn run(
    plan: &Plan,
    command: &Command,
    console: Option<&Path>,
    forwarding: Forwarding,
) -> (Result<Ended, RuntimeError>, Left) {
    let ended = ended(plan, command, console, forwarding);
    let left = match &ended {
        // Deleting once more would cost as much as starting the runtime did.
        Ok(Ended::Exited(0)) => Left::Nothing,
        Ok(ended) if !ended.was_killed() => Left::Ended,
        Ok(_) => Left::Anything,
        Err(error) => error.left(),
    };
    (ended, left)
}

fn ended(
    plan: &Plan,
    command: &Command,
    console: Option<&Path>,
    forwarding: Forwarding,
) -> Result<Ended, RuntimeError> {
    let console = console.map(ConsoleSocket::listen).transpose()?;
    let start = if forwarding.runtime_apart { Spawned::apart } else { Spawned::with_stdio };
    let runtime = start(command, &plan.runtime_env, "RunTimeRun")?;
    let apart = forwarding.runtime_apart.then(|| Group::led_by(runtime.pid()));
    if plan.end.names_process() || apart.is_some() {
        prepare::write_record(plan, Some(runtime.pid()), apart)?;
    }
    let relay = joined(&runtime, console)?;
    Ok(wait(runtime, relay, forwarding.to_runtime))
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
    pages::let_go_of_program();
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

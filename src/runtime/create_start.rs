//! RunTimeCreate, RunTimeQuery, RunTimeStart: the operations that every OCI
//! runtime has (OCI runtime specification, "Lifecycle").
//!
//! RunTimeCreate inherits the task's standard input and outputs and exits once
//! the container is made; its first process then becomes a child of this one,
//! which adopts orphans. So its end is an event, and its status the true one.
//! RunTimeQuery is asked once, for the process id.
//!
//! The container of a task with a terminal has one of its own, which RunTimeCreate
//! hands over ([`super::console`]); until the container's end the two are joined
//! ([`super::relay`]).
#![forbid(unsafe_code)]

use std::time::Duration;

use nix::libc::SIGWINCH;

use super::{
    RuntimeError, cleanup,
    console::ConsoleSocket,
    process::{self, Spawned},
    query,
    relay::Relay,
};
use crate::{
    plan::{CreateStart, Plan},
    sys::children::Ended,
    sys::{children, pidfd, signals},
};

/// How long RunTimeStart may take; it only signals.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs the task in a container made and started by separate commands.
///
/// # Errors
/// One of them failed. The container is deleted then.
pub fn run(
    plan: &Plan,
    commands: &CreateStart,
    forward_signals: bool,
) -> Result<Ended, RuntimeError> {
    let ended = started(plan, commands).map(|(container, relay)| {
        let ended = wait(container, relay.as_ref(), forward_signals);
        if let Some(relay) = relay {
            relay.finish();
        }
        ended
    });
    cleanup::delete(&plan.end, &plan.runtime_env);
    ended
}

/// Makes and starts the container; its first process and its terminal.
fn started(plan: &Plan, commands: &CreateStart) -> Result<(u32, Option<Relay>), RuntimeError> {
    let query = commands.query.as_ref();
    let query = query.ok_or_else(|| failed("RunTimeQuery", "oci.conf does not set it"))?;
    let env = &plan.runtime_env;
    children::adopt_orphans()
        .map_err(|error| failed("RunTimeCreate", &crate::files::cause(&error)))?;
    let console = commands.console.as_deref().map(ConsoleSocket::listen).transpose()?;
    let creator = Spawned::with_stdio(&commands.create, env, "RunTimeCreate")?;
    succeeded("RunTimeCreate", Some(creator.supervise(|_, _| {})))?;
    let master = console.map(ConsoleSocket::receive).transpose()?;
    let container = query::process_id(query, env)?;
    if plan.end.names_process() {
        super::prepare::write_record(plan, Some(container))?;
    }
    let relay = master.map(Relay::start).transpose()?;
    let starter = Spawned::with_stdio(&commands.start, env, "RunTimeStart")?;
    succeeded("RunTimeStart", starter.finish_within(PATIENCE))?;
    Ok((container, relay))
}

/// Waits for the container's end. One that is no child of ours (a runtime that
/// lets a daemon make it) has no status that could be had.
fn wait(container: u32, relay: Option<&Relay>, forward_signals: bool) -> Ended {
    let on_signal = |signal| match relay {
        // The container's terminal tells its programs itself.
        Some(relay) if signal == SIGWINCH => relay.resize(),
        _ if forward_signals => signals::send(container, signal),
        _ => {}
    };
    process::supervise(container, on_signal).unwrap_or_else(|| {
        pidfd::wait(container);
        log::warn!("the container's exit status is unknown: its runtime keeps it from us");
        Ended::Exited(255)
    })
}

fn succeeded(operation: &'static str, ended: Option<Ended>) -> Result<(), RuntimeError> {
    match ended {
        Some(Ended::Exited(0)) => Ok(()),
        Some(Ended::Exited(status)) => Err(failed(operation, &format!("exit status {status}"))),
        Some(Ended::Killed(signal)) => {
            Err(failed(operation, &format!("killed by signal {signal}")))
        }
        None => Err(failed(operation, "it took too long and was killed")),
    }
}

fn failed(operation: &'static str, cause: &str) -> RuntimeError {
    RuntimeError::Operation { operation, cause: cause.to_owned() }
}

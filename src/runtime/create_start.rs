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

use std::{ffi::c_int, time::Duration};

use nix::libc::SIGWINCH;

use super::{
    RuntimeError,
    cleanup::Left,
    console::ConsoleSocket,
    elsewhere::Elsewhere,
    prepare,
    process::{self, Spawned},
    processes, query,
    relay::Relay,
};
use crate::{
    plan::{CreateStart, Plan},
    request::Forwarding,
    sys::{
        children::{self, Ended},
        pages, signals,
    },
    template::Command,
};

/// How long RunTimeStart may take; it only signals.
const PATIENCE: Duration = Duration::from_secs(30);

/// A container that was started.
struct Container {
    pid: u32,
    /// Its first process, where that is not ours.
    elsewhere: Option<Elsewhere>,
    relay: Option<Relay>,
}

/// Runs the task in a container made and started by separate commands: its first
/// process's end, or which of the commands failed; and what may be left of the
/// container.
pub fn run(
    plan: &Plan,
    commands: &CreateStart,
    forwarding: Forwarding,
) -> (Result<Ended, RuntimeError>, Left) {
    match started(plan, commands, forwarding) {
        Ok(container) => (Ok(container.wait(forwarding.to_container)), Left::Ended),
        Err(error) => {
            let left = error.left();
            (Err(error), left)
        }
    }
}

fn started(
    plan: &Plan,
    commands: &CreateStart,
    forwarding: Forwarding,
) -> Result<Container, RuntimeError> {
    let query = commands.query.as_ref().ok_or(RuntimeError::NoQuery)?;
    let console = commands.console.as_deref().map(ConsoleSocket::listen).transpose()?;
    create(&commands.create, plan, forwarding.to_runtime)?;
    let master = console.map(ConsoleSocket::receive).transpose()?;
    let pid = query::process_id(query, &plan.runtime_env)?;
    if plan.end.names_process() {
        prepare::write_record(plan, Some(pid), None)?;
    }
    let elsewhere = match children::is_own(pid) {
        true => None,
        false => Some(Elsewhere::of(pid, query)?),
    };
    let relay = master.map(Relay::start).transpose()?;
    start(&commands.start, plan, pid, forwarding.runtime_apart)?;
    Ok(Container { pid, elsewhere, relay })
}

/// A signal that comes before the container does is the runtime's: without a
/// container, too, it would meet a program that is not prepared for it yet.
fn create(command: &Command, plan: &Plan, forward: bool) -> Result<(), RuntimeError> {
    let runtime = Spawned::with_stdio(command, &plan.runtime_env, "RunTimeCreate")?;
    let ended = runtime.supervise(|runtime, signal| {
        if forward {
            signals::send(runtime, signal);
        }
    });
    succeeded("RunTimeCreate", command, Some(ended), "")
}

/// A signal that comes now is the container's, which receives it later; `apart` where it
/// would come to the runtime, too, and end it.
fn start(command: &Command, plan: &Plan, container: u32, apart: bool) -> Result<(), RuntimeError> {
    let spawn = if apart { Spawned::apart } else { Spawned::with_stdio };
    let runtime = spawn(command, &plan.runtime_env, "RunTimeStart")?;
    let ended = runtime.finish_within(PATIENCE);
    let also = match processes::has_ended(container) {
        true => "; the container had ended before it was started",
        false => "",
    };
    succeeded("RunTimeStart", command, ended, also)
}

fn succeeded(
    operation: &'static str,
    command: &Command,
    ended: Option<Ended>,
    also: &str,
) -> Result<(), RuntimeError> {
    let cause = match ended {
        Some(Ended::Exited(0)) => return Ok(()),
        Some(ended) => ended.to_string(),
        None => format!("it took longer than {} s and was killed", PATIENCE.as_secs()),
    };
    Err(process::failed(operation, command, cause + also))
}

impl Container {
    /// Waits for the container's end.
    fn wait(self, forward_signals: bool) -> Ended {
        let relay = self.relay;
        let on_signal = |signal: c_int| match &relay {
            // The container's terminal tells its programs itself.
            Some(relay) if signal == SIGWINCH => relay.resize(),
            _ if forward_signals => signals::send(self.pid, signal),
            _ => {}
        };
        pages::let_go_of_program();
        let ended = match self.elsewhere {
            Some(elsewhere) => elsewhere.wait(on_signal),
            None => process::supervise(self.pid, on_signal).unwrap_or(Ended::Exited(255)),
        };
        if let Some(relay) = relay {
            relay.finish();
        }
        ended
    }
}

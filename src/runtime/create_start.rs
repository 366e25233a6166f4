//! RunTimeCreate, RunTimeQuery, RunTimeStart: the operations that every OCI
//! runtime has (OCI runtime specification, "Lifecycle").
//!
//! RunTimeCreate inherits the task's standard input and outputs and exits once
//! the container is made; its first process then becomes a child of this one,
//! which adopts orphans. So its end is an event, and its status the true one.
//! For the process id RunTimeQuery is asked, once, unless the runtime is known to leave it
//! in a file.
//!
//! The container of a task with a terminal has one of its own, which RunTimeCreate
//! hands over ([`super::console`]); until the container's end the two are joined
//! ([`super::relay`]).
#![forbid(unsafe_code)]

use std::time::Duration;

use super::{
    RuntimeError,
    adoption::{self, Ends},
    cleanup::Left,
    console::ConsoleSocket,
    container::{Container, First},
    elsewhere::Elsewhere,
    prepare,
    process::{self, Spawned},
    processes, query,
    relay::Relay,
};
use crate::{
    plan::{CreateStart, Plan, ProcessId},
    request::Forwarding,
    sys::{
        children::{self, Ended},
        signals,
    },
    template::Command,
};

const CREATE: &str = "RunTimeCreate";
/// How long RunTimeStart may take; it only signals.
const PATIENCE: Duration = Duration::from_secs(30);

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
    let process_id = commands.process_id.as_ref().ok_or(RuntimeError::NoQuery)?;
    let console = commands.console.as_deref().map(ConsoleSocket::listen).transpose()?;
    let ends = create(&commands.create, plan, forwarding.to_runtime)?;
    let master = console.map(|console| console.receive(CREATE)).transpose()?;
    let pid = match process_id {
        ProcessId::File(file) => adoption::process_id(file)
            .map_err(|cause| process::failed(CREATE, &commands.create, cause))?,
        ProcessId::Query(query) => query::process_id(query, &plan.runtime_env)?,
    };
    if plan.end.names_process() {
        prepare::write_record(plan, Some(pid), None)?;
    }
    let first = match process_id {
        ProcessId::File(_) => adoption::first(pid, ends, CREATE, &commands.create)?,
        ProcessId::Query(_) if children::is_own(pid) => First::Own,
        ProcessId::Query(query) => First::Elsewhere(Elsewhere::of(pid, "RunTimeQuery", query)?),
    };
    let relay = master.map(Relay::start).transpose()?;
    start(&commands.start, plan, pid, forwarding.runtime_apart)?;
    Ok(Container { pid, first, relay })
}

/// A signal that comes before the container does is the runtime's: without a
/// container, too, it would meet a program that is not prepared for it yet.
fn create(command: &Command, plan: &Plan, forward: bool) -> Result<Ends, RuntimeError> {
    let runtime = Spawned::with_stdio(command, &plan.runtime_env, CREATE)?;
    let on_signal = |runtime, signal| {
        if forward {
            signals::send(runtime, signal);
        }
    };
    let mut ends = Ends::new();
    let ended = runtime.supervise_among(on_signal, |pid, ended| _ = ends.insert(pid, ended));
    succeeded(CREATE, command, Some(ended), "").map(|()| ends)
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

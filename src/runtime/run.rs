//! RunTimeRun: one process of the runtime that lives as long as the container.
//!
//! A runtime on a terminal joins it with the container's by itself, but `crun run`
//! before 1.8.7 does not pass changes of the window size on
//! (github.com/containers/crun/pull/1262). So the helper does; where the runtime
//! has done it, that changes nothing.
#![forbid(unsafe_code)]

use std::{fs::OpenOptions, io, os::unix::fs::OpenOptionsExt};

use nix::libc::{O_NOCTTY, O_NONBLOCK, SIGWINCH};

use super::{RuntimeError, cleanup, prepare, process::Spawned, query};
use crate::{
    env::Entry,
    files,
    plan::Plan,
    sys::{children::Ended, signals, terminal},
    template::Command,
};

/// Runs the task in a container; its status is the one that RunTimeRun reports.
///
/// # Errors
/// RunTimeRun cannot be executed.
pub fn run(
    plan: &Plan,
    command: &Command,
    query: Option<&Command>,
    forward_signals: bool,
) -> Result<Ended, RuntimeError> {
    let env = &plan.runtime_env;
    let runtime = Spawned::with_stdio(command, env, "RunTimeRun")?;
    if plan.end.names_process() {
        prepare::write_record(plan, Some(runtime.pid()))?;
    }
    let ended = runtime.supervise(|runtime, signal| {
        if forward_signals {
            signals::send(runtime, signal);
        }
        if let (SIGWINCH, Some(query)) = (signal, query) {
            resize(query, env);
        }
    });
    // A runtime that reports success has seen the container to its end. After
    // anything else something may be left, and deleting what is not there is
    // harmless.
    if ended != Ended::Exited(0) {
        cleanup::delete(&plan.end, env);
    }
    Ok(ended)
}

/// Gives the container's terminal the window size of ours.
fn resize(query: &Command, env: &[Entry]) {
    let resized = query::process_id(query, env)
        .map_err(|error| error.to_string())
        .and_then(|container| copy_size(container).map_err(|error| files::cause(&error)));
    if let Err(cause) = resized {
        log::debug!("cannot pass the window size on: {cause}");
    }
}

/// The container's terminal is the standard input of its first process.
fn copy_size(container: u32) -> io::Result<()> {
    // Neither waited for, should it be a FIFO, nor made our controlling terminal.
    let input = OpenOptions::new()
        .read(true)
        .custom_flags(O_NONBLOCK | O_NOCTTY)
        .open(format!("/proc/{container}/fd/0"))?;
    terminal::set_size(input, terminal::size(io::stdin())?)
}

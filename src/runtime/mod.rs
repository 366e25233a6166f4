//! Carries a [`Plan`] out: files, the runtime around the task, the end.
//!
//! [`prepare`] writes what the plan says, [`process`] starts a command and waits
//! for it with signals as events, [`console`] and [`relay`] are for a container
//! with a terminal, [`cleanup`] ends and removes a container, also one whose helper
//! died.
#![forbid(unsafe_code)]

pub mod cleanup;
pub mod console;
pub mod create_start;
pub mod prepare;
pub mod process;
pub mod query;
pub mod relay;
pub mod run;

use crate::{
    plan::{Plan, Start},
    request::Forwarding,
    sys::children::Ended,
};

/// What kept a container from being started. Nothing of the task has run.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// A directory or file of the task could not be made.
    #[error("cannot {verb} '{path}': {cause}")]
    Prepare {
        /// What was tried.
        verb: &'static str,
        /// The directory or file.
        path: String,
        /// The system's reason.
        cause: String,
    },
    /// A runtime command could not be executed.
    #[error("cannot execute {operation}: '{program}': {cause}; {hint}")]
    Execute {
        /// Its key in oci.conf.
        operation: &'static str,
        /// The program.
        program: String,
        /// The system's reason.
        cause: String,
        /// What to look at.
        hint: &'static str,
    },
    /// A runtime command was executed and failed; its own message stands before.
    #[error("{operation} failed: {cause}")]
    Operation {
        /// Its key in oci.conf.
        operation: &'static str,
        /// How it ended.
        cause: String,
    },
    /// The task's terminal cannot be joined with the container's.
    #[error("cannot use the task's terminal: {cause}")]
    Terminal {
        /// The system's reason.
        cause: String,
    },
}

/// Runs the task in its container, and removes its traces.
///
/// # Errors
/// The container could not be started.
pub fn execute(plan: &Plan, forwarding: Forwarding) -> Result<Ended, RuntimeError> {
    let outcome = prepare::write(plan).and_then(|()| match &plan.start {
        Start::Run { run, console } => {
            run::run(plan, run, console.as_deref(), forwarding.to_runtime)
        }
        Start::CreateStart(commands) => create_start::run(plan, commands, forwarding.to_container),
    });
    cleanup::remove_files(&plan.end);
    outcome
}

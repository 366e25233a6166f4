//! Carries a [`Plan`] out: files, the runtime around the task, the end.
//!
//! [`prepare`] writes what the plan says, [`process`] starts a command and waits
//! for it with signals as events, [`run`], [`detached`] and [`create_start`] are the ways of
//! having a container ([`container`], [`adoption`]), [`console`] and [`relay`] are for one with a terminal,
//! [`cleanup`] ends and removes one, also one whose helper died ([`record`]). [`group`]
//! keeps it together with the step's process group.
#![forbid(unsafe_code)]

pub mod adoption;
pub mod cleanup;
pub mod console;
pub mod container;
pub mod create_start;
pub mod detached;
pub mod elsewhere;
pub mod group;
pub mod prepare;
pub mod process;
pub mod processes;
pub mod query;
pub mod record;
pub mod relay;
pub mod run;

use cleanup::Left;

use crate::{
    files,
    plan::{Plan, Start},
    request::Forwarding,
    sys::{
        children::{self, Ended},
        pages,
    },
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
    #[error("{operation} failed: {cause}; the command was: {command}")]
    Operation {
        /// Its key in oci.conf.
        operation: &'static str,
        /// How it ended.
        cause: String,
        /// The command, as far as it is worth a line.
        command: String,
    },
    /// The container's terminal was not handed over.
    #[error("{operation} failed: {cause}")]
    Console {
        /// Its key in oci.conf.
        operation: &'static str,
        /// What came instead, and where.
        cause: String,
    },
    /// Nothing can be asked of the runtime without it.
    #[error("RunTimeCreate needs RunTimeQuery, which oci.conf does not set")]
    NoQuery,
    /// The processes below this one cannot be kept together.
    #[error("cannot adopt the container's processes: {cause}")]
    Adopt {
        /// The system's reason.
        cause: String,
    },
    /// The task's terminal cannot be joined with the container's.
    #[error("cannot use the task's terminal: {cause}")]
    Terminal {
        /// The system's reason.
        cause: String,
    },
}

impl RuntimeError {
    /// What may be left of a container after it.
    fn left(&self) -> Left {
        match self {
            // These two make the container.
            Self::Execute { operation: "RunTimeRun" | "RunTimeCreate", .. } => Left::Nothing,
            _ => Left::Anything,
        }
    }
}

/// Runs the task in its container, and removes its traces.
///
/// # Errors
/// The container could not be started.
pub fn execute(mut plan: Plan, forwarding: Forwarding) -> Result<Ended, RuntimeError> {
    let begun = begin(&mut plan);
    let plan = &plan;
    let (outcome, left) = match begun {
        Ok(()) => match &plan.start {
            Start::Run { run, console } => run::run(plan, run, console.as_deref(), forwarding),
            Start::Detached(commands) => detached::run(plan, commands, forwarding),
            Start::CreateStart(commands) => create_start::run(plan, commands, forwarding),
        },
        Err(error) => (Err(error), Left::Nothing),
    };
    // If it was kept from its work, the record stays for whoever comes next.
    if cleanup::end(&plan.end, &plan.runtime_env, left) {
        cleanup::remove_files(&plan.end);
    }
    outcome
}

/// Everything before the runtime is started.
fn begin(plan: &mut Plan) -> Result<(), RuntimeError> {
    children::adopt_orphans()
        .map_err(|error| RuntimeError::Adopt { cause: files::cause(&error) })?;
    prepare::write(plan)?;
    plan.files = Vec::new();
    pages::let_go_of_freed();
    if plan.restarted {
        cleanup::end(&plan.end, &plan.runtime_env, Left::Anything);
    }
    Ok(())
}

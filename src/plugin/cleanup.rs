//! Removing what a step left, with the user's rights: the helper is executed as
//! the owner of the step's directory to end its containers and empty it; root
//! then removes two empty directories of its own.
#![forbid(unsafe_code)]

use std::{ffi::OsString, path::Path, time::Duration};

use super::{
    args::Args,
    state::{Removal, StateError, StepDir, StepName},
};
use crate::{
    request::record_name,
    sys::{children::Ended, run_as},
};

/// The helper's subcommand for this.
pub const SUBCOMMAND: &str = "cleanup";

/// How long the helper may take; it bounds each runtime command itself.
const PATIENCE: Duration = Duration::from_secs(30);

/// Something of a step stays, for the sweep to try again.
#[derive(Debug, thiserror::Error)]
pub enum CleanupError {
    /// A directory of root's.
    #[error(transparent)]
    State(#[from] StateError),
    /// The helper could not be run, or did not manage.
    #[error("cannot clean up '{spool}' as its owner: {cause}")]
    Helper {
        /// The user's part of the step's directory.
        spool: String,
        /// What happened.
        cause: String,
    },
}

/// Removes a step's directory, and with the helper whatever is still in it.
///
/// # Errors
/// Something could not be removed.
pub fn finish(dir: &StepDir, helper: &Path) -> Result<(), CleanupError> {
    if dir.remove()? == Removal::Done {
        return Ok(());
    }
    let helped = run_helper(dir, helper, None);
    match dir.remove()? {
        Removal::Done => Ok(()),
        Removal::NotEmpty => {
            helped.and_then(|()| Err(failure(dir, "something is still there".to_owned())))
        }
    }
}

/// Ends the container of a task whose helper did not live to do so: it would hold
/// the task's output open, and slurmstepd waits for its end.
///
/// # Errors
/// The helper could not be run, or did not manage.
pub fn after_task(dir: &StepDir, helper: &Path, task: u32) -> Result<(), CleanupError> {
    let record = record_name(task);
    match dir.holds(&record) {
        true => run_helper(dir, helper, Some(&record)),
        false => Ok(()),
    }
}

/// Runs the helper as the owner of the directory, for one record or for all.
fn run_helper(dir: &StepDir, helper: &Path, record: Option<&str>) -> Result<(), CleanupError> {
    let Some((uid, gid)) = dir.owner()? else { return Ok(()) };
    let mut arguments = vec![OsString::from(SUBCOMMAND), dir.spool().into()];
    arguments.extend(record.map(OsString::from));
    let outcome = run_as::run(helper, &arguments, uid, gid, PATIENCE);
    match outcome.map_err(|error| failure(dir, error.to_string()))? {
        run_as::Outcome::Ended(Ended::Exited(0)) => Ok(()),
        outcome => Err(failure(dir, format!("'{}' {outcome}", helper.display()))),
    }
}

fn failure(dir: &StepDir, cause: String) -> CleanupError {
    CleanupError::Helper { spool: dir.spool().display().to_string(), cause }
}

/// Clears away what an earlier life of the same step left: a requeued job has
/// the ids it had before.
pub fn make_way(args: &Args, name: StepName) {
    let cleared = StepDir::abandoned(&args.state, name)
        .map_err(CleanupError::from)
        .and_then(|dir| dir.map_or(Ok(()), |dir| finish(&dir, &args.helper)));
    if let Err(error) = cleared {
        log::error!("{error}");
    }
}

//! Removing what a step left, with the user's rights: the helper is executed as
//! the owner of the step's directory to end its containers and empty it; root
//! then removes two empty directories of its own.
#![forbid(unsafe_code)]

use std::{ffi::OsString, path::Path, process, time::Duration};

use super::{
    args::Args,
    state::{Removal, StateError, StepDir, StepName},
};
use crate::{files, request::record_name, sys::run_as, trust};

/// The helper's subcommand for this.
pub const SUBCOMMAND: &str = "cleanup";

/// What it says last when all is done.
pub const DONE: &str = "done";

/// How long the helper may take for a step; it bounds each runtime command itself.
const PATIENCE: Duration = Duration::from_secs(25);

/// The most that is told of what it says: characters.
const SHOWN: usize = 500;

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
    let helped = run_helper(dir, helper, &[], PATIENCE);
    match dir.remove()? {
        Removal::Done => Ok(()),
        Removal::NotEmpty => helped.and_then(|()| Err(failure(dir, "something is still there"))),
    }
}

/// Ends the container of a task whose helper did not live to do so: it would hold
/// the task's output open, and slurmstepd, this process, waits for its end. Takes no longer
/// than `patience`.
///
/// # Errors
/// The helper could not be run, or did not manage.
pub fn after_task(
    dir: &StepDir,
    helper: &Path,
    task: u32,
    patience: Duration,
) -> Result<(), CleanupError> {
    let record = record_name(task);
    match dir.holds(&record) && !patience.is_zero() {
        true => run_helper(dir, helper, &[record, process::id().to_string()], patience),
        false => Ok(()),
    }
}

/// Runs the helper as the owner of the directory, for all of it or for one task.
fn run_helper(
    dir: &StepDir,
    helper: &Path,
    task: &[String],
    patience: Duration,
) -> Result<(), CleanupError> {
    let Some((uid, gid)) = dir.owner()? else { return Ok(()) };
    trust::check_program(helper).map_err(|error| failure(dir, &error.to_string()))?;
    let mut arguments = vec![OsString::from(SUBCOMMAND), dir.spool().into()];
    arguments.extend(task.iter().map(OsString::from));
    let told = run_as::run(helper, &arguments, uid, gid, patience);
    let told = told.map_err(|error| failure(dir, &files::cause(&error)))?;
    let told = String::from_utf8_lossy(&told);
    match told.lines().last() {
        Some(DONE) => Ok(()),
        Some(_) => Err(failure(dir, told.trim_end())),
        None => Err(failure(dir, &format!("'{}' did not come to its end", helper.display()))),
    }
}

fn failure(dir: &StepDir, cause: &str) -> CleanupError {
    CleanupError::Helper { spool: dir.spool().display().to_string(), cause: printable(cause) }
}

/// What a program of the user's may have written, as a line in root's log or on root's
/// terminal: short, and nothing that a terminal would obey.
fn printable(text: &str) -> String {
    let text = text.replace('\n', "; ").replace(char::is_control, "?");
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{} ...", &text[..end]),
        None => text,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_user_can_write_into_roots_log_is_short_and_obeyed_by_no_terminal() {
        assert_eq!(printable("a\nb\x1b[2Jc\rd\u{9b}"), "a; b?[2Jc?d?");
        let long = printable(&"é".repeat(1 << 20));
        assert_eq!(long, "é".repeat(500) + " ...");
    }
}

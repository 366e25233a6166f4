//! The end of a container: RunTimeKill, RunTimeDelete, the task's files.
//!
//! A helper that lives to the end does it itself. For one that was killed, root
//! executes `spank-oci cleanup` as the user, which does what the task's [`Record`]
//! says: once when the task has ended, so that nothing of it runs on, and once more
//! when no process of the step is left that could still make something.
#![forbid(unsafe_code)]

use std::{
    fs, io,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{RuntimeError, process::Spawned, processes, record::Record};
use crate::{env::Entry, files, plan::End, request::is_record, template::Command};

/// The largest record that is read: words and environment of a command, in bytes.
const LARGEST: u64 = 64 << 20;
/// How long one runtime command may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long runtimes may go on making containers that are to be ended, all together.
const MAKING: Duration = Duration::from_secs(2);

/// What may be left of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// Nothing: the runtime has seen it to its end.
    Nothing,
    /// What the runtime keeps of a container that has ended.
    Ended,
    /// Anything, running processes too.
    Anything,
}

/// Ends a container and has its runtime forget it; whether that was done, as far as
/// its commands were not kept from it. This is the helper's own way, which has only
/// the runtime's and the container's processes below it.
pub fn end(end: &End, env: &[Entry], left: Left) -> bool {
    let run = |command: Option<Command>, operation| {
        let spawned = |command: Command| Spawned::silent(&command, env, operation);
        command.map(spawned).is_none_or(|spawned| finished(spawned, operation))
    };
    let kill = || run(end.kill(None), "RunTimeKill");
    let delete = || run(end.delete(None), "RunTimeDelete");
    match left {
        Left::Nothing => true,
        Left::Ended => delete(),
        Left::Anything => {
            processes::end_children();
            // One does not stand for the other: both are tried.
            kill() & delete()
        }
    }
}

/// Removes the files of a task whose container is gone, the record last.
pub fn remove_files(end: &End) {
    if !end.keep_files {
        end.remove.iter().for_each(|path| remove(path));
        if let Some(shared) = &end.shared {
            let _ = fs::remove_dir(shared);
        }
    }
    let _ = fs::remove_file(&end.record);
}

/// Ends the container of one record. The record and the files stay for the end of
/// the step, when no process is left that could still be making a container.
///
/// # Errors
/// Its commands were kept from their work.
pub fn task(record: &Path, slurmstepd: u32) -> io::Result<()> {
    let Some(record) = read(record) else { return Ok(()) };
    record.group.iter().for_each(|group| group.end_orphans(slurmstepd));
    end_container(&record, Instant::now() + MAKING)
}

/// Cleans up after every container that has a record in `spool`, and empties it.
/// For a step of which nobody needs a process any more.
///
/// # Errors
/// The directory cannot be read, something in it cannot be removed, or the commands
/// of a record were kept from their work; that one stays for the next time.
pub fn step(spool: &Path) -> io::Result<()> {
    let names = names(spool)?;
    let records = names.iter().filter(|path| is_record(path.as_os_str().as_bytes()));
    // All of them, whatever becomes of one.
    let deadline = Instant::now() + MAKING;
    let ended: Vec<_> = records.map(|path| end_of_step(path, deadline)).collect();
    ended.into_iter().collect::<io::Result<()>>()?;
    names.iter().try_for_each(|path| gone(remove_any(path)))
}

/// Cleans up after the container of one record, when its step is over.
fn end_of_step(path: &Path, deadline: Instant) -> io::Result<()> {
    let Some(record) = read(path) else { return Ok(()) };
    record.group.iter().for_each(|group| group.end());
    end_container(&record, deadline)?;
    if !record.keep_files {
        record.remove.iter().for_each(|path| remove(path));
    }
    Ok(())
}

/// Everything in a directory.
fn names(directory: &Path) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect()
}

/// The record of a file, if there is one. Its user may have made anything of it.
fn read(path: &Path) -> Option<Record> {
    let text = match files::read_regular(path, LARGEST) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            log::warn!("cannot read '{}': {}", path.display(), files::cause(&error));
            return None;
        }
    };
    let record = Record::decode(&text);
    if record.is_none() {
        log::warn!("'{}' is not a cleanup record", path.display());
    }
    record
}

/// What crun makes a container with is a process in a session of its own, that outlives
/// whoever has started it. The container is known to crun only when that one has come to
/// its end: killed just before, it leaves one that nobody finds. So it has until `deadline`.
fn end_container(record: &Record, deadline: Instant) -> io::Result<()> {
    record.runtime_word.iter().for_each(|word| processes::await_those_with(word, deadline));
    let ended = end_recorded(record);
    record.runtime_word.iter().for_each(|word| processes::end_those_with(word));
    ended
}

fn end_recorded(record: &Record) -> io::Result<()> {
    let is_other = |(pid, start)| processes::start_time(pid) != Some(start);
    if record.process.is_some_and(is_other) {
        return Ok(());
    }
    let commands = [(&record.kill, "RunTimeKill"), (&record.delete, "RunTimeDelete")];
    for (words, operation) in commands.into_iter().filter(|(words, _)| !words.is_empty()) {
        // Root, who has this done, kills this process when it takes too long.
        let command = Command::Exec(words.clone());
        let spawned = Spawned::silent_and_tied(&command, &record.env, operation);
        if !finished(spawned, operation) {
            return Err(io::ErrorKind::Interrupted.into());
        }
    }
    Ok(())
}

/// Waits for a command; whether it came to its own end. One that fails has nothing to do
/// any more, usually, and whoever asked looks at what is left. One that was killed
/// has not done it: slurmstepd kills all processes below it, this one among them.
fn finished(spawned: Result<Spawned, RuntimeError>, operation: &str) -> bool {
    let spawned = match spawned {
        Ok(spawned) => spawned,
        Err(error) => {
            log::warn!("{error}");
            return true;
        }
    };
    let ended = spawned.finish_within(PATIENCE);
    match &ended {
        Some(ended) => log::debug!("{operation}: {ended:?}"),
        None => log::warn!("{operation} took longer than {} s and was killed", PATIENCE.as_secs()),
    }
    ended.is_some_and(|ended| !ended.was_killed())
}

fn remove(path: &Path) {
    if let Err(error) = gone(remove_any(path)) {
        log::warn!("cannot remove '{}': {}", path.display(), files::cause(&error));
    }
}

/// Removes a file or a whole directory, also one with parts that its owner closed.
///
/// # Errors
/// The system refuses.
pub fn remove_any(path: &Path) -> io::Result<()> {
    if !fs::symlink_metadata(path)?.is_dir() {
        return fs::remove_file(path);
    }
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_up(path)?;
            fs::remove_dir_all(path)
        }
        result => result,
    }
}

/// Gives the user's own directories back to the user, who may have closed them.
fn open_up(directory: &Path) -> io::Result<()> {
    fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}

/// Removing what is gone already is a success: a helper that was taken for dead
/// may be cleaning up at the same time.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests;

//! The end of a container: RunTimeKill, RunTimeDelete, the task's files.
//!
//! While a container lives, a record beside its files says how to do this. A
//! helper that lives to the end does it itself and removes the record; for one
//! that was killed, root executes `spank-oci cleanup DIR` as the user.
#![forbid(unsafe_code)]

use std::{
    ffi::{OsStr, OsString},
    fs, io,
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
    time::Duration,
};

use super::process::{self, Spawned};
use crate::{env::Entry, netstring, plan::End, sys::children::Ended, template::Command};

/// How long one runtime command may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How the names of records end.
const SUFFIX: &[u8] = b".cleanup";

/// How to clean up after one container, as kept in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// RunTimeKill's words; empty if there is none.
    kill: Vec<OsString>,
    /// RunTimeDelete's words; empty if there is none.
    delete: Vec<OsString>,
    /// Environment of both.
    env: Vec<Entry>,
    /// Files, and directories with all that is in them, to remove.
    remove: Vec<PathBuf>,
    /// Whether the site wants to keep the files.
    keep_files: bool,
    /// The process that the commands name, and when it was started, by which one
    /// knows it from a later process with the same number.
    process: Option<(u32, u64)>,
}

impl Record {
    /// The record for a container.
    pub fn of(end: &End, env: &[Entry], pid: Option<u32>) -> Self {
        let words =
            |command: Option<Command>| command.as_ref().map(process::words).unwrap_or_default();
        Self {
            kill: words(end.kill(pid)),
            delete: words(end.delete(pid)),
            env: env.to_vec(),
            remove: end.remove.iter().chain(&end.shared).cloned().collect(),
            keep_files: end.keep_files,
            process: pid.and_then(|pid| Some((pid, start_time(pid)?))),
        }
    }

    /// The record as the content of its file.
    pub fn encode(&self) -> Vec<u8> {
        let mut text = Vec::new();
        push_list(&mut text, self.kill.iter().map(|word| word.as_bytes()));
        push_list(&mut text, self.delete.iter().map(|word| word.as_bytes()));
        push_list(&mut text, self.env.iter().map(Vec::as_slice));
        push_list(&mut text, self.remove.iter().map(|path| path.as_os_str().as_bytes()));
        netstring::push(&mut text, if self.keep_files { b"keep" } else { b"remove" });
        if let Some((pid, start)) = self.process {
            netstring::push(&mut text, format!("{pid} {start}").as_bytes());
        }
        text
    }

    /// Reads what [`encode`](Self::encode) wrote; `None` if it is not that.
    pub fn decode(mut text: &[u8]) -> Option<Self> {
        let os = |list: Vec<Vec<u8>>| list.into_iter().map(OsString::from_vec);
        let record = Self {
            kill: os(take_list(&mut text)?).collect(),
            delete: os(take_list(&mut text)?).collect(),
            env: take_list(&mut text)?,
            remove: os(take_list(&mut text)?).map(PathBuf::from).collect(),
            keep_files: netstring::take(&mut text)? == b"keep",
            process: match netstring::take(&mut text) {
                Some(process) => Some(pid_and_start(process)?),
                None => None,
            },
        };
        text.is_empty().then_some(record)
    }

    /// Ends the container and removes its traces; whether that was done. What
    /// fails is passed over: the next step may still succeed, and the caller looks
    /// at what is left. A command that somebody killed was not done: slurmstepd
    /// kills all processes below it, and a cleanup may be among them.
    fn carry_out(&self) -> bool {
        let named_process_is_gone =
            self.process.is_some_and(|(pid, start)| start_time(pid) != Some(start));
        if !named_process_is_gone {
            let commands = [(&self.kill, "RunTimeKill"), (&self.delete, "RunTimeDelete")];
            for (words, operation) in commands {
                let ended = run(&Command::Exec(words.clone()), &self.env, operation);
                if matches!(ended, Some(Ended::Killed(_))) {
                    return false;
                }
            }
        }
        if !self.keep_files {
            self.remove.iter().for_each(|path| remove(path));
        }
        true
    }
}

/// Deletes a container whose runtime has ended.
pub fn delete(end: &End, env: &[Entry]) {
    if let Some(command) = end.delete(None) {
        run(&command, env, "RunTimeDelete");
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

/// Cleans up after the container of one record, and removes the record.
///
/// # Errors
/// The record cannot be removed, or stays because the cleanup was interrupted.
pub fn task(record: &Path) -> io::Result<()> {
    match fs::read(record).map(|text| Record::decode(&text)) {
        Ok(Some(record)) if !record.carry_out() => {
            return Err(io::ErrorKind::Interrupted.into());
        }
        Ok(Some(_)) => {}
        Ok(None) => log::warn!("'{}' is not a cleanup record", record.display()),
        Err(error) => gone(Err(error))?,
    }
    gone(fs::remove_file(record))
}

/// Removing what is gone already is a success: a helper that was taken for dead
/// may be cleaning up at the same time.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// Cleans up after every container that has a record in `spool`, and empties it.
/// For a step of which no process is left.
///
/// # Errors
/// The directory cannot be read, or something in it cannot be removed.
pub fn step(spool: &Path) -> io::Result<()> {
    let entries = fs::read_dir(spool)?.collect::<Result<Vec<_>, _>>()?;
    let is_record = |name: &OsStr| name.as_bytes().ends_with(SUFFIX);
    for entry in entries.iter().filter(|entry| is_record(&entry.file_name())) {
        task(&entry.path())?;
    }
    for entry in fs::read_dir(spool)? {
        let entry = entry?;
        gone(match entry.file_type()?.is_dir() {
            true => fs::remove_dir_all(entry.path()),
            false => fs::remove_file(entry.path()),
        })?;
    }
    Ok(())
}

/// Runs a command, if there is one; how it ended, if it did by itself.
fn run(command: &Command, env: &[Entry], operation: &'static str) -> Option<Ended> {
    if matches!(command, Command::Exec(words) if words.is_empty()) {
        return None;
    }
    let spawned = Spawned::silent(command, env, operation);
    let spawned = spawned.inspect_err(|error| log::warn!("{error}")).ok()?;
    let ended = spawned.finish_within(PATIENCE);
    match &ended {
        Some(ended) => log::debug!("{operation}: {ended:?}"),
        None => log::warn!("{operation} took longer than {} s and was killed", PATIENCE.as_secs()),
    }
    ended
}

fn remove(path: &Path) {
    let is_dir = fs::symlink_metadata(path).is_ok_and(|found| found.is_dir());
    let removed = if is_dir { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    if let Err(error) = gone(removed) {
        log::warn!("cannot remove '{}': {}", path.display(), crate::files::cause(&error));
    }
}

/// When a process was started, in clock ticks since boot (proc(5), stat, field
/// 22); `None` if there is no such process.
fn start_time(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field, the program's name, may hold anything up to the last ')'.
    stat.rsplit(')').next()?.split_whitespace().nth(19)?.parse().ok()
}

fn pid_and_start(text: &[u8]) -> Option<(u32, u64)> {
    let (pid, start) = std::str::from_utf8(text).ok()?.split_once(' ')?;
    Some((pid.parse().ok()?, start.parse().ok()?))
}

fn push_list<'a>(text: &mut Vec<u8>, list: impl Iterator<Item = &'a [u8]>) {
    let mut inner = Vec::new();
    list.for_each(|value| netstring::push(&mut inner, value));
    netstring::push(text, &inner);
}

fn take_list(text: &mut &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut inner = netstring::take(text)?;
    let mut list = Vec::new();
    while !inner.is_empty() {
        list.push(netstring::take(&mut inner)?.to_vec());
    }
    Some(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record {
            kill: vec!["kill".into(), "it's".into()],
            delete: vec![],
            env: vec![b"A=1".to_vec(), b"B=\xff\n".to_vec()],
            remove: vec!["/run/x".into()],
            keep_files: false,
            process: Some((1, 2)),
        }
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        for record in [record(), Record { process: None, keep_files: true, ..record() }] {
            assert_eq!(Record::decode(&record.encode()), Some(record));
        }
        assert_eq!(Record::decode(b"nonsense"), None);
        assert_eq!(Record::decode(b""), None);
    }

    #[test]
    fn a_record_is_carried_out_and_the_directory_emptied() {
        let keep = tempfile::tempdir().unwrap();
        let (spool, elsewhere) = (keep.path().join("spool"), keep.path().join("elsewhere"));
        fs::create_dir_all(spool.join("task-0/deep")).unwrap();
        fs::create_dir_all(elsewhere.join("deep")).unwrap();
        let socket = keep.path().join("socket");
        std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let log = keep.path().join("log");
        let shell = |text: String| vec!["/bin/sh".into(), "-c".into(), text.into()];
        let record = Record {
            kill: shell(format!("echo killed $A >> {}", log.display())),
            delete: shell(format!("echo deleted >> {}", log.display())),
            env: vec![b"A=1".to_vec()],
            remove: vec![elsewhere.clone(), socket.clone()],
            keep_files: false,
            process: None,
        };
        fs::write(spool.join("task-0.cleanup"), record.encode()).unwrap();
        fs::write(spool.join("task-1.cleanup"), "nonsense").unwrap();
        step(&spool).unwrap();
        assert_eq!(fs::read_to_string(&log).unwrap(), "killed 1\ndeleted\n");
        assert!(!elsewhere.exists() && !socket.exists());
        assert_eq!(fs::read_dir(&spool).unwrap().count(), 0);
    }

    #[test]
    fn a_cleanup_that_was_interrupted_is_repeated_by_whoever_comes_next() {
        let keep = tempfile::tempdir().unwrap();
        let (spool, elsewhere) = (keep.path().join("spool"), keep.path().join("elsewhere"));
        fs::create_dir_all(&spool).unwrap();
        fs::create_dir_all(&elsewhere).unwrap();
        let delete = |text: &str| Record {
            kill: vec![],
            delete: ["/bin/sh", "-c", text].map(OsString::from).into(),
            remove: vec![elsewhere.clone()],
            process: None,
            ..record()
        };
        let file = spool.join("task-0.cleanup");
        fs::write(&file, delete("kill -KILL $$").encode()).unwrap();
        assert_eq!(step(&spool).unwrap_err().kind(), io::ErrorKind::Interrupted);
        assert!(file.exists() && elsewhere.exists());
        // One that fails by itself has nothing left to delete.
        fs::write(&file, delete("false").encode()).unwrap();
        step(&spool).unwrap();
        assert!(!file.exists() && !elsewhere.exists());
    }

    #[test]
    fn a_command_that_names_a_process_is_not_run_once_the_process_is_another() {
        let keep = tempfile::tempdir().unwrap();
        let mark = keep.path().join("mark");
        let own = std::process::id();
        let start = start_time(own).unwrap();
        for (start, expected) in [(start + 1, false), (start, true)] {
            let kill = vec!["touch".into(), mark.clone().into()];
            Record { kill, process: Some((own, start)), ..record() }.carry_out();
            assert_eq!(mark.exists(), expected);
        }
    }
}

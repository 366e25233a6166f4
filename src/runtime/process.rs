//! One runtime command as a process. Every wait is for an event: the child's
//! end, or a signal to pass on.
#![forbid(unsafe_code)]

use std::{
    ffi::{OsStr, OsString, c_int},
    io::{self, Read},
    os::unix::{ffi::OsStrExt, process::ExitStatusExt},
    path::{Path, PathBuf},
    process::{Child, Command as Process, Stdio},
    time::Duration,
};

use nix::{
    libc::{SIGCHLD, SIGKILL},
    unistd::{AccessFlags, access},
};

use super::RuntimeError;
use crate::{
    env::{Entry, RUNTIME_PATH},
    files,
    sys::{
        children::{self, Ended, Reaped},
        parent, pidfd, signals,
    },
    template::Command,
};

/// A runtime command that was started.
pub struct Spawned {
    child: Child,
}

impl Spawned {
    /// Starts a command on this process's own standard input and outputs.
    ///
    /// # Errors
    /// Its program is not there or cannot be executed.
    pub fn with_stdio(
        command: &Command,
        env: &[Entry],
        operation: &'static str,
    ) -> Result<Self, RuntimeError> {
        start(command, env, operation, |_| {})
    }

    /// Starts a command that reads and says nothing.
    ///
    /// # Errors
    /// As [`with_stdio`](Self::with_stdio).
    pub fn silent(
        command: &Command,
        env: &[Entry],
        operation: &'static str,
    ) -> Result<Self, RuntimeError> {
        start(command, env, operation, |process| {
            process.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        })
    }

    /// Starts a command that reads nothing and whose output is wanted.
    ///
    /// # Errors
    /// As [`with_stdio`](Self::with_stdio).
    pub fn asked(
        command: &Command,
        env: &[Entry],
        operation: &'static str,
    ) -> Result<Self, RuntimeError> {
        start(command, env, operation, |process| {
            process.stdin(Stdio::null()).stdout(Stdio::piped());
        })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end; signals that come meanwhile are given to `on_signal`
    /// together with its process id. All signals are blocked in this process (see
    /// [`signals::block_all`]).
    pub fn supervise(self, on_signal: impl Fn(u32, c_int)) -> Ended {
        let child = self.pid();
        supervise(child, |signal| on_signal(child, signal)).unwrap_or(Ended::Exited(255))
    }

    /// Ends it.
    pub fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits for its end no longer than `patience`, then kills it; `None` then.
    pub fn finish_within(mut self, patience: Duration) -> Option<Ended> {
        let in_time = pidfd::ends_within(self.pid(), patience);
        if !in_time {
            let _ = self.child.kill();
        }
        let status = self.child.wait().map(|status| children::ended(status.into_raw()));
        in_time.then_some(status.unwrap_or(Ended::Exited(255)))
    }

    /// What it writes to its standard output, if it ends by itself with success
    /// within `patience`. Meant for less than a pipe holds.
    pub fn output_within(mut self, patience: Duration) -> Option<Vec<u8>> {
        let output = self.child.stdout.take();
        if self.finish_within(patience)? != Ended::Exited(0) {
            return None;
        }
        let mut text = Vec::new();
        output?.read_to_end(&mut text).ok()?;
        Some(text)
    }
}

/// Waits for the end of a child and gives signals that come meanwhile to
/// `on_signal`; `None` if there is no such child. Other children that end are
/// reaped. The child is killed if slurmstepd ends.
pub fn supervise(child: u32, on_signal: impl Fn(c_int)) -> Option<Ended> {
    loop {
        match children::reap() {
            Reaped::Child(pid, ended) if pid == child => return Some(ended),
            Reaped::Child(..) => continue,
            Reaped::Childless => return None,
            Reaped::Nobody => {}
        }
        match signals::wait() {
            Ok(SIGCHLD) | Err(_) => {}
            // Without slurmstepd nobody waits for the task, and nobody could end it.
            Ok(parent::SIGNAL) if parent::is_gone() => signals::send(child, SIGKILL),
            Ok(signal) => on_signal(signal),
        }
    }
}

fn start(
    command: &Command,
    env: &[Entry],
    operation: &'static str,
    stdio: impl FnOnce(&mut Process),
) -> Result<Spawned, RuntimeError> {
    let words = words(command);
    let program = words.first().map(OsString::as_os_str).unwrap_or_default();
    let failed = |error: io::Error, hint| RuntimeError::Execute {
        operation,
        program: program.to_string_lossy().into_owned(),
        cause: files::cause(&error),
        hint,
    };
    let path = find(program).ok_or_else(|| {
        failed(
            io::Error::from_raw_os_error(nix::libc::ENOENT),
            "install the runtime on this node, or correct oci.conf",
        )
    })?;
    let mut process = Process::new(path);
    process.args(words.iter().skip(1)).env_clear().envs(env.iter().filter_map(pair));
    stdio(&mut process);
    signals::start_clean(&mut process);
    let child = process.spawn();
    let hint = "it must be a program that the user may execute";
    Ok(Spawned { child: child.map_err(|error| failed(error, hint))? })
}

/// The command line; a command with shell syntax becomes one for /bin/sh.
pub fn words(command: &Command) -> Vec<OsString> {
    match command {
        Command::Exec(words) => words.clone(),
        Command::Shell(text) => vec!["/bin/sh".into(), "-c".into(), text.clone()],
    }
}

/// The program's path: as it is if it has a slash, else from [`RUNTIME_PATH`].
fn find(program: &OsStr) -> Option<PathBuf> {
    if program.as_bytes().contains(&b'/') {
        return Some(program.into());
    }
    let candidates = RUNTIME_PATH.split(':').map(|directory| Path::new(directory).join(program));
    candidates.into_iter().find(|path| path.is_file() && access(path, AccessFlags::X_OK).is_ok())
}

fn pair(entry: &Entry) -> Option<(&OsStr, &OsStr)> {
    let equals = entry.iter().skip(1).position(|&byte| byte == b'=')? + 1;
    Some((OsStr::from_bytes(&entry[..equals]), OsStr::from_bytes(&entry[equals + 1..])))
}

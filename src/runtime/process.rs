//! One runtime command as a process. Every wait is for an event: the child's
//! end, or a signal to pass on.
#![forbid(unsafe_code)]

use std::{
    ffi::{OsStr, OsString},
    io,
    os::unix::{ffi::OsStrExt, process::ExitStatusExt},
    path::{Path, PathBuf},
    process::{Child, Command as Process, ExitStatus, Stdio},
    time::Duration,
};

use nix::{
    libc::SIGCHLD,
    unistd::{AccessFlags, access},
};

use super::RuntimeError;
use crate::{
    env::{Entry, RUNTIME_PATH},
    files,
    sys::{pidfd, signals},
    template::Command,
};

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this status.
    Exited(i32),
    /// By this signal.
    Killed(i32),
}

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

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end and passes signals on to it, if so wished. All signals
    /// are blocked in this process (see [`signals::block_all`]).
    pub fn supervise(mut self, forward_signals: bool) -> Ended {
        loop {
            if let Some(ended) = self.ended() {
                return ended;
            }
            match signals::wait() {
                Ok(SIGCHLD) | Err(_) => {}
                Ok(signal) if forward_signals => signals::send(self.pid(), signal),
                Ok(_) => {}
            }
        }
    }

    /// Waits for its end no longer than `patience`, then kills it; `None` then.
    pub fn finish_within(mut self, patience: Duration) -> Option<Ended> {
        let in_time = pidfd::ends_within(self.child.id().cast_signed(), patience);
        if !in_time {
            let _ = self.child.kill();
        }
        let ended = self.child.wait().map_or(Ended::Exited(255), Ended::from);
        in_time.then_some(ended)
    }

    fn ended(&mut self) -> Option<Ended> {
        match self.child.try_wait() {
            Ok(status) => status.map(Ended::from),
            // Nobody else reaps in this process, so the child cannot be lost; if
            // it is, there is nothing to wait for.
            Err(_) => Some(Ended::Exited(255)),
        }
    }
}

impl From<ExitStatus> for Ended {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Exited(code),
            (None, Some(signal)) => Self::Killed(signal),
            (None, None) => Self::Exited(255),
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

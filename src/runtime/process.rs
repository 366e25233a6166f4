//! One runtime command as a process. Every wait is for an event: the child's
//! end, or a signal to pass on.
#![forbid(unsafe_code)]

use std::{
    ffi::{OsStr, OsString, c_int},
    io,
    os::unix::{ffi::OsStrExt, process::ExitStatusExt},
    path::{Path, PathBuf},
    process::{Child, Command as Process, Stdio},
    time::{Duration, Instant},
};

use nix::{
    libc::{ENOENT, SIGCHLD, SIGKILL},
    unistd::{AccessFlags, access},
};

use super::RuntimeError;
use crate::{
    env::{Entry, RUNTIME_PATH},
    files, pipe,
    sys::{
        children::{self, Ended, Reaped},
        parent, pidfd, session, signals, stand_in,
    },
    template::Command,
};

/// The most that a message shows of a command: characters.
const SHOWN: usize = 500;

/// What a task ends with whose status nobody tells.
pub const UNKNOWN: Ended = Ended::Exited(255);

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

    /// The same in a session of its own, where signals for our process group do not arrive.
    ///
    /// # Errors
    /// As [`with_stdio`](Self::with_stdio).
    pub fn apart(
        command: &Command,
        env: &[Entry],
        operation: &'static str,
    ) -> Result<Self, RuntimeError> {
        start(command, env, operation, session::lead)
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
        start(command, env, operation, silence)
    }

    /// The same for one that is killed should this process be.
    ///
    /// # Errors
    /// As [`with_stdio`](Self::with_stdio).
    pub fn silent_and_tied(
        command: &Command,
        env: &[Entry],
        operation: &'static str,
    ) -> Result<Self, RuntimeError> {
        start(command, env, operation, |process| {
            silence(process);
            parent::end_with_this(process);
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
        self.supervise_among(on_signal, |_, _| {})
    }

    /// The same, and the ends of other children are given to `on_other`.
    pub fn supervise_among(
        self,
        on_signal: impl Fn(u32, c_int),
        on_other: impl FnMut(u32, Ended),
    ) -> Ended {
        let child = self.pid();
        supervise_among(child, |signal| on_signal(child, signal), on_other).unwrap_or(UNKNOWN)
    }

    /// Waits for its end no longer than `patience`, then kills it; `None` then.
    pub fn finish_within(mut self, patience: Duration) -> Option<Ended> {
        let in_time = pidfd::ends_within(self.pid(), patience);
        if !in_time {
            let _ = self.child.kill();
        }
        let status = self.child.wait().map(|status| children::ended(status.into_raw()));
        in_time.then_some(status.unwrap_or(UNKNOWN))
    }

    /// What it writes to its standard output, if it ends by itself with success
    /// within `patience`.
    ///
    /// # Errors
    /// How it ended otherwise.
    pub fn output_within(mut self, patience: Duration) -> Result<Vec<u8>, String> {
        let deadline = Instant::now() + patience;
        let text = self.child.stdout.take().map(|output| pipe::read_until(deadline, output));
        match self.finish_within(deadline.saturating_duration_since(Instant::now())) {
            Some(Ended::Exited(0)) => match text.transpose() {
                Ok(text) => Ok(text.unwrap_or_default()),
                Err(error) => Err(format!("its answer cannot be read: {}", files::cause(&error))),
            },
            Some(ended) => Err(ended.to_string()),
            None => Err(format!("it took longer than {} s and was killed", patience.as_secs())),
        }
    }
}

/// Waits for the end of a child and gives signals that come meanwhile to
/// `on_signal`; `None` if there is no such child. Other children that end are
/// reaped. The child is killed if slurmstepd ends.
pub fn supervise(child: u32, on_signal: impl Fn(c_int)) -> Option<Ended> {
    supervise_among(child, on_signal, |_, _| {})
}

/// The same, and the ends of other children are given to `on_other`.
fn supervise_among(
    child: u32,
    on_signal: impl Fn(c_int),
    mut on_other: impl FnMut(u32, Ended),
) -> Option<Ended> {
    loop {
        match children::reap() {
            Reaped::Child(pid, ended) if pid == child => return Some(ended),
            Reaped::Child(pid, ended) => {
                // Without it nobody hears of it when the step is killed.
                if stand_in::is_watcher(pid) {
                    signals::send(child, SIGKILL);
                }
                on_other(pid, ended);
                continue;
            }
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

fn silence(process: &mut Process) {
    process.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
}

fn start(
    command: &Command,
    env: &[Entry],
    operation: &'static str,
    stdio: impl FnOnce(&mut Process),
) -> Result<Spawned, RuntimeError> {
    let words = words(command);
    let program = words.first().map(OsString::as_os_str).unwrap_or_default();
    let failed = |error: io::Error| RuntimeError::Execute {
        operation,
        program: program.to_string_lossy().into_owned(),
        cause: files::cause(&error),
        hint: hint(&error),
    };
    let path = find(program).ok_or_else(|| failed(io::Error::from_raw_os_error(ENOENT)))?;
    let mut process = Process::new(path);
    process.args(words.iter().skip(1)).env_clear().envs(env.iter().filter_map(pair));
    stdio(&mut process);
    signals::start_clean(&mut process);
    let child = process.spawn();
    Ok(Spawned { child: child.map_err(failed)? })
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "install the runtime on this node, or correct oci.conf",
        io::ErrorKind::ArgumentListTooLong => "the job's environment or command is too large",
        _ => "it must be a program that the user may execute",
    }
}

/// The error of a command that was executed and did not do its work.
pub fn failed(operation: &'static str, command: &Command, cause: String) -> RuntimeError {
    let words = words(command);
    let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
    let command = words.join(" ");
    let shown: String = command.chars().take(SHOWN).collect();
    let rest = if shown.len() < command.len() { " ..." } else { "" };
    RuntimeError::Operation { operation, cause, command: shown + rest }
}

/// The command line; a command with shell syntax becomes one for /bin/sh.
pub fn words(command: &Command) -> Vec<OsString> {
    match command {
        Command::Exec(words) => words.clone(),
        Command::Shell(text) => vec!["/bin/sh".into(), "-c".into(), text.clone()],
    }
}

/// The program's path: as it is if it has a slash, else from [`RUNTIME_PATH`].
pub fn find(program: &OsStr) -> Option<PathBuf> {
    if program.as_bytes().contains(&b'/') {
        return Some(program.into());
    }
    find_in(program, RUNTIME_PATH)
}

/// The first program of that name in directories with colons between them.
pub fn find_in(program: &OsStr, path: &str) -> Option<PathBuf> {
    let mut candidates = path.split(':').map(|directory| Path::new(directory).join(program));
    candidates.find(|path| path.is_file() && access(path, AccessFlags::X_OK).is_ok())
}

fn pair(entry: &Entry) -> Option<(&OsStr, &OsStr)> {
    let equals = entry.iter().skip(1).position(|&byte| byte == b'=')? + 1;
    Some((OsStr::from_bytes(&entry[..equals]), OsStr::from_bytes(&entry[equals + 1..])))
}

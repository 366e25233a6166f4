//! The helper of tasks, started by a trial as slurmstepd would.
#![forbid(unsafe_code)]

use std::{
    env,
    ffi::OsStr,
    io::{self, PipeReader},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use nix::unistd::{User, getuid};

use super::{job_id, task::Trial};
use crate::{
    env::RUNTIME_PATH,
    files, pipe,
    plugin::cleanup::{DONE, SUBCOMMAND},
    request::{self, Delivery, Request},
    sys::pidfd,
};

/// How long a container may take to start or to end.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// How long what was written may take to arrive.
const MOMENT: Duration = Duration::from_secs(1);

/// A helper that was started, and what it writes.
pub struct Helper {
    /// It.
    pub child: Child,
    /// Its standard output.
    pub output: PipeReader,
    errors: PipeReader,
}

impl Helper {
    /// Starts one for a bundle, with a script for its shell.
    ///
    /// # Errors
    /// The system refuses.
    pub fn start(trial: &Trial<'_>, script: &str) -> io::Result<Self> {
        let request = Request {
            bundle: trial.bundle(),
            config: trial.path.to_owned(),
            spool: trial.scratch.spool(),
            job: job_id(),
            step: 0,
            task: 0,
            delivery: Delivery::Task,
            program: None,
        };
        let (output, stdout) = io::pipe()?;
        let (errors, stderr) = io::pipe()?;
        let mut command = program()?;
        command.args(["/bin/sh", "-c", script]).env(request::VARIABLE, request.encode());
        // A process group of its own, as slurmstepd gives to tasks: cleanup ends it.
        command.process_group(0).stdin(Stdio::piped()).stdout(stdout).stderr(stderr);
        // With the command goes this process's copy of the pipes' other ends.
        let child = command.spawn()?;
        Ok(Self { child, output, errors })
    }

    /// Its end, should that come in time; it is killed otherwise.
    ///
    /// # Errors
    /// The system refuses.
    pub fn end(&mut self) -> io::Result<Option<ExitStatus>> {
        let in_time = pidfd::ends_within(self.child.id(), PATIENCE);
        if !in_time {
            self.child.kill()?;
        }
        let status = self.child.wait()?;
        Ok(in_time.then_some(status))
    }

    /// What it had to say.
    pub fn complaint(&self) -> String {
        said(&self.errors)
    }
}

/// What somebody who has ended has written, in one line.
pub fn said(output: &PipeReader) -> String {
    let told = pipe::read_until(Instant::now() + MOMENT, output);
    let told = String::from_utf8_lossy(&told.unwrap_or_default()).into_owned();
    told.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

/// This program, with the environment that a job's script has of a login.
fn program() -> io::Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.env_clear().envs(environment()).current_dir("/");
    Ok(command)
}

/// As a login gives it.
pub fn environment() -> Vec<(&'static str, String)> {
    let mut list = vec![("PATH", RUNTIME_PATH.to_owned())];
    if let Ok(Some(user)) = User::from_uid(getuid()) {
        list.push(("HOME", user.dir.display().to_string()));
        list.push(("USER", user.name.clone()));
        list.push(("LOGNAME", user.name));
    }
    list
}

/// What the plugin would have done, by root.
///
/// # Errors
/// Why it did not work.
pub fn cleanup(spool: &Path) -> Result<(), String> {
    let told = run_cleanup(spool).map_err(|error| files::cause(&error))?;
    match told.lines().last() {
        Some(DONE) => Ok(()),
        _ => Err(told.trim().replace('\n', "; ")),
    }
}

fn run_cleanup(spool: &Path) -> io::Result<String> {
    let (told, telling) = io::pipe()?;
    let mut command = program()?;
    command.args([OsStr::new(SUBCOMMAND), spool.as_os_str()]);
    command.stdin(Stdio::null()).stdout(telling.try_clone()?).stderr(telling);
    let mut child = command.spawn()?;
    drop(command);
    let told = pipe::read_until(Instant::now() + 2 * PATIENCE, told);
    if told.is_err() {
        child.kill()?;
    }
    child.wait()?;
    Ok(String::from_utf8_lossy(&told?).into_owned())
}

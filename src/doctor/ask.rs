//! Asking a program, which may be anything, for a line or two.
#![forbid(unsafe_code)]

use std::{
    env,
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::{env::RUNTIME_PATH, files, pipe, runtime::process::find_in, sys::pidfd};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a program said when it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether it ended with success.
    pub success: bool,
    /// What it wrote, to either of its outputs.
    pub text: String,
}

impl Answer {
    /// The first line that says something.
    pub fn first_line(&self) -> &str {
        self.text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default()
    }
}

/// Runs a program that reads nothing, and no longer than 10 s.
///
/// # Errors
/// It cannot be executed, takes too long, or says more than 1 MiB.
pub fn ask(program: &Path, arguments: &[&str]) -> Result<Answer, String> {
    let mut command = Command::new(program);
    command.args(arguments);
    // Charliecloud does not even tell its version without it.
    if env::var_os("USER").is_none() {
        command.env("USER", "root");
    }
    answer(&mut command).map_err(|error| match error.kind() {
        io::ErrorKind::TimedOut => format!("no answer within {} s", PATIENCE.as_secs()),
        _ => files::cause(&error),
    })
}

fn answer(command: &mut Command) -> io::Result<Answer> {
    let deadline = Instant::now() + PATIENCE;
    let (told, telling) = io::pipe()?;
    command.stdin(Stdio::null()).stdout(telling.try_clone()?).stderr(telling);
    let mut child = command.spawn()?;
    // The other ends of the pipe are the child's alone.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let text = pipe::read_until(deadline, told);
    if text.is_err() || !pidfd::ends_within(child.id(), deadline - Instant::now()) {
        let _ = child.kill();
    }
    let status = child.wait()?;
    Ok(Answer { success: status.success(), text: String::from_utf8_lossy(&text?).into_owned() })
}

/// Where a program of Slurm's or the administrator's is: on the PATH, else where the
/// system's programs are.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = env::var("PATH").unwrap_or_default();
    find_in(OsStr::new(program), &format!("{path}:{RUNTIME_PATH}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Result<Answer, String> {
        ask(Path::new("/bin/sh"), &["-c", script])
    }

    #[test]
    fn both_outputs_and_the_success_are_told() {
        let answer = sh("echo; echo out; echo err >&2; exit 3").unwrap();
        assert_eq!(answer, Answer { success: false, text: "\nout\nerr\n".into() });
        assert_eq!(answer.first_line(), "out");
        assert!(sh("true").unwrap().success);
    }

    #[test]
    fn a_program_that_is_not_there_has_a_cause() {
        let error = ask(Path::new("/missing"), &[]).unwrap_err();
        assert_eq!(error, "no such file or directory");
        assert_eq!(find("no-such-program"), None);
        assert!(find("sh").is_some());
    }
}

//! The test of Slurm's container guide ("Testing OCI runtime outside of Slurm"): create,
//! start, kill and delete, with the runtime and the options of oci.conf.
#![forbid(unsafe_code)]

use std::{
    ffi::{OsStr, OsString},
    io::{self, PipeReader},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use nix::unistd::getuid;

use super::{
    helper::{environment, said},
    image::Scratch,
    job_id,
    task::STAYS,
};
use crate::{
    config::{Config, Operations},
    doctor::finding::Finding,
    files, pipe,
    runtime::process::find,
    sys::pidfd,
    template::{self, Template, Values},
};

/// Runtimes with the command line of runc.
const ALIKE: [&str; 4] = ["crun", "runc", "youki", "nvidia-container-runtime"];
/// How long each command may take.
const PATIENCE: Duration = Duration::from_secs(10);
const SUBJECT: &str = "the guide's test";

/// Does it, where the runtime is one whose commands are known.
pub fn finding(config: &Config, scratch: &Scratch) -> Finding {
    let values = Values {
        uid: getuid().as_raw(),
        job_id: job_id(),
        spool_dir: scratch.spool().into(),
        ..Values::default()
    };
    let (Operations::Run { run: template } | Operations::CreateStart { create: template, .. }) =
        &config.operations;
    let Some(words) = before_operation(template, &values) else {
        return Finding::skip(
            SUBJECT,
            format!("create and start by hand are tried with {} only", ALIKE.join(", ")),
        );
    };
    let shown: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
    let shown = shown.join(" ");
    match try_it(&words, scratch) {
        Ok(()) => Finding::ok(SUBJECT, format!("{shown}: create, start, kill, delete")),
        Err(cause) => Finding::fail(
            SUBJECT,
            format!("{shown} {cause}"),
            "mend what fails above; then run these commands by hand, as the user",
        ),
    }
}

/// The words of a command before `run` or `create`, if it is one of those runtimes.
fn before_operation(template: &Template, values: &Values) -> Option<Vec<OsString>> {
    let template::Command::Exec(mut words) = template.expand(values) else { return None };
    let is_alike = |word: &OsString| {
        let name = Path::new(word).file_name().and_then(OsStr::to_str);
        name.is_some_and(|name| ALIKE.contains(&name))
    };
    let runtime = words.iter().position(is_alike)?;
    let operation = words.iter().position(|word| word == "run" || word == "create")?;
    words.truncate(operation);
    (runtime < operation).then_some(words)
}

/// Each operation; what failed, and how.
fn try_it(words: &[OsString], scratch: &Scratch) -> Result<(), String> {
    scratch.write_config(STAYS).map_err(|error| files::cause(&error))?;
    let id = format!("spank-oci-doctor.{}", job_id());
    let bundle = scratch.bundle();
    let runtime = Runtime { words, id: &id };
    let output = runtime.create(&bundle)?;
    let lived = live(&runtime, output);
    // Whatever has become of it.
    let deleted = runtime.run(&["delete", "--force", &id]);
    lived.and(deleted)?;
    match runtime.run(&["state", &id]) {
        Err(_) => Ok(()),
        Ok(()) => Err("state: it still knows the container that was deleted".into()),
    }
}

/// From start to its end.
fn live(runtime: &Runtime<'_>, output: PipeReader) -> Result<(), String> {
    runtime.run(&["start", runtime.id])?;
    let ready = pipe::read_line_until(Instant::now() + PATIENCE, &output);
    match ready.map(|line| String::from_utf8_lossy(&line).into_owned()).as_deref() {
        Ok("ready\n") => {}
        Ok(other) => return Err(format!("start: the container said '{}'", other.trim())),
        Err(error) => return Err(format!("start: nothing came: {}", files::cause(error))),
    }
    runtime.run(&["kill", runtime.id, "TERM"])?;
    let ended = pipe::read_until(Instant::now() + PATIENCE, &output);
    ended
        .map(drop)
        .map_err(|_| format!("kill: the container runs on after {} s", PATIENCE.as_secs()))
}

struct Runtime<'a> {
    words: &'a [OsString],
    id: &'a str,
}

impl Runtime<'_> {
    /// Creates the container; what it will write.
    fn create(&self, bundle: &Path) -> Result<PipeReader, String> {
        let bundle = bundle.to_string_lossy();
        let (output, ended) = self.start(&["create", "--bundle", &bundle, self.id])?;
        match ended {
            true => Ok(output),
            false => Err(format!("create: {}", said(&output))),
        }
    }

    fn run(&self, arguments: &[&str]) -> Result<(), String> {
        let operation = arguments.first().copied().unwrap_or_default();
        match self.start(arguments)? {
            (_, true) => Ok(()),
            (output, false) => Err(format!("{operation}: {}", said(&output))),
        }
    }

    /// Runs one operation; its output, and whether it ended with success in time.
    fn start(&self, arguments: &[&str]) -> Result<(PipeReader, bool), String> {
        self.spawn(arguments).map_err(|error| files::cause(&error))
    }

    fn spawn(&self, arguments: &[&str]) -> io::Result<(PipeReader, bool)> {
        let (first, options) = self.words.split_first().ok_or(io::ErrorKind::NotFound)?;
        let program = find(first).ok_or(io::ErrorKind::NotFound)?;
        let (output, writing) = io::pipe()?;
        let mut command = Command::new(program);
        command.args(options).args(arguments).env_clear().envs(environment());
        command.stdin(Stdio::null()).stdout(writing.try_clone()?).stderr(writing);
        let mut child = command.spawn()?;
        let in_time = pidfd::ends_within(child.id(), PATIENCE);
        if !in_time {
            child.kill()?;
        }
        Ok((output, child.wait()?.success() && in_time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Option<String> {
        let template = Template::parse(text).unwrap();
        let words = before_operation(&template, &Values { uid: 7, ..Values::default() })?;
        Some(words.join(OsStr::new(" ")).into_string().unwrap())
    }

    #[test]
    fn the_runtime_keeps_the_options_of_oci_conf() {
        let guide = "runc --rootless=true --root=/run/user/%U/ run %n.%u.%j.%s.%t -b %b";
        assert_eq!(words(guide).unwrap(), "runc --rootless=true --root=/run/user/7/");
        assert_eq!(words("sudo /opt/crun create -b %b %j").unwrap(), "sudo /opt/crun");
    }

    #[test]
    fn other_programs_have_other_commands() {
        for text in
            ["podman run --rootfs %r %@", "ch-run %r -- %@", "crun run %j; true", "run crun"]
        {
            assert_eq!(words(text), None, "{text}");
        }
    }
}

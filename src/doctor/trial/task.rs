//! Containers the way of tasks: this program as the helper, with a request as the plugin
//! writes it, so that oci.conf's own commands do the work.
#![forbid(unsafe_code)]

use std::{
    ffi::OsStr,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant},
};

use nix::unistd::getuid;

use super::{
    helper::{Helper, PATIENCE, cleanup, environment},
    image::Scratch,
    job_id,
};
use crate::{
    config::Config,
    doctor::finding::Finding,
    env::Entry,
    files, inputs, pipe,
    runtime::process::{self, Spawned},
    template::Values,
};

/// It answers what it is told, to both outputs, and ends in its own way.
const ANSWERS: &str = "read -r word; echo \"out $word\"; echo \"err $word\" >&2; exit 7";
/// It stays until it is told to end.
pub const STAYS: &str = "trap 'exit 0' TERM; echo ready; /bin/sleep 600 & wait";

/// How long a runtime may take to know the container that it has started.
const NOTED: Duration = Duration::from_secs(1);

/// What is tried.
pub struct Trial<'a> {
    /// The site's configuration.
    pub config: &'a Config,
    /// Its file.
    pub path: &'a Path,
    /// Where the bundle is.
    pub scratch: &'a Scratch,
}

impl Trial<'_> {
    /// Runs one container that answers, and one that is killed.
    pub fn findings(&self) -> Vec<Finding> {
        let answered = answers(self).unwrap_or_else(|error| refused("a task", &error));
        let runs = answered.remedy.is_none();
        let ended = match runs {
            true => ends(self).unwrap_or_else(|error| refused("its end", &error)),
            false => Finding::skip("its end", "no container runs"),
        };
        vec![self.in_doubt(answered), ended]
    }

    /// Where config.json is ignored, only the site knows what a bundle is.
    fn in_doubt(&self, finding: Finding) -> Finding {
        if !self.config.ignore_config_json || finding.remedy.is_none() {
            return finding;
        }
        let remedy = "oci.conf ignores config.json, so a directory with a root file system was tried; should your users name something else, try one of theirs with srun --container";
        Finding::warn(finding.subject, finding.seen, remedy)
    }

    /// What the user would name.
    pub fn bundle(&self) -> PathBuf {
        match self.config.ignore_config_json {
            true => self.scratch.rootfs(),
            false => self.scratch.bundle(),
        }
    }
}

fn refused(subject: &str, error: &io::Error) -> Finding {
    Finding::fail(subject, files::cause(error), "see what the system has to say about it")
}

fn answers(trial: &Trial<'_>) -> io::Result<Finding> {
    const SUBJECT: &str = "a task";
    let mut helper = Helper::start(trial, ANSWERS)?;
    if let Some(mut input) = helper.child.stdin.take() {
        // A runtime that has failed already reads nothing.
        let _ = input.write_all(b"word\n");
    }
    let ended = helper.end()?;
    let left = ended.is_none().then(|| cleanup(&trial.scratch.spool()));
    let output = pipe::read_until(Instant::now() + PATIENCE, &helper.output);
    let output = output.map(|text| String::from_utf8_lossy(&text).into_owned());
    let errors = helper.complaint();
    let status = ended.map(|status| status.code());
    Ok(match (status, output.as_deref(), errors.as_str()) {
        (Some(Some(7)), Ok("out word\n"), "err word") => Finding::ok(
            SUBJECT,
            "ran in a container: its input and outputs arrive, and its exit status",
        ),
        (None, ..) => Finding::fail(
            SUBJECT,
            format!("did not end within {} s: {errors}{}", PATIENCE.as_secs(), left_over(left)),
            "run oci.conf's commands by hand, as the user",
        ),
        (Some(Some(7)), ..) => Finding::fail(
            SUBJECT,
            format!("ran, but wrote {output:?} and '{errors}'"),
            "see that RunTimeRun, or RunTimeCreate, leaves standard input and outputs alone",
        ),
        (status, ..) => {
            let status = status.flatten().map_or("a signal".to_owned(), |code| code.to_string());
            Finding::fail(
                SUBJECT,
                format!("ended with {status}, not with 7: {errors}"),
                hint(&errors),
            )
        }
    })
}

fn left_over(cleaned: Option<Result<(), String>>) -> String {
    let cause = cleaned.and_then(Result::err);
    cause.map(|cause| format!("; RunTimeKill and RunTimeDelete: {cause}")).unwrap_or_default()
}

/// What to look at, by what runtimes say.
fn hint(errors: &str) -> &'static str {
    let says = |text: &str| errors.contains(text);
    if says("hybrid") {
        "see control groups above"
    } else if says("newuidmap") || says("newgidmap") {
        "see newuidmap and /etc/subuid above"
    } else if says("/run/user/") {
        "see /run/user above"
    } else if says("cannot execute") {
        "see the runtimes above"
    } else if says("clone") || says("unshare") || says("user namespace") {
        "see user namespaces above"
    } else {
        "mend what fails above; then run oci.conf's commands by hand, as the user"
    }
}

/// As after a crash: the helper is killed, and what it leaves is removed by RunTimeKill
/// and RunTimeDelete.
fn ends(trial: &Trial<'_>) -> io::Result<Finding> {
    const SUBJECT: &str = "its end";
    let spool = trial.scratch.spool();
    let mut helper = Helper::start(trial, STAYS)?;
    let ready = pipe::read_line_until(Instant::now() + PATIENCE, &helper.output);
    await_known(trial);
    helper.child.kill()?;
    helper.child.wait()?;
    let cleaned = cleanup(&spool);
    if !ready.is_ok_and(|line| line == b"ready\n") {
        let seen = format!("the second container did not start: {}", helper.complaint());
        return Ok(Finding::fail(SUBJECT, seen, "run oci.conf's commands by hand, as the user"));
    }
    let remedy = "see that RunTimeKill and RunTimeDelete in oci.conf name the container as RunTimeRun does, and that RunTimeDelete removes one that still runs";
    if let Err(cause) = cleaned {
        return Ok(Finding::fail(
            SUBJECT,
            format!("RunTimeKill and RunTimeDelete: {cause}"),
            remedy,
        ));
    }
    // Whoever is left of the container still has it open.
    let closed = pipe::read_until(Instant::now() + PATIENCE, &helper.output);
    let left = names(&spool);
    Ok(if closed.is_err() {
        Finding::fail(SUBJECT, "processes of the container are left", remedy)
    } else if !left.is_empty() {
        Finding::fail(SUBJECT, format!("files are left: {}", left.join(", ")), remedy)
    } else if let Some(query) = known(trial) {
        Finding::fail(SUBJECT, format!("the runtime still knows the container: {query}"), remedy)
    } else {
        let seen = "RunTimeKill and RunTimeDelete left nothing of one whose helper was killed";
        Finding::ok(SUBJECT, seen)
    })
}

/// `crun run` lets the task begin before it makes a note of its container: were both killed
/// between, nothing would be left that RunTimeDelete has to remove.
fn await_known(trial: &Trial<'_>) {
    let deadline = Instant::now() + NOTED;
    let is_told = trial.config.query.is_some();
    while is_told && known(trial).is_none() && Instant::now() < deadline {
        sleep(NOTED / 20);
    }
}

/// RunTimeQuery, if it finds the container.
fn known(trial: &Trial<'_>) -> Option<String> {
    let command = trial.config.query.as_ref()?.expand(&values(trial));
    let words = process::words(&command);
    let env: Vec<_> = environment().into_iter().map(entry).collect();
    let query = Spawned::asked(&command, &env, "RunTimeQuery").ok()?;
    query.output_within(PATIENCE).is_ok().then(|| words.join(OsStr::new(" ")).display().to_string())
}

fn entry((name, value): (&str, String)) -> Entry {
    format!("{name}={value}").into_bytes()
}

/// As the helper has them for the trial's request.
fn values(trial: &Trial<'_>) -> Values {
    let spool = trial.scratch.spool();
    Values {
        bundle: spool.join("task-0").into(),
        spool_dir: spool.into(),
        rootfs: trial.scratch.rootfs().into(),
        job_id: job_id(),
        node: inputs::node_name().into(),
        user: inputs::user_name(getuid()).into(),
        uid: getuid().as_raw(),
        work_dir: "/".into(),
        ..Values::default()
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::hint;

    #[test]
    fn what_runtimes_say_points_to_the_line_above() {
        for (errors, expected) in [
            ("cgroups in hybrid mode not supported", "see control groups above"),
            ("newuidmap: write to uid_map failed", "see newuidmap and /etc/subuid above"),
            ("mkdir /run/user/1001: permission denied", "see /run/user above"),
            ("spank-oci: cannot execute RunTimeRun: 'crun'", "see the runtimes above"),
            ("clone: Operation not permitted", "see user namespaces above"),
            ("?", "mend what fails above; then run oci.conf's commands by hand, as the user"),
        ] {
            assert_eq!(hint(errors), expected);
        }
    }
}

//! `scontrol suspend` and `resume`: a container stops and goes on as a task without one
//! does, and its task ends as if nothing had been.

use std::{
    fs::{self, File},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use crate::{
    cluster::{self, ALICE, AS_USER},
    leftovers, site,
};

/// Tells that it runs, ten times a second, and of SIGCONT, and ends with status 7 at
/// SIGUSR1.
const TICKER: &str =
    "trap 'exit 7' USR1; trap 'echo continued' CONT; while :; do echo tick; sleep 0.1; done";

const PATIENCE: Duration = Duration::from_secs(30);

/// A step that ticks.
struct Ticking {
    srun: Child,
    name: String,
}

impl Ticking {
    fn start(name: String, options: &[&str]) -> Self {
        let job = format!("--job-name={name}");
        let srun = Command::new(AS_USER)
            .args([ALICE.0, "srun", "-n1", &job])
            .args(options)
            .args(["sh", "-c", TICKER])
            .stdin(Stdio::piped())
            .stdout(File::create(ALICE.home(&name)).unwrap())
            .stderr(Stdio::null())
            .spawn();
        let step = Self { srun: srun.unwrap(), name };
        wait_until("starts", || !step.told().is_empty());
        step
    }

    fn told(&self) -> String {
        fs::read_to_string(ALICE.home(&self.name)).unwrap()
    }

    fn job(&self) -> String {
        let name = format!("--name={}", self.name);
        let output = Command::new("squeue").args(["--noheader", "--format=%i", &name]).output();
        String::from_utf8(output.unwrap().stdout).unwrap().trim().to_owned()
    }

    /// Ends it by the signal that it answers; srun's status.
    fn end(mut self) -> Option<i32> {
        run(&["scancel", "--signal=USR1", &self.job()]);
        let status = self.srun.wait().unwrap().code();
        fs::remove_file(ALICE.home(&self.name)).unwrap();
        status
    }
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "not every step {what}");
        sleep(Duration::from_millis(50));
    }
}

/// How many steps tick within a second.
fn ticking(steps: &[Ticking]) -> usize {
    let before: Vec<_> = steps.iter().map(Ticking::told).collect();
    sleep(Duration::from_secs(1));
    steps.iter().zip(before).filter(|(step, before)| step.told() != *before).count()
}

fn run(command: &[&str]) {
    assert!(Command::new(command[0]).args(&command[1..]).status().unwrap().success());
}

#[test]
fn a_container_stops_and_goes_on_with_its_job() {
    let container = format!("--container={}", ALICE.bundle());
    leftovers::after_once(|| {
        let mut steps = Vec::new();
        for node in cluster::proctracks() {
            steps.push(Ticking::start(format!("ticking{node}"), &[node]));
            for (number, kind) in site::kinds().iter().enumerate() {
                let _site = kind.install();
                for terminal in ["", "--pty"] {
                    let name = format!("ticking{node}{terminal}-{number}");
                    let options = [node, &container, terminal];
                    let options = options.strip_suffix(&[""]).unwrap_or(&options);
                    steps.push(Ticking::start(name, options));
                }
            }
        }
        let jobs = steps.iter().map(Ticking::job).collect::<Vec<_>>().join(",");
        run(&["scontrol", "suspend", &jobs]);
        wait_until("stops", || ticking(&steps) == 0);
        run(&["scontrol", "resume", &jobs]);
        wait_until("goes on", || ticking(&steps) == steps.len());
        for step in steps {
            let heard = step.told().matches("continued").count();
            assert_eq!(heard, 1, "SIGCONT came to {}", step.name);
            assert_eq!(step.end(), Some(7));
        }
    });
}

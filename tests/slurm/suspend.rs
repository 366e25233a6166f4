//! `scontrol suspend` and `resume`: a container stops and goes on, and its task ends
//! as if nothing had been.

use std::{
    fs,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use crate::{
    cluster::{self, ALICE, AS_USER, PGID},
    leftovers, site,
};

/// Tells that it runs, ten times a second, and ends with status 7 at SIGUSR1.
const TICKER: &str = "trap 'exit 7' USR1; while :; do echo tick; sleep 0.1; done";

const PATIENCE: Duration = Duration::from_secs(30);

/// A step that ticks in a container.
struct Ticking {
    srun: Child,
    name: String,
}

impl Ticking {
    fn start(name: String, node: &str) -> Self {
        let container = format!("--container={}", ALICE.bundle());
        let output = format!("--output={}", ALICE.home(&name).display());
        let job = format!("--job-name={name}");
        let srun = Command::new(AS_USER)
            .args([ALICE.0, "srun", "-n1", node, &container, &output, &job])
            .args(["sh", "-c", TICKER])
            .stderr(Stdio::null())
            .spawn();
        let step = Self { srun: srun.unwrap(), name };
        wait_until("starts", || step.ticks() > 0);
        step
    }

    fn ticks(&self) -> u64 {
        fs::metadata(ALICE.home(&self.name)).map_or(0, |file| file.len())
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
    let before: Vec<_> = steps.iter().map(Ticking::ticks).collect();
    sleep(Duration::from_secs(1));
    steps.iter().zip(before).filter(|(step, before)| step.ticks() != *before).count()
}

fn run(command: &[&str]) {
    assert!(Command::new(command[0]).args(&command[1..]).status().unwrap().success());
}

#[test]
fn a_container_stops_and_goes_on_with_its_job_except_under_pgid() {
    leftovers::after_once(|| {
        let mut steps = Vec::new();
        // proctrack/pgid stops the helper's process group; the container has its own.
        for node in cluster::proctracks().into_iter().filter(|node| *node != PGID) {
            for (number, kind) in site::kinds().iter().enumerate() {
                let _site = kind.install();
                steps.push(Ticking::start(format!("ticking{node}-{number}"), node));
            }
        }
        let jobs = steps.iter().map(Ticking::job).collect::<Vec<_>>().join(",");
        run(&["scontrol", "suspend", &jobs]);
        wait_until("stops", || ticking(&steps) == 0);
        run(&["scontrol", "resume", &jobs]);
        wait_until("goes on", || ticking(&steps) == steps.len());
        for step in steps {
            assert_eq!(step.end(), Some(7));
        }
    });
}

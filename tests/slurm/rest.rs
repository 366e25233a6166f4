//! While a container runs, its helper rests.

use std::{
    fs,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::Duration,
};

use crate::{
    cluster::{ALICE, AS_USER, leave_out},
    leftovers,
    site::{self, Kind},
};

/// Longer than any sensible poll would wait.
const REST: Duration = Duration::from_secs(10);

/// Starts a container that sleeps; returns when it does.
fn start((number, kind): (usize, &Kind)) -> Child {
    let _site = kind.install();
    let started = ALICE.home(&format!("started-{number}"));
    let container = format!("--container={}", ALICE.bundle());
    let output = format!("--output={}", started.display());
    let command = ["srun", "-wn1", "-n1", &container, &output, "sh", "-c"];
    let srun = Command::new(AS_USER)
        .arg(ALICE.0)
        .args(command)
        .arg("echo yes; exec sleep 600")
        .stderr(Stdio::null())
        .spawn();
    while fs::read(&started).unwrap_or_default().is_empty() {
        sleep(Duration::from_millis(50));
    }
    fs::remove_file(started).unwrap();
    srun.unwrap()
}

/// Runs a look at the helpers, by their process ids, while a container of each kind sleeps.
fn while_containers_sleep(look: impl FnOnce(&[String])) {
    leftovers::after_once(|| {
        let kinds = site::kinds();
        let steps: Vec<_> = kinds.iter().enumerate().map(start).collect();
        // The first output comes before RunTimeStart has ended.
        sleep(Duration::from_millis(500));
        let found = Command::new("pgrep").args(["-u", ALICE.0, "-x", "spank-oci"]).output();
        let helpers = String::from_utf8(found.unwrap().stdout).unwrap();
        let helpers: Vec<_> = helpers.lines().map(str::to_owned).collect();
        assert_eq!(helpers.len(), kinds.len());
        look(&helpers);
        ALICE.sh(
            "for job in $(squeue --noheader --format=%i); do scancel --signal=KILL $job.0; done",
        );
        steps.into_iter().for_each(|mut srun| drop(srun.wait()));
    });
}

/// How often the threads of a process have given up the processor.
fn rests(pid: &str) -> u64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let rests = threads.map(|thread| {
        let status = fs::read_to_string(thread.path().join("status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        line.unwrap().trim().parse::<u64>().unwrap()
    });
    rests.sum()
}

#[test]
fn the_helper_never_wakes_up() {
    while_containers_sleep(|helpers| {
        let before: Vec<_> = helpers.iter().map(|pid| rests(pid)).collect();
        sleep(REST);
        let after: Vec<_> = helpers.iter().map(|pid| rests(pid)).collect();
        assert_eq!(after, before);
    });
}

/// Has the system calls of a process told for a while.
fn strace(pid: &str) -> Child {
    let patience = REST.as_secs().to_string();
    let mut strace = Command::new("timeout");
    strace.args(["--signal=INT", &patience, "strace", "-f", "-p", pid]);
    strace.stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn the_helper_calls_nothing_of_the_system() {
    if Command::new("strace").arg("-V").output().is_err() {
        return leave_out("system calls of a resting helper", "there is no strace");
    }
    while_containers_sleep(|helpers| {
        let traced: Vec<_> = helpers.iter().map(|pid| strace(pid)).collect();
        for strace in traced {
            let told = String::from_utf8(strace.wait_with_output().unwrap().stderr).unwrap();
            // The one call in which it waits, from before the first to after the last.
            let calls = told.matches('(').count();
            let waits = told.contains("\nrt_sigtimedwait(~[RTMIN RT_1], ");
            assert!(calls == 1 && waits && !told.contains(" = "), "{told}");
        }
    });
}

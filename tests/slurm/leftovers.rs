//! After a test: no container, process, mount, file, directory is left, bundles
//! are as they were, and the nodes are in service.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};

use crate::cluster::{self, ALICE, BOB, User};

/// How long Slurm may take to see that a job has ended.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a process may take to end once its job is gone.
const MOMENT: Duration = Duration::from_secs(5);

/// Runs a check, then looks for what it left.
pub fn after(check: impl Fn()) {
    after_once(check);
}

/// The same for a check that can be made but once.
pub fn after_once(check: impl FnOnce()) {
    let _others_are_spared = Spare;
    let before = World::seen();
    check();
    assert_eq!(nodes_at_rest(), vec!["idle"; cluster::nodes()], "a node is not in service");
    // What was orphaned may need a moment to end.
    let deadline = Instant::now() + MOMENT;
    let mut differences = World::seen().differences(&before);
    while !differences.is_empty() && Instant::now() < deadline {
        sleep(Duration::from_millis(50));
        differences = World::seen().differences(&before);
    }
    assert_eq!(differences, Vec::<String>::new(), "left behind, or lost");
}

/// Cancels what a test that failed has left, so that the next one can succeed.
struct Spare;

impl Drop for Spare {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for user in [ALICE, BOB] {
                let _ = Command::new("scancel").args(["--user", user.0]).status();
                let _ = Command::new("pkill").args(["-KILL", "-u", user.0]).status();
            }
            nodes_at_rest();
        }
    }
}

/// What must be the same before and after.
struct World {
    things: BTreeSet<String>,
}

impl World {
    fn seen() -> Self {
        let mut things = BTreeSet::new();
        for user in [ALICE, BOB] {
            processes_of(user, &mut things);
            tree(Path::new(&format!("/run/user/{}", user.id())), &mut things);
            tree(Path::new(&user.bundle()), &mut things);
        }
        tree(Path::new("/run/spank-oci"), &mut things);
        for mount in fs::read_to_string("/proc/self/mountinfo").unwrap().lines() {
            things.insert(format!("mount {mount}"));
        }
        // The base is made with the first container step and stays; so does what
        // newer releases of crun keep beside their containers.
        let stays =
            |thing: &String| thing == "file /run/spank-oci" || thing.ends_with("/.empty-directory");
        things.retain(|thing| !stays(thing));
        Self { things }
    }

    fn differences(&self, before: &Self) -> Vec<String> {
        // What was still ending when the last test was over is nobody's loss.
        let was_ending =
            |thing: &&String| thing.starts_with("process ") && !self.things.contains(*thing);
        let different = self.things.symmetric_difference(&before.things);
        different.filter(|thing| !was_ending(thing)).cloned().collect()
    }
}

fn tree(path: &Path, things: &mut BTreeSet<String>) {
    things.insert(format!("file {}", path.display()));
    if path.is_symlink() || !path.is_dir() {
        return;
    }
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        tree(&entry.path(), things);
    }
}

fn processes_of(user: User, things: &mut BTreeSet<String>) {
    let output = Command::new("pgrep").args(["-a", "-u", user.0]).output().unwrap();
    // One that has ended and is not reaped yet is its parent's business.
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for line in text.lines().filter(|line| !line.ends_with("<defunct>")) {
        let job = job_of(line.split(' ').next().unwrap_or_default());
        things.insert(format!("process {line}{job}"));
    }
}

/// The job that a process was executed for, as messages call it.
fn job_of(pid: &str) -> String {
    let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let environ = String::from_utf8_lossy(&environ).into_owned();
    let value = |name: &str| environ.split('\0').find_map(|entry| entry.strip_prefix(name));
    match (value("SLURM_JOB_ID="), value("SLURM_JOB_NAME=")) {
        (Some(id), Some(name)) => format!(" (job {id}, {name})"),
        _ => String::new(),
    }
}

/// The state of all nodes, once no job is there any more.
pub fn nodes_at_rest() -> Vec<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let states = slurm(&["sinfo", "--noheader", "--Node", "--format=%t"]);
        let jobs = slurm(&["squeue", "--noheader"]);
        let done = jobs.is_empty() && states.iter().all(|state| state == "idle");
        if done || Instant::now() > deadline {
            return states;
        }
        sleep(Duration::from_millis(50));
    }
}

fn slurm(command: &[&str]) -> Vec<String> {
    let output = Command::new(command[0]).args(&command[1..]).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().map(|line| line.trim().to_owned()).collect()
}

/// A file that a task would make on the host, and whether it did.
pub struct Marker;

impl Marker {
    pub fn path() -> String {
        cluster::ALICE.home("ran-on-the-host").display().to_string()
    }

    pub fn assert_absent(case: &str) {
        assert!(!Path::new(&Self::path()).exists(), "{case}: the command ran on the host");
    }
}

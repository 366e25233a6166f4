//! A user who changes everything that is the user's, all the time, against root who makes
//! and removes the directories of a thousand steps around it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command},
    thread::sleep,
    time::{Duration, Instant},
};

use nix::{
    sys::inotify::{AddWatchFlags, InitFlags, Inotify},
    unistd::geteuid,
};
use spank_oci::plugin::{
    cleanup,
    state::{self, StepDir, StepName},
};

/// A user that no system has.
const USER: u32 = 54_321;
const STEPS: u32 = 1000;
const RACERS: u32 = 3;

/// Processes of the user's that are killed with the value.
struct Racers(Vec<Child>);

impl Racers {
    fn started(program: &Path, base: &Path, canary: &Path) -> Self {
        let start = |seed: u32| {
            let mut racer = Command::new(program);
            racer.arg(base).arg(canary).args([STEPS.to_string(), seed.to_string()]);
            racer.uid(USER).gid(USER).current_dir("/").spawn().unwrap()
        };
        Self((1..=RACERS).map(start).collect())
    }
}

impl Drop for Racers {
    fn drop(&mut self) {
        for racer in &mut self.0 {
            let _ = racer.kill();
            let _ = racer.wait();
        }
    }
}

/// What only root may read, and what the user may not change.
struct Canary {
    directory: PathBuf,
    watch: Inotify,
}

impl Canary {
    fn new(directory: PathBuf) -> Self {
        fs::create_dir_all(directory.join("deep/deeper")).unwrap();
        for name in ["file", "deep/file", "deep/deeper/file"] {
            fs::write(directory.join(name), "canary").unwrap();
        }
        for name in ["file", "deep/file", "deep/deeper/file", "deep/deeper", "deep"] {
            fs::set_permissions(directory.join(name), fs::Permissions::from_mode(0o700)).unwrap();
        }
        let watch = Inotify::init(InitFlags::IN_NONBLOCK).unwrap();
        for name in ["file", "deep", "deep/file", "deep/deeper"] {
            watch.add_watch(&directory.join(name), AddWatchFlags::IN_ALL_EVENTS).unwrap();
        }
        Self { directory, watch }
    }

    /// Root has not so much as opened anything of it, nor has the user managed to.
    fn assert_untouched(&self) {
        let events = self.watch.read_events().unwrap_or_default();
        assert!(events.is_empty(), "somebody followed a link: {events:?}");
        for (name, mode) in [("file", 0o100_700), ("deep", 0o040_700), ("deep/deeper", 0o040_700)] {
            let found = fs::symlink_metadata(self.directory.join(name)).unwrap();
            assert_eq!((found.uid(), found.mode(), found.nlink() > 0), (0, mode, true), "{name}");
        }
        assert_eq!(fs::read(self.directory.join("deep/deeper/file")).unwrap(), b"canary");
    }
}

/// The program that plays the user.
fn racer(directory: &Path) -> PathBuf {
    let program = directory.join("racer");
    let compiled = Command::new("cc")
        .args(["-O1", "-Wall", "-Wextra", "-Werror", "tests/data/racer.c", "-o"])
        .arg(&program)
        .status();
    assert!(compiled.unwrap().success());
    program
}

/// Everything that root does around a step.
fn step(base: &Path, helper: &Path, job: u32) {
    let name = StepName { job, step: 0, node_rank: 0, component: 0 };
    let dir = StepDir::create(base, name, USER, USER).unwrap();
    // The user has a moment for more than the name.
    sleep(Duration::from_millis(u64::from(job % 4)));
    assert_eq!(dir.owner().unwrap(), Some((USER, USER)));
    dir.holds("task-0.cleanup");
    dir.records().unwrap();
    if job.is_multiple_of(8) {
        let _ = cleanup::after_task(&dir, helper, 0, Duration::from_secs(5));
    }
    // The user may be quicker, and then something is left for the sweep.
    let _ = dir.remove();
    if job.is_multiple_of(8) {
        let _ = cleanup::finish(&dir, helper);
    }
}

/// Cleans up behind the user, who is gone.
fn sweep(base: &Path, helper: &Path) {
    for name in state::steps(base).unwrap() {
        let dir = StepDir::abandoned(base, name).unwrap().unwrap();
        let finished = cleanup::finish(&dir, helper);
        assert!(finished.is_ok(), "{name}: {finished:?}");
    }
}

#[test]
fn a_user_who_races_root_has_root_follow_nothing() {
    if !geteuid().is_root() {
        let _ = std::io::Write::write_all(&mut std::io::stderr(), b"not run: needs root\n");
        return;
    }
    let keep = tempfile::tempdir().unwrap();
    fs::set_permissions(keep.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let base = keep.path().join("state");
    // The user may have no access to the directory this was built in.
    let helper = keep.path().join("spank-oci");
    fs::copy(env!("CARGO_BIN_EXE_spank-oci"), &helper).unwrap();
    let canary = Canary::new(keep.path().join("canary"));
    let racers = Racers::started(&racer(keep.path()), &base, &canary.directory);

    let begin = Instant::now();
    (0..STEPS).for_each(|job| step(&base, &helper, job));
    drop(racers);
    let raced = fs::read_dir(&base).unwrap().count();
    eprintln!("{STEPS} steps in {:?}, {raced} of them left to the sweep", begin.elapsed());
    assert!(raced > 0, "the user was never in time for anything");
    sweep(&base, &helper);
    assert_eq!(fs::read_dir(&base).unwrap().count(), 0);
    canary.assert_untouched();
}

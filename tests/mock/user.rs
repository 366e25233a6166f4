//! The ordinary user of these tests.

use std::{os::unix::fs::chown, path::Path, process::Command};

use nix::unistd::{getgid, getuid};

const USER: u32 = 54_321;

/// Ids of a user that no system has; where the tests do not run as root, of whoever runs them.
pub fn user() -> (u32, u32) {
    match getuid().is_root() {
        true => (USER, USER),
        false => (getuid().as_raw(), getgid().as_raw()),
    }
}

/// crun refuses a mixture of cgroup v1 and v2, which some machines have; root can
/// show it a tidy one.
pub fn in_own_mounts() -> Command {
    if !getuid().is_root() {
        return Command::new("env");
    }
    let mut process = Command::new("unshare");
    process.args([
        "--mount",
        "sh",
        "-c",
        "mount -t cgroup2 none /sys/fs/cgroup; exec \"$@\"",
        "sh",
    ]);
    process
}

/// Makes a file the user's.
pub fn give(path: &Path) {
    let (uid, gid) = user();
    chown(path, Some(uid), Some(gid)).unwrap();
}

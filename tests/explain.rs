//! `spank-oci explain` as people and programs see it: compared with
//! tests/data/explain/*.expected. `UPDATE_EXPECTED=1` writes those files anew.
//!
//! That what it tells is what the helper does is a test of the mock host
//! (tests/mock/explained.rs).
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "shared with the tests on the mock host")]
#[path = "mock/user.rs"]
mod user;

use std::{
    collections::BTreeMap,
    fs::{self, Permissions},
    io::Write,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use nix::unistd::getuid;
use tempfile::TempDir;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/explain");

/// A bundle and a site whose runtime must not be executed, and who asks.
struct Place {
    keep: TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { keep: tempfile::tempdir().unwrap() };
        fs::set_permissions(place.path(""), Permissions::from_mode(0o755)).unwrap();
        for name in ["bundle", "bundle/rootfs", "executed"] {
            fs::create_dir(place.path(name)).unwrap();
            user::give(&place.path(name));
        }
        fs::copy(format!("{DATA}/config.json"), place.path("bundle/config.json")).unwrap();
        place.write("oci.conf", &fs::read_to_string(format!("{DATA}/oci.conf")).unwrap());
        place.write("runtime", "#!/bin/sh\ntouch @ROOT@/executed/it\n");
        fs::set_permissions(place.path("runtime"), Permissions::from_mode(0o755)).unwrap();
        // The user may have no access to the directory this was built in.
        fs::copy(env!("CARGO_BIN_EXE_spank-oci"), place.path("spank-oci")).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.keep.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let text = text.replace("@ROOT@", self.path("").to_str().unwrap().trim_end_matches('/'));
        fs::write(self.path(name), text).unwrap();
    }

    /// Explains, by a user who can start no process and write no file.
    fn explain(&self, words: &[&str]) -> Output {
        let (uid, gid) = user::user();
        let mut command = Command::new("env");
        if getuid().is_root() {
            let ids = [format!("--reuid={uid}"), format!("--regid={gid}")];
            command = Command::new("setpriv");
            command.args(ids).args(["--clear-groups", "env"]);
        }
        command.args(["-i", "HOME=/home/alice", "PATH=/usr/bin:/bin", "SECRET=x"]);
        command.args(["prlimit", "--nofile=1024:4096", "--nproc=1", "--fsize=0"]);
        command.arg(self.path("spank-oci")).arg("explain").args(words);
        command.current_dir(self.path("")).output().unwrap()
    }

    fn explain_bundle(&self, words: &[&str]) -> Output {
        let common = ["--bundle=bundle", "--conf=oci.conf", "--node=n1", "--job=7"];
        self.explain(&[&common, words].concat())
    }

    /// What it tells, in words that are the same wherever this runs.
    fn told(&self, words: &[&str]) -> String {
        let output = self.explain_bundle(words);
        assert_eq!(text(&output.stderr), "");
        assert!(output.status.success());
        let root = self.path("");
        let root = root.to_str().unwrap().trim_end_matches('/');
        text(&output.stdout).replace(root, "@ROOT@")
    }

    /// Every file with what shows that it was changed.
    fn content(&self) -> BTreeMap<PathBuf, (i64, i64, u64)> {
        fn look(directory: &Path, all: &mut BTreeMap<PathBuf, (i64, i64, u64)>) {
            for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
                let found = entry.metadata().unwrap();
                all.insert(entry.path(), (found.ctime(), found.ctime_nsec(), found.size()));
                if found.is_dir() {
                    look(&entry.path(), all);
                }
            }
        }
        let mut all = BTreeMap::new();
        look(&self.path(""), &mut all);
        all
    }
}

/// Says why a test is left out: also where it passes.
fn leave_out(what: &str, reason: &str) {
    // Not the macro, whose text the test runner keeps for itself.
    let _ = writeln!(std::io::stderr(), "left out: {what}: {reason}");
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn compare(name: &str, words: &[&str]) {
    if !getuid().is_root() {
        return leave_out(name, "only root can become the user that the expected text names");
    }
    let told = Place::new().told(words);
    let path = format!("{DATA}/{name}.expected");
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(&path, &told).unwrap();
    }
    assert_eq!(told, fs::read_to_string(path).unwrap_or_default(), "{name}");
}

#[test]
fn a_task_is_explained_to_people() {
    compare("task", &["-n4", "--task=3", "--", "echo", "it's", "$HOME"]);
}

#[test]
fn a_task_is_explained_to_programs() {
    compare("task.json", &["--format=json", "--", "echo", "it's", "$HOME"]);
}

#[test]
fn a_batch_script_is_the_copy_that_slurmd_makes() {
    compare("batch", &["--batch", "--", "./script", "1"]);
}

#[test]
fn a_terminal_is_explained_without_one() {
    compare("terminal", &["--pty", "--", "sh"]);
}

#[test]
fn all_tasks_are_explained_and_differ_in_what_is_said_of_them() {
    let place = Place::new();
    let all = place.told(&["-n2", "--task=all", "--", "true"]);
    let [first, second] = all.split("\n\n").collect::<Vec<_>>()[..] else { panic!("{all}") };
    let first = first
        .replace("task-0", "task-1")
        .replace("step 0, task 0,", "step 0, task 1,")
        .replace(".7.0.0 ", ".7.0.1 ")
        .replace(".7.0.0\n", ".7.0.1\n")
        .replace(r"'\''7'\''.'\''0'\''.'\''0'\''", r"'\''7'\''.'\''0'\''.'\''1'\''")
        .replace("PROCID=0", "PROCID=1")
        .replace("LOCALID=0", "LOCALID=1");
    assert_eq!(first.trim_end(), second.trim_end());
    let json = place.told(&["-n2", "--task=all", "--format=json", "--", "true"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json[0]["task"]["rank"], &json[1]["task"]["rank"]), (&0.into(), &1.into()));
}

#[test]
fn nothing_is_executed_or_written() {
    let place = Place::new();
    let before = place.content();
    for words in [&["-n2", "--task=all", "--"][..], &["--format=json", "--"], &["--pty", "--"]] {
        assert!(place.explain_bundle(&[words, &["sh"]].concat()).status.success());
    }
    assert_eq!(place.content(), before);
}

#[test]
fn a_task_that_could_not_be_started_has_the_message_it_would_have() {
    let place = Place::new();
    let refused = |words: &[&str]| {
        let output = place.explain(words);
        assert_eq!((text(&output.stdout).as_str(), output.status.code()), ("", Some(2)));
        text(&output.stderr).replace(place.path("").to_str().unwrap(), "@ROOT@/")
    };
    assert_eq!(
        refused(&["--bundle=missing", "--conf=oci.conf", "--", "true"]),
        "spank-oci: cannot read '@ROOT@/missing/config.json': no such file or directory; the bundle must be on every node of the step\n"
    );
    assert_eq!(
        refused(&["--bundle=bundle", "--conf=missing", "--", "true"]),
        "spank-oci: cannot read the site's configuration 'missing': no such file or directory; it must be on every node, where plugstack.conf names it with conf=\n"
    );
    assert_eq!(
        refused(&["--bundle=bundle", "--conf=oci.conf", "-n2", "--task=2", "--", "true"]),
        "spank-oci: there is no task 2, the last one is 1; see -n\n"
    );
    place.write(
        "oci.conf",
        "RunTimeRun=\"run %b\"\nAllowHooks=\"\"\nRunTimeKill=x\nRunTimeDelete=x\n",
    );
    let output = refused(&["--bundle=bundle", "--conf=oci.conf", "--", "true"]);
    assert_eq!(
        output,
        "spank-oci: in '@ROOT@/bundle/config.json': the site does not allow the hook (prestart) '/bin/true'; AllowHooks in oci.conf allows none\n"
    );
}

#[test]
fn root_is_told_that_tasks_are_users() {
    if !getuid().is_root() {
        return leave_out("what root is told", "this is not root");
    }
    let place = Place::new();
    let mut command = Command::new(place.path("spank-oci"));
    command.args(["explain", "--bundle=bundle", "--conf=oci.conf", "--", "true"]);
    let output = command.current_dir(place.path("")).output().unwrap();
    assert!(output.status.success());
    assert_eq!(
        text(&output.stderr),
        "spank-oci: this is what root would have; tasks run as users\n"
    );
}

#[test]
fn an_argument_that_config_json_cannot_hold_is_named() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    let place = Place::new();
    let output = Command::new(place.path("spank-oci"))
        .args(["explain", "--bundle=bundle", "--conf=oci.conf", "--", "echo"])
        .arg(OsStr::from_bytes(b"caf\xe9"))
        .current_dir(place.path(""))
        .output()
        .unwrap();
    assert_eq!(
        text(&output.stderr),
        "spank-oci: argument 1 'caf\u{fffd}' is not valid UTF-8, which config.json cannot hold\n"
    );
}

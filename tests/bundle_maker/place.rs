//! Where a test makes bundles, and what the program says.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

/// A directory with a root file system in `rootfs`, gone with the value.
pub struct Place(tempfile::TempDir);

/// What the program said, with the place's path left out, and its exit status.
#[derive(Debug, PartialEq)]
pub struct Answer {
    pub stdout: String,
    pub stderr: String,
    pub status: Option<i32>,
}

impl Place {
    pub fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        for directory in ["rootfs/bin", "rootfs/etc"] {
            fs::create_dir_all(place.path(directory)).unwrap();
        }
        fs::write(place.path("rootfs/etc/os-release"), "ID=small\n").unwrap();
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs a script in it.
    pub fn sh(&self, script: &str) {
        let mut command = Command::new("sh");
        let status = command.args(["-ec", script]).current_dir(self.0.path()).status().unwrap();
        assert!(status.success(), "{script}");
    }

    /// `spank-oci bundle made --from SOURCE` in it.
    pub fn command(&self, source: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spank-oci"));
        command.args(["bundle", "made", "--from", source]).current_dir(self.0.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn make(&self, source: &str) -> Answer {
        self.answer(&mut self.command(source))
    }

    pub fn answer(&self, command: &mut Command) -> Answer {
        let output = command.output().unwrap();
        let here = self.0.path().canonicalize().unwrap();
        let text = |text: Vec<u8>| {
            String::from_utf8(text).unwrap().replace(here.to_str().unwrap(), "HERE")
        };
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        Answer { stdout, stderr, status: output.status.code() }
    }

    /// The message of a command that leaves nothing behind.
    pub fn refused(&self, source: &str) -> String {
        let before = self.names();
        let answer = self.make(source);
        assert_eq!((answer.status, answer.stdout.as_str()), (Some(1), ""), "{answer:?}");
        assert_eq!(self.names(), before);
        answer.stderr.strip_prefix("spank-oci: ").unwrap().to_owned()
    }

    pub fn config(&self) -> Value {
        serde_json::from_slice(&fs::read(self.path("made/config.json")).unwrap()).unwrap()
    }

    pub fn names(&self) -> Vec<String> {
        names(self.0.path())
    }
}

pub fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The places are below /tmp usually, which is said, too.
pub fn without_warning(stderr: &str) -> Vec<&str> {
    stderr.lines().filter(|line| !line.starts_with("warning: ")).collect()
}

pub const READY: &str =
    "bundle ready: HERE/made; try: srun --container=HERE/made cat /etc/os-release\n";

pub fn assert_made(place: &Place, answer: &Answer) {
    assert_eq!((answer.status, answer.stdout.as_str()), (Some(0), READY), "{answer:?}");
    assert_eq!(names(&place.path("made")), ["config.json", "rootfs"]);
    let release = fs::read_to_string(place.path("made/rootfs/etc/os-release")).unwrap();
    assert_eq!(release, "ID=small\n");
    assert_eq!(names(&place.path("made/rootfs")), ["bin", "dev", "etc", "proc", "sys"]);
}

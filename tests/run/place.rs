//! A bundle and an oci.conf, and an ordinary user who runs commands in it without Slurm.

use std::{
    fs::{self, Permissions},
    io::{BufRead, BufReader, Read},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use nix::unistd::getuid;
use tempfile::TempDir;

use crate::{
    site::Site,
    user::{self, in_own_mounts},
};

pub struct Place {
    keep: TempDir,
}

/// What a command left when it ended.
#[derive(Debug)]
pub struct Ended {
    pub stdout: String,
    pub stderr: String,
    /// As a shell shows it.
    pub status: i32,
}

impl Place {
    pub fn new(site: Site) -> Self {
        let place = Self { keep: tempfile::tempdir().unwrap() };
        fs::set_permissions(place.path(""), Permissions::from_mode(0o755)).unwrap();
        for name in ["runtimes", "user"] {
            fs::create_dir(place.path(name)).unwrap();
            fs::set_permissions(place.path(name), Permissions::from_mode(0o700)).unwrap();
            user::give(&place.path(name));
        }
        place.configure(site);
        // The user may have no access to the directory this was built in.
        fs::copy(env!("CARGO_BIN_EXE_spank-oci"), place.path("spank-oci")).unwrap();
        let (uid, gid) = user::user();
        let made = Command::new("tests/bundles/make-busybox")
            .arg(place.path("bundle"))
            .args([uid.to_string(), gid.to_string()])
            .status();
        assert!(made.unwrap().success());
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.keep.path().join(name)
    }

    /// Gives it another oci.conf.
    pub fn configure(&self, site: Site) {
        let text = site.0.replace("@ROOT@", self.path("runtimes").to_str().unwrap());
        fs::write(self.path("oci.conf"), text).unwrap();
    }

    /// A command of the user's, with `user` as the runtime directory.
    pub fn by_user(&self, words: &[&str]) -> Command {
        let directory = format!("XDG_RUNTIME_DIR={}", self.path("user").display());
        let mut command = in_own_mounts();
        if getuid().is_root() {
            let (uid, gid) = user::user();
            let ids = [format!("--reuid={uid}"), format!("--regid={gid}")];
            command.arg("setpriv").args(ids).arg("--clear-groups");
        }
        command.args(["env", "-i", "PATH=/usr/bin:/bin", "TERM=dumb", &directory]);
        command.args(words).current_dir(self.path(""));
        command
    }

    /// `spank-oci run` of a command by the user.
    pub fn run(&self, command: &[&str]) -> Command {
        let program = self.path("spank-oci");
        let words = [program.to_str().unwrap(), "run", "--bundle=bundle", "--conf=oci.conf", "--"];
        self.by_user(&[&words, command].concat())
    }

    /// No container, no file.
    pub fn assert_nothing_is_left(&self) {
        for name in ["runtimes", "user"] {
            let entries = fs::read_dir(self.path(name)).unwrap();
            let left: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
            assert!(left.is_empty(), "left behind: {left:?}");
        }
    }
}

/// Runs a command to its end, without a terminal.
pub fn ended(mut command: Command) -> Ended {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended {
        stdout: text(output.stdout),
        stderr: text(output.stderr),
        status: status(output.status),
    }
}

pub fn status(status: std::process::ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap())
}

/// A command that runs, in a process group of its own, as a shell starts it.
pub struct Running {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
}

impl Running {
    pub fn of(mut command: Command) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).process_group(0);
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output }
    }

    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line
    }

    /// Sends a signal to the whole group, as ^C does it.
    pub fn signal_group(&self, signal: &str) {
        self.send(signal, &format!("-{}", self.child.id()));
    }

    /// As kill(1) does it.
    pub fn signal(&self, signal: &str) {
        self.send(signal, &self.child.id().to_string());
    }

    fn send(&self, signal: &str, to: &str) {
        let sent = Command::new("kill").args(["-s", signal, "--", to]).status();
        assert!(sent.unwrap().success());
    }

    /// Kills it, and waits until it is gone.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// What it still says, and its status.
    pub fn finish(mut self) -> (String, i32) {
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        (rest, status(self.child.wait().unwrap()))
    }
}

/// A test that fails leaves nothing that runs.
impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.signal("TERM");
            let _ = self.child.wait();
        }
    }
}

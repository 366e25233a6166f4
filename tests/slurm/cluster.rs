//! The throw-away Slurm around the tests: its files, its users, its commands.

use std::{
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// No command of a test takes longer on purpose.
const PATIENCE: &str = "180";

/// Runs a command as a user: `as-user USER COMMAND`.
pub const AS_USER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cluster/as-user");

/// A path of the cluster, such as `etc/plugstack.conf`.
pub fn path(name: &str) -> PathBuf {
    let cluster = env::var_os("SPANK_OCI_CLUSTER")
        .unwrap_or_else(|| panic!("these tests run in a throw-away Slurm: use ./dev test"));
    Path::new(&cluster).join(name)
}

/// Release of the Slurm around the tests, year and month.
pub fn release() -> (u32, u32) {
    let output = Command::new("srun").arg("--version").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let number = text.split_whitespace().last().unwrap_or_default();
    let mut parts = number.split('.').map(|part| part.parse().unwrap());
    (parts.next().unwrap(), parts.next().unwrap())
}

/// How many nodes the cluster has.
pub fn nodes() -> usize {
    let conf = fs::read_to_string(path("etc/slurm.conf")).unwrap();
    conf.lines().filter(|line| line.starts_with("NodeName=")).count()
}

/// The nodes with proctrack/linuxproc and proctrack/pgid, as srun and sbatch name them.
pub const LINUXPROC: &str = "--nodelist=n1";
pub const PGID: &str = "--partition=pgid";
/// The node with proctrack/cgroup, if there is one.
const CGROUP: &str = "--partition=cgroup";

/// A node for each way to track processes that this machine has.
pub fn proctracks() -> Vec<&'static str> {
    match lacks_cgroups() {
        None => vec![LINUXPROC, PGID, CGROUP],
        Some(reason) => {
            leave_out("proctrack/cgroup", &reason);
            vec![LINUXPROC, PGID]
        }
    }
}

/// Why there is no node with proctrack/cgroup, if there is none.
fn lacks_cgroups() -> Option<String> {
    let answer = fs::read_to_string(path("cgroups")).unwrap();
    (!["v1\n", "v2\n"].contains(&answer.as_str())).then(|| answer.trim_end().to_owned())
}

/// Says why a test, or a part of it, is left out: also where it passes.
pub fn leave_out(what: &str, reason: &str) {
    // Not the macro, whose text the test runner keeps for itself.
    let _ = writeln!(std::io::stderr(), "left out: {what}: {reason}");
}

/// Kills the first node's slurmd and starts another.
pub fn restart_slurmd() {
    restart_slurmd_with("");
}

/// The same with more variables in its environment.
pub fn restart_slurmd_with(variables: &str) {
    let pid = fs::read_to_string(path("n1.pid")).unwrap();
    let script = format!(
        "kill -KILL {pid}; while kill -0 {pid} 2>/dev/null; do sleep 0.05; done; {variables} slurmd -N n1",
        pid = pid.trim()
    );
    root(&script);
}

/// Runs a command as root.
pub fn root(script: &str) -> String {
    let output = Command::new("sh").args(["-c", script]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{script}: {told}{complaint}");
    told
}

/// An ordinary user of the cluster.
#[derive(Clone, Copy)]
pub struct User(pub &'static str);

pub const ALICE: User = User("alice");
pub const BOB: User = User("bob");

impl User {
    /// A file in the user's home.
    pub fn home(self, name: &str) -> PathBuf {
        path("home").join(self.0).join(name)
    }

    /// The user's busybox bundle.
    pub fn bundle(self) -> String {
        path("bundles").join(self.0).display().to_string()
    }

    pub fn id(self) -> u32 {
        nix::unistd::User::from_name(self.0).unwrap().unwrap().uid.as_raw()
    }

    /// Writes an executable file of the user's.
    pub fn script(self, name: &str, text: &str) -> String {
        use std::os::unix::fs::{PermissionsExt, chown};
        let file = self.home(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        chown(&file, Some(self.id()), None).unwrap();
        file.display().to_string()
    }

    /// Runs a command as the user.
    pub fn run(self, command: &[&str]) -> Output {
        self.run_with_input(command, b"")
    }

    /// Runs a command as the user that reads `input` and then its end.
    pub fn run_with_input(self, command: &[&str], input: &[u8]) -> Output {
        let mut child = Command::new("timeout")
            .args(["--kill-after=5", PATIENCE])
            .arg(AS_USER)
            .arg(self.0)
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        // The command may write before it has read everything, or not read at all.
        let writer = std::thread::Builder::new().spawn(move || stdin.write_all(&input)).unwrap();
        let output = child.wait_with_output().unwrap();
        let _ = writer.join();
        Output {
            command: command.join(" "),
            stdout: output.stdout,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            status: output.status.code().unwrap_or(-1),
        }
    }

    /// A shell script as the user.
    pub fn sh(self, script: &str) -> Output {
        self.run(&["sh", "-c", script])
    }

    /// `srun` without a container.
    pub fn srun(self, command: &[&str]) -> Output {
        self.run(&[&["srun"], command].concat())
    }

    /// `srun` in the user's busybox bundle.
    pub fn srun_in_bundle(self, command: &[&str]) -> Output {
        self.srun_in(&self.bundle(), command)
    }

    /// `srun --container=BUNDLE`, on the first node.
    pub fn srun_in(self, bundle: &str, command: &[&str]) -> Output {
        let container = format!("--container={bundle}");
        self.run(&[&["srun", "-wn1", &container], command].concat())
    }
}

/// What a command left when it ended.
pub struct Output {
    command: String,
    pub stdout: Vec<u8>,
    pub stderr: String,
    pub status: i32,
}

impl Output {
    /// Standard output of a command that succeeds.
    pub fn text(&self) -> String {
        assert_eq!(self.status, 0, "{}", self.story());
        self.any_text()
    }

    /// Standard output, whatever the status.
    pub fn any_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard output and error.
    pub fn everything(&self) -> String {
        self.any_text() + &self.stderr
    }

    /// Lines of standard output, sorted: tasks end in any order.
    pub fn sorted_lines(&self) -> Vec<String> {
        let mut lines: Vec<_> = self.text().lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    /// Standard error without what srun itself has to say.
    pub fn messages(&self) -> Vec<String> {
        let others = self.stderr.lines().filter(|line| !line.starts_with("srun: "));
        others.map(str::to_owned).collect()
    }

    /// What slurmstepd has to say, without its name or the time in front.
    pub fn told_by_slurmstepd(&self) -> Vec<String> {
        let message = |line: String| {
            let is_slurmstepds = line.starts_with("slurmstepd") || line.starts_with('[');
            is_slurmstepds.then(|| line.split_once("error: ").map(|parts| parts.1.to_owned()))?
        };
        self.messages().into_iter().filter_map(message).collect()
    }

    /// Lines of standard error without the numbers of steps and the waiting for an
    /// allocation, sorted: they come from several processes.
    pub fn errors(&self) -> Vec<String> {
        let others = self.stderr.lines().filter(|line| !line.starts_with("srun: job "));
        let without_step = |line: &str| {
            // Slurm 26.05 has slurmstepd write the time where it wrote its name.
            let has_time = line.starts_with('[') && line.contains("] ");
            let line = line.split_once("] ").filter(|_| has_time).map_or(line, |parts| parts.1);
            let words = line.split(' ').filter(|word| !word.starts_with("StepId="));
            words.collect::<Vec<_>>().join(" ")
        };
        let mut lines: Vec<_> = others.map(without_step).collect();
        lines.sort();
        lines
    }

    /// Everything, for a test that fails.
    pub fn story(&self) -> String {
        let logs = ["n1", "n2"].map(|node| {
            let log = fs::read_to_string(path("log").join(node)).unwrap_or_default();
            let ours =
                log.lines().filter(|line| line.contains("error") || line.contains("spank-oci"));
            let ours: Vec<_> = ours.collect();
            ours[ours.len().saturating_sub(8)..].join("\n")
        });
        format!(
            "{}\nstatus {}\nstdout: {}\nstderr: {}\nslurmd: {}",
            self.command,
            self.status,
            self.any_text(),
            self.stderr,
            logs.join("\n")
        )
    }
}

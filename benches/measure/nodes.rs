//! The nodes of the measurement, in place of those of the throw-away Slurm: one
//! without the plugin, one with it, and one for each runtime with Slurm's own support.
//! Each has a configuration of its own, so that nothing is changed between samples.

use std::{
    collections::BTreeMap,
    env, fs,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, User},
};
use serde_json::{Value, json};

/// The command of all samples; every Slurm finds it inside and outside of a container.
pub const COMMAND: &str = "/bin/true";
/// Without the plugin and without Slurm's own support.
pub const PLAIN: &str = "plain";
/// With the plugin.
pub const OURS: &str = "ours";
/// The runtimes that are measured.
pub const RUNTIMES: [&str; 2] = ["crun", "runc"];
/// A container's name, as Slurm's guide has it.
const ID: &str = "%n.%u.%j.%s.%t";
/// A user may have 200 keys (kernel.keys.maxkeys), too few for 256 containers at once.
const NO_KEYRING: &str = "--no-new-keyring";

pub struct Nodes {
    directory: PathBuf,
    cluster: PathBuf,
    user: User,
}

/// The node with Slurm's own support for a runtime.
pub fn native(runtime: &str) -> String {
    format!("native-{runtime}")
}

impl Nodes {
    pub fn start() -> Self {
        let cluster: PathBuf = env::var_os("SPANK_OCI_CLUSTER").unwrap().into();
        let user = User::from_name("alice").unwrap().unwrap();
        let nodes = Self { directory: cluster.join("measure"), cluster, user };
        nodes.end_others();
        nodes.configure();
        nodes.start_daemon(PLAIN, "slurmctld", &[]);
        Self::names().iter().for_each(|node| nodes.start_daemon(node, "slurmd", &["-N", node]));
        nodes.wait_until_idle();
        nodes
    }

    fn names() -> Vec<String> {
        let native = RUNTIMES.map(native);
        [PLAIN, OURS].map(str::to_owned).into_iter().chain(native).collect()
    }

    /// The daemons of the throw-away Slurm.
    fn end_others(&self) {
        for name in ["slurmctld", "n1", "n2", "n3", "n4"] {
            let Ok(text) = fs::read_to_string(self.cluster.join(format!("{name}.pid"))) else {
                continue;
            };
            let pid = Pid::from_raw(text.trim().parse().unwrap());
            let _ = kill(pid, Signal::SIGTERM);
            while kill(pid, None).is_ok() {
                sleep(Duration::from_millis(20));
            }
        }
    }

    fn configure(&self) {
        let common = fs::read_to_string(self.cluster.join("etc/slurm.conf")).unwrap();
        let left_out = [
            "NodeName=",
            "PartitionName=",
            "PlugStackConfig=",
            "TaskProlog=",
            "SlurmdDebug=",
            "StateSaveLocation=",
            "SlurmdLogFile=",
        ];
        let kept = |line: &&str| !left_out.iter().any(|key| line.starts_with(key));
        let common: Vec<&str> = common.lines().filter(kept).collect();
        let common = common.join("\n").replace("proctrack/linuxproc", self.proctrack());
        fs::create_dir_all(self.directory.join("state")).unwrap();
        for node in Self::names() {
            let directory = self.directory.join(&node);
            fs::create_dir_all(&directory).unwrap();
            let shown = directory.display();
            let text = format!(
                "{common}\nPlugStackConfig={shown}/plugstack.conf\nStateSaveLocation={}/state\nSlurmdLogFile={shown}/log\n{}",
                self.directory.display(),
                node_lines()
            );
            fs::write(directory.join("slurm.conf"), text).unwrap();
            fs::write(directory.join("plugstack.conf"), "").unwrap();
            let cgroup = if self.has_cgroups() { "etc/cgroup" } else { "etc" };
            let cgroup = self.cluster.join(cgroup).join("cgroup.conf");
            let _ = fs::copy(cgroup, directory.join("cgroup.conf"));
        }
        self.configure_ours();
        self.make_bundle_by_hand();
        for runtime in RUNTIMES {
            fs::write(self.file(&native(runtime), "oci.conf"), self.run_mode(runtime)).unwrap();
        }
    }

    /// How the nodes track processes: by control groups, as most sites do, where several
    /// nodes of one machine can. Under linuxproc a task is started in another way.
    pub fn proctrack(&self) -> &'static str {
        if self.has_cgroups() { "proctrack/cgroup" } else { "proctrack/pgid" }
    }

    fn has_cgroups(&self) -> bool {
        let found = fs::read_to_string(self.cluster.join("cgroups")).unwrap_or_default();
        found.trim() == "v1"
    }

    fn configure_ours(&self) {
        let mut line = format!(
            "required {}/lib/spank_oci.so helper={}/bin/spank-oci",
            self.cluster.display(),
            self.cluster.display()
        );
        for runtime in RUNTIMES {
            let modes = [("run", self.run_mode(runtime)), ("create", self.create_start(runtime))];
            for (mode, text) in modes {
                let file = self.file(OURS, &format!("{runtime}-{mode}.conf"));
                fs::write(&file, text).unwrap();
                line += &format!(" profile={runtime}-{mode}:{}", file.display());
            }
        }
        line += &format!(" conf={}", self.file(OURS, "crun-run.conf").display());
        fs::write(self.file(OURS, "plugstack.conf"), line + "\n").unwrap();
    }

    fn file(&self, node: &str, name: &str) -> PathBuf {
        self.directory.join(node).join(name)
    }

    /// The runtime's words before the operation. The user's id stands there as it is:
    /// Slurm 22.05 needs a shell and `id` to find it out.
    fn runtime(&self, runtime: &str) -> String {
        format!("{runtime} --rootless=true --root=/run/user/{}/", self.user.uid)
    }

    fn run_mode(&self, runtime: &str) -> String {
        let words = self.runtime(runtime);
        format!(
            "RunTimeRun=\"{words} run {NO_KEYRING} --bundle %b {ID}\"\n{}",
            self.others(runtime)
        )
    }

    fn create_start(&self, runtime: &str) -> String {
        let words = self.runtime(runtime);
        format!(
            "RunTimeCreate=\"{words} create {NO_KEYRING} --bundle %b {ID}\"\nRunTimeStart=\"{words} start {ID}\"\n{}",
            self.others(runtime)
        )
    }

    fn others(&self, runtime: &str) -> String {
        let words = self.runtime(runtime);
        format!(
            "RunTimeQuery=\"{words} state {ID}\"\nRunTimeKill=\"{words} kill {ID} KILL\"\nRunTimeDelete=\"{words} delete --force {ID}\"\n"
        )
    }

    fn start_daemon(&self, node: &str, program: &str, words: &[&str]) {
        let conf = self.file(node, "slurm.conf");
        let mut command = Command::new(program);
        command.arg("-f").arg(&conf).args(words).env("SLURM_CONF", conf).stdin(Stdio::null());
        assert!(command.status().unwrap().success(), "{program} of {node} did not start");
    }

    /// A command of the user's, with the configuration of a node.
    pub fn command(&self, node: &str, words: &[&str]) -> Command {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).current_dir(&self.user.dir);
        command.uid(self.user.uid.as_raw()).gid(self.user.gid.as_raw());
        command.env_clear().envs(self.environment(node));
        command
    }

    fn environment(&self, node: &str) -> BTreeMap<&'static str, String> {
        BTreeMap::from([
            ("HOME", self.user.dir.display().to_string()),
            ("USER", self.user.name.clone()),
            ("PATH", "/usr/local/bin:/usr/bin:/bin".to_owned()),
            ("LANG", "C.UTF-8".to_owned()),
            ("SLURM_CONF", self.file(node, "slurm.conf").display().to_string()),
        ])
    }

    /// `srun` on a node.
    pub fn srun(&self, node: &str, options: &[&str]) -> Command {
        let partition = format!("--partition={node}");
        self.command(node, &[&["srun", &partition], options, &[COMMAND]].concat())
    }

    /// The user's bundle.
    pub fn bundle(&self) -> String {
        self.cluster.join("bundles").join(&self.user.name).display().to_string()
    }

    pub fn container(&self) -> String {
        format!("--container={}", self.bundle())
    }

    /// The runtime's own `run`, without Slurm.
    pub fn by_hand(&self, runtime: &str) -> Command {
        let root = format!("--root=/run/user/{}/", self.user.uid);
        let bundle = self.directory.join("by-hand").display().to_string();
        let words =
            [runtime, "--rootless=true", &root, "run", NO_KEYRING, "--bundle", &bundle, "by-hand"];
        self.command(PLAIN, &words)
    }

    /// A bundle as the user's, whose own command is that of all samples.
    fn make_bundle_by_hand(&self) {
        let text = fs::read_to_string(format!("{}/config.json", self.bundle())).unwrap();
        let mut config: Value = serde_json::from_str(&text).unwrap();
        config["process"]["args"] = json!([COMMAND]);
        config["root"]["path"] = json!(format!("{}/rootfs", self.bundle()));
        let directory = self.directory.join("by-hand");
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("config.json"), config.to_string()).unwrap();
    }

    /// Waits until nothing of earlier steps is left anywhere.
    pub fn wait_until_idle(&self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        let wanted = vec!["idle"; Self::names().len()];
        loop {
            let mut sinfo = self.as_root("sinfo", &["--noheader", "--Node", "--format=%t"]);
            let output = sinfo.output().unwrap();
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            if text.lines().collect::<Vec<_>>() == wanted && !has_slurmstepd() {
                return;
            }
            assert!(Instant::now() < deadline, "the nodes are not idle: {text}");
            sleep(Duration::from_millis(5));
        }
    }

    /// A command of root's.
    pub fn as_root(&self, program: &str, words: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(words).env("SLURM_CONF", self.file(PLAIN, "slurm.conf"));
        command
    }
}

/// Whether a step's slurmstepd is still busy; the controller does not wait for its end.
fn has_slurmstepd() -> bool {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let names = processes.filter_map(|entry| fs::read_to_string(entry.path().join("comm")).ok());
    names.into_iter().any(|name| name.starts_with("slurmstepd"))
}

fn node_lines() -> String {
    let mut lines = String::new();
    for (index, name) in Nodes::names().iter().enumerate() {
        lines += &format!(
            "NodeName={name} NodeHostname=localhost NodeAddr=127.0.0.1 Port={} CPUs=256\n\
             PartitionName={name} Nodes={name} OverSubscribe=FORCE:64\n",
            6831 + index
        );
    }
    lines
}

//! What was measured, as values: all samples, not what is made of them.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use serde::{Deserialize, Serialize};

use crate::{
    Effort, big, controller, load, many, memory,
    nodes::Nodes,
    rounds::Samples,
    single, steps,
    timeline::{self, Life},
};

/// What needs no Slurm.
#[derive(Serialize, Deserialize)]
pub struct Local {
    pub machine: Machine,
    /// Bytes of the library and of the helper.
    pub sizes: [u64; 2],
    /// Milliseconds to load the library and call its first hook, by the program.
    pub load: Samples,
    pub big: Vec<big::Input>,
}

/// What was measured on one release of Slurm.
#[derive(Serialize, Deserialize)]
pub struct Slurm {
    pub release: String,
    /// How its nodes track processes.
    pub proctrack: String,
    /// Name and version of each runtime.
    pub runtimes: BTreeMap<String, String>,
    /// `srun` without a container, without the plugin and with it: ms.
    pub unused: Samples,
    /// One task: ms of the whole `srun`, or of the runtime by hand.
    pub single: Samples,
    pub many: Vec<many::Tasks>,
    /// Milliseconds of processor time of crun by hand.
    pub by_hand: f64,
    pub steps: Vec<steps::Steps>,
    pub memory: memory::Memory,
    /// Messages to the controller, by the node of the step.
    pub messages: BTreeMap<String, u64>,
    /// The lives of tasks, by the way they were started; none where the kernel's
    /// events cannot be had.
    pub lives: BTreeMap<String, Vec<Life>>,
}

#[derive(Serialize, Deserialize)]
pub struct Machine {
    pub processor: String,
    pub cores: usize,
    pub kernel: String,
    pub compiler: String,
}

impl Local {
    pub fn measure(effort: Effort) -> Self {
        let size = |name: &str| fs::metadata(build().join(name)).unwrap().len();
        Self {
            machine: Machine::this(),
            sizes: [size("libspank_oci.so"), size("spank-oci")],
            load: load::measure(effort),
            big: big::measure(effort),
        }
    }
}

impl Slurm {
    pub fn measure(effort: Effort) -> Self {
        let nodes = Nodes::start();
        Self {
            release: version("srun"),
            proctrack: nodes.proctrack().to_owned(),
            runtimes: ["crun", "runc"].map(|name| (name.to_owned(), version(name))).into(),
            unused: single::unused(&nodes, effort),
            single: single::measure(&nodes, effort),
            many: many::measure(&nodes, effort),
            by_hand: many::by_hand(&nodes, effort),
            steps: steps::measure(&nodes, effort),
            memory: memory::measure(&nodes),
            messages: controller::messages(&nodes),
            lives: timeline::measure(&nodes, effort),
        }
    }
}

/// Whether Slurm's own support can have several tasks on a node: before 23.02 it gives
/// all of them one container id.
pub fn has_several_tasks(release: &str) -> bool {
    let number = |part: Option<&str>| part.and_then(|part| part.parse().ok()).unwrap_or(0);
    let mut parts = release.split('.');
    (number(parts.next()), number(parts.next())) >= (23, 2)
}

impl Machine {
    fn this() -> Self {
        let info = fs::read_to_string("/proc/cpuinfo").unwrap();
        let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
        Self {
            processor: model.map_or("unknown", |(_, name)| name).to_owned(),
            cores: std::thread::available_parallelism().unwrap().get(),
            kernel: kernel.trim_end().to_owned(),
            compiler: version("rustc"),
        }
    }
}

/// Where the library and the helper are.
pub fn build() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/target/release"))
}

/// The last word of the first line of `--version` that begins with a digit.
pub fn version(program: &str) -> String {
    let output = Command::new(program).arg("--version").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut words = text.lines().next().unwrap_or_default().split_whitespace();
    let is_version = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit());
    words.find(is_version).unwrap_or("unknown").to_owned()
}

//! Memory of the helper and of slurmstepd while a task runs, and how often the helper
//! wakes up meanwhile.

use std::{
    collections::BTreeMap,
    fs,
    process::Stdio,
    thread::sleep,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use crate::{
    nodes::{Nodes, OURS, PLAIN, native},
    tell,
};

/// How long the helper is looked at.
const REST: Duration = Duration::from_secs(10);

/// Kibibytes, from /proc/PID/smaps_rollup.
#[derive(Serialize, Deserialize, Clone, Copy)]
pub struct Kib {
    /// Its part of all pages, those that it shares counted in parts.
    pub pss: u64,
    /// Pages that nobody else has.
    pub private: u64,
    /// Pages that are no file's.
    pub anonymous: u64,
}

#[derive(Serialize, Deserialize)]
pub struct Memory {
    /// The helper, by the way the container was started.
    pub helper: BTreeMap<String, Kib>,
    /// slurmstepd, by what its task is.
    pub slurmstepd: BTreeMap<String, Kib>,
    /// Context switches of the helper in ten seconds.
    pub wake_ups: BTreeMap<String, u64>,
}

pub fn measure(nodes: &Nodes) -> Memory {
    tell("memory and wake-ups");
    let mut memory =
        Memory { helper: BTreeMap::new(), slurmstepd: BTreeMap::new(), wake_ups: BTreeMap::new() };
    let container = nodes.container();
    for (name, node, options) in [
        ("without the plugin", PLAIN, vec![]),
        ("no container", OURS, vec![]),
        ("run", OURS, vec![&*container]),
        ("create/start", OURS, vec![&container, "--container-runtime=crun-create"]),
        ("Slurm's own", &native("crun"), vec![&container]),
    ] {
        look(nodes, &mut memory, name, node, &options);
    }
    memory
}

fn look(nodes: &Nodes, memory: &mut Memory, name: &str, node: &str, options: &[&str]) {
    nodes.wait_until_idle();
    let partition = format!("--partition={node}");
    let has_helper = node == OURS && !options.is_empty();
    // It ends by itself: Slurm's own support does not manage to end it.
    let seconds = if has_helper { "13" } else { "2" };
    let words = [&["srun", &partition], options, &["/bin/sleep", seconds]].concat();
    let mut srun = nodes.command(node, &words);
    let mut srun = srun.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    the_process("sleep");
    sleep(Duration::from_millis(500));
    memory.slurmstepd.insert(name.to_owned(), kib(the_process("slurmstepd")));
    if has_helper {
        let helper = the_process("spank-oci");
        memory.helper.insert(name.to_owned(), kib(helper));
        let before = switches(helper);
        sleep(REST);
        memory.wake_ups.insert(name.to_owned(), switches(helper) - before);
    }
    assert!(srun.wait().unwrap().success(), "{name} failed");
}

/// The process of this name, once there is one; the last one, if there are more.
fn the_process(name: &str) -> u32 {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let named = |pid: &u32| {
            let comm = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            comm.trim_end() == name
        };
        if let Some(pid) = numbers.filter(named).max() {
            return pid;
        }
        assert!(Instant::now() < deadline, "there is no process '{name}'");
        sleep(Duration::from_millis(20));
    }
}

fn kib(pid: u32) -> Kib {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let value = |key: &str| -> u64 {
        let line = text.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().unwrap()
    };
    Kib {
        pss: value("Pss"),
        private: value("Private_Clean") + value("Private_Dirty"),
        anonymous: value("Anonymous"),
    }
}

/// How often the threads of a process have run.
fn switches(pid: u32) -> u64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let of = |path: std::path::PathBuf| {
        let text = fs::read_to_string(path.join("status")).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        line.unwrap().trim().parse::<u64>().unwrap()
    };
    threads.map(|thread| of(thread.path())).sum()
}

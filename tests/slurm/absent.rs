//! Jobs without a container: as if the plugin were not there.

use crate::{
    cluster::ALICE,
    leftovers,
    site::{change, plugstack},
};

/// Variables whose value is another one in each step.
const VARYING: [&str; 12] = [
    "SLURM_JOB_ID",
    "SLURM_JOBID",
    "SLURM_JOB_SLUID",
    "SLURM_SRUN_COMM_PORT",
    "SLURM_LAUNCH_NODE_IPADDR",
    "SLURM_STEP_LAUNCHER_PORT",
    "SLURM_TASK_PID",
    "SLURM_JOB_START_TIME",
    "SLURM_JOB_END_TIME",
    "PMI_FD",
    "SLURM_TOPOLOGY_ADDR",
    "_",
];

fn environment() -> Vec<String> {
    let lines = ALICE.srun(&["-wn1", "env"]).sorted_lines();
    let varies = |line: &String| {
        let name = line.split('=').next().unwrap_or_default();
        VARYING.contains(&name)
    };
    lines.into_iter().filter(|line| !varies(line)).collect()
}

fn behaviour() -> Vec<String> {
    let mut seen = environment();
    let commands: [&[&str]; 5] = [
        &["sh", "-c", "echo out; echo err >&2; exit 3"],
        &["no-such-command"],
        &["sh", "-c", "kill -TERM $$"],
        &["readlink", "/proc/self/exe"],
        &["sh", "-c", "ulimit -a"],
    ];
    for command in commands {
        let output = ALICE.srun(&[&["-wn1"], command].concat());
        seen.push(format!("{} {:?} {:?}", output.status, output.any_text(), output.errors()));
    }
    seen
}

#[test]
fn a_job_without_a_container_behaves_as_if_the_plugin_were_absent() {
    leftovers::after(|| {
        let with = behaviour();
        let without = {
            let _restored = change(plugstack(), Some(""));
            behaviour()
        };
        assert_eq!(with, without);
    });
}

#[test]
fn the_library_may_be_loaded_by_every_command() {
    leftovers::after(|| {
        for command in ["srun", "sbatch", "salloc"] {
            let output = ALICE.run(&[command, "--help"]);
            assert_eq!((output.status, output.stderr.as_str()), (0, ""), "{command}");
        }
    });
}

//! Several tasks, several nodes, several users.

use std::thread;

use crate::{
    cluster::{ALICE, BOB},
    site::with_each_runtime,
};

#[test]
fn four_tasks_on_two_nodes_are_four_containers() {
    with_each_runtime(|| {
        let container = format!("--container={}", ALICE.bundle());
        // $$ is 1 in a PID namespace of one's own.
        let script = "echo $SLURM_PROCID $$ $(sed -n 's/^ID=//p' /etc/os-release)";
        let output = ALICE.srun(&["-N2", "-n4", &container, "sh", "-c", script]);
        assert_eq!(
            output.sorted_lines(),
            ["0 1 busybox", "1 1 busybox", "2 1 busybox", "3 1 busybox"]
        );
        let nodes = ALICE.srun(&["-N2", "-n4", &container, "sh", "-c", "echo $SLURMD_NODENAME"]);
        let mut nodes = nodes.sorted_lines();
        nodes.dedup();
        assert_eq!(nodes, ["n1", "n2"]);
    });
}

#[test]
fn sixteen_tasks_share_a_node() {
    with_each_runtime(|| {
        let container = format!("--container={}", ALICE.bundle());
        let output = ALICE.srun(&["-N1", "-n16", &container, "sh", "-c", "echo $SLURM_PROCID $$"]);
        let mut ranks: Vec<_> = (0..16).map(|rank| format!("{rank} 1")).collect();
        ranks.sort();
        assert_eq!(output.sorted_lines(), ranks);
    });
}

#[test]
fn two_users_at_once_are_each_in_their_own_bundle() {
    with_each_runtime(|| {
        let run = |user: crate::cluster::User| {
            let output = user.srun_in_bundle(&["sh", "-c", "sleep 0.3; cat /proc/self/uid_map"]);
            let map = output.text();
            let outside = map.split_whitespace().nth(1).unwrap_or_default().to_owned();
            assert_eq!(outside, user.id().to_string());
        };
        thread::scope(|scope| {
            scope.spawn(|| run(ALICE));
            scope.spawn(|| run(BOB));
        });
    });
}

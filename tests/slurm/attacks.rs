//! What a user can do to root, who cleans up.

use std::time::{Duration, Instant};

use crate::{
    aftermath::{give_up, sleeping},
    cluster::{ALICE, path, root},
    leftovers,
    site::{with_lines, with_site},
};

fn gc() -> String {
    // It fails where something stays.
    root(&format!("{} gc || true", path("bin/spank-oci").display()))
}

#[test]
fn a_file_system_that_a_user_mounts_on_a_steps_directory_is_not_entered_and_told() {
    with_lines("", || {
        let job = sleeping();
        let spool = format!("/run/spank-oci/{job}.0.0/spool");
        root(&format!("mount -t tmpfs -o mode=700,uid={} tmpfs {spool}", ALICE.id()));
        ALICE.sh("pkill -KILL -u alice -x spank-oci; pkill -KILL -u alice -x sleep");
        ALICE.sh("while pgrep -u alice -x srun >/dev/null; do sleep 0.1; done");
        assert_eq!(leftovers::nodes_at_rest()[0], "idle");
        let remedy = format!("umount --lazy '{spool}'");
        assert_eq!(
            gc(),
            format!(
                "step {job}.0.0: cannot look at '{spool}': something is mounted there; run: {remedy} && spank-oci gc\n"
            )
        );
        root(&remedy);
        assert_eq!(gc(), format!("step {job}.0.0: alice's, 1 container: removed\n"));
        give_up(&job);
    });
}

/// A record as the helper writes it, with two commands that never end.
const ENDLESS: &str = "14:5:sleep,3:600,,14:5:sleep,3:600,,0:,0:,6:remove,0:,0:,";

#[test]
fn cleanups_that_never_end_keep_no_node_from_service() {
    // Longer would be slurmd's UnkillableStepTimeout, after which it drains the node.
    const LONGEST: Duration = Duration::from_secs(60);
    // The runtime is no container's, so that only the records matter.
    with_site("IgnoreFileConfigJson=yes\nRunTimeRun=\"sleep 601\"\n", || {
        ALICE.sh("srun -wn1 -n8 --container=$BUNDLE true >endless 2>&1 & echo $! >srun
             until [ \"$(pgrep -u alice -x sleep | wc -l)\" = 8 ]; do sleep 0.1; done");
        let job = ALICE.sh("squeue --noheader --format=%i").text().trim().to_owned();
        let begin = Instant::now();
        ALICE.sh(&format!(
            "for task in 0 1 2 3 4 5 6 7; do printf {ENDLESS} >/run/spank-oci/{job}.0.0/spool/task-$task.cleanup; done
             pkill -KILL -u alice -x spank-oci; pkill -KILL -u alice -x sleep",
        ));
        root(&format!("while pgrep -f '^slurmstepd: \\[{job}' >/dev/null; do sleep 0.2; done"));
        let taken = begin.elapsed();
        assert!(taken < LONGEST, "slurmstepd has waited {taken:?}");
        root(&format!("rm -rf /run/spank-oci/{job}.0.0"));
        give_up(&job);
        ALICE.sh("rm -f endless");
    });
}

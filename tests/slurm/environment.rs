//! What a task has around it.

use crate::{
    cluster::ALICE,
    site::{with_each_runtime, with_each_runtime_and_mode, with_lines},
};

#[test]
fn slurms_variables_of_the_task_are_there() {
    with_each_runtime(|| {
        let script =
            "echo $SLURM_PROCID $SLURM_LOCALID $SLURM_NTASKS $SLURM_STEP_ID $SLURMD_NODENAME";
        let outside = ALICE.srun(&["-wn1", "-n2", "sh", "-c", script]).sorted_lines();
        let container = format!("--container={}", ALICE.bundle());
        let inside = ALICE.srun(&["-wn1", "-n2", &container, "sh", "-c", script]).sorted_lines();
        assert_eq!(inside, outside);
    });
}

#[test]
fn the_submitters_variables_are_there_and_the_image_decides_path() {
    with_each_runtime(|| {
        let output = ALICE.sh(
            "export MINE='my  value' PATH=$PATH:/mine; srun --container=$BUNDLE sh -c 'echo \"$MINE:$PATH\"'",
        );
        let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        assert_eq!(output.text(), format!("my  value:{path}\n"));
    });
}

#[test]
fn what_the_task_prologs_of_site_and_user_export_is_there() {
    with_each_runtime(|| {
        let prolog = ALICE.script("prolog", "#!/bin/sh\necho export FROM_PROLOG=yes\n");
        let prolog = format!("--task-prolog={prolog}");
        let container = format!("--container={}", ALICE.bundle());
        let output =
            ALICE.srun(&[&prolog, &container, "sh", "-c", "echo $FROM_PROLOG $FROM_TASK_PROLOG"]);
        assert_eq!(output.text(), "yes yes\n");
    });
}

#[test]
fn the_users_limits_hold() {
    with_each_runtime(|| {
        let output = ALICE.sh("ulimit -Sn 777; srun --container=$BUNDLE sh -c 'ulimit -Sn'");
        assert_eq!(output.text(), "777\n");
    });
}

#[test]
fn no_signal_is_blocked_or_ignored_that_would_not_be_without_a_container() {
    with_each_runtime_and_mode(|| {
        let signals = ["grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"];
        let outside = ALICE.srun(&[&["-wn1"], &signals[..]].concat()).text();
        assert_eq!(ALICE.srun_in_bundle(&signals).text(), outside);
    });
}

#[test]
fn our_own_variables_are_nobodys_business() {
    with_each_runtime(|| {
        let variables = ALICE.srun_in_bundle(&["env"]).text();
        assert!(variables.contains(&format!("SLURM_CONTAINER={}", ALICE.bundle())), "{variables}");
        assert!(!variables.contains("SPANK_OCI_REQUEST"), "{variables}");
        assert!(!variables.contains("SLURM_OCI_BUNDLE"), "{variables}");
        assert!(!variables.contains("SLURM_CONF="), "EnvExclude: {variables}");
    });
}

#[test]
fn the_environment_file_of_the_site_holds_the_containers_variables() {
    with_lines("CreateEnvFile=newline\nMountSpoolDir=/tmp/spool\n", || {
        let output = ALICE.sh("MINE=here srun -n1 --container=$BUNDLE cat /tmp/spool/task-0/environment; rmdir $BUNDLE/rootfs/tmp/spool");
        assert!(output.text().lines().any(|line| line == "MINE=here"), "{}", output.story());
    });
}

#[test]
fn the_site_can_keep_generated_files_elsewhere() {
    let place = ALICE.home("spool");
    with_lines(&format!("ContainerPath={}\nDisableCleanup=yes\n", place.display()), || {
        let output =
            ALICE.sh("srun --container=$BUNDLE true; ls $HOME/spool/*/*; rm -r $HOME/spool");
        assert!(output.text().contains("config.json"), "{}", output.story());
    });
}

//! How tasks end.

use std::process::Command;

use crate::{
    cluster::ALICE,
    site::{with_each_runtime, with_each_runtime_and_mode},
};

#[test]
fn the_exit_status_is_the_commands_as_without_a_container() {
    with_each_runtime(|| {
        for status in [0, 7, 255] {
            let command = format!("exit {status}");
            let outside = ALICE.srun(&["-wn1", "sh", "-c", &command]);
            let inside = ALICE.srun_in_bundle(&["sh", "-c", &command]);
            assert_eq!((inside.status, outside.status), (status, status), "{}", inside.story());
            assert_eq!(inside.errors(), outside.errors());
        }
    });
}

#[test]
fn a_command_that_the_image_lacks_is_named_and_not_looked_for_on_the_host() {
    with_each_runtime(|| {
        // The host has it, the image does not.
        let output = ALICE.srun_in_bundle(&["/usr/bin/srun", "--version"]);
        assert_ne!(output.status, 0);
        assert_eq!(output.any_text(), "");
        assert!(
            output.stderr.contains("No such file") || output.stderr.contains("no such file"),
            "{}",
            output.stderr
        );
        let output = ALICE.srun_in_bundle(&["no-such-command"]);
        assert_ne!(output.status, 0);
        assert!(output.stderr.contains("no-such-command"), "{}", output.stderr);
    });
}

#[test]
fn a_task_that_kills_itself_has_the_status_a_shell_would_show() {
    with_each_runtime(|| {
        // The first process of a PID namespace cannot kill itself; its child can.
        let output = ALICE.srun_in_bundle(&["sh", "-c", "sh -c 'kill -TERM $$'; exit $?"]);
        assert_eq!(output.status, 143, "{}", output.story());
    });
}

/// Starts `sleep` in a container, does something to it, and waits for srun.
fn interrupted(interrupt: &str) -> String {
    let script = format!(
        "srun -wn1 --container=$BUNDLE sh -c 'echo started; exec sleep 600' >started & srun=$!
         until grep -q started started; do sleep 0.1; done
         {interrupt}
         wait $srun; echo status $?; rm started"
    );
    ALICE.sh(&script).text()
}

#[test]
fn a_step_that_is_cancelled_takes_its_container_along() {
    with_each_runtime(|| {
        let output = interrupted("scancel $(squeue --noheader --format=%i).0");
        assert_ne!(output, "status 0\n");
    });
}

#[test]
fn a_job_that_is_cancelled_takes_its_container_along() {
    with_each_runtime(|| {
        interrupted("scancel $(squeue --noheader --format=%i)");
    });
}

#[test]
fn interrupts_of_an_impatient_user_end_the_container() {
    with_each_runtime(|| {
        // Two within a second are meant to be enough; to srun 26.05 they often are not.
        let output = interrupted("while kill -INT $srun 2>/dev/null; do sleep 0.05; done");
        assert_ne!(output, "status 0\n");
    });
}

#[test]
fn a_helper_that_is_killed_takes_its_container_along() {
    with_each_runtime(|| {
        let output = interrupted("pkill -KILL -x spank-oci");
        assert_eq!(output, "status 137\n");
    });
}

#[test]
fn a_runtime_that_is_killed_takes_its_container_along() {
    with_each_runtime(|| {
        let output = interrupted("pkill -KILL -P $(pgrep -x spank-oci)");
        assert_eq!(output, "status 137\n");
    });
}

#[test]
fn a_container_does_not_outlive_its_slurmstepd() {
    with_each_runtime_and_mode(|| {
        let script = "srun -wn1 --container=$BUNDLE sh -c 'echo started; exec sleep 600' >started 2>&1 & srun=$!
             until grep -q started started; do sleep 0.1; done; echo $srun >srun";
        let started = ALICE.sh(script);
        assert_eq!(started.status, 0, "{}", started.story());
        let killed = Command::new("pkill").args(["-KILL", "-f", "^slurmstepd"]).status();
        assert!(killed.unwrap().success());
        // Nobody has cancelled anything yet.
        let ended = ALICE.sh(
            "while pgrep -f -u alice '^sleep 600' || ls /run/user/$(id -u) | grep .; do sleep 0.1; done >/dev/null",
        );
        assert_eq!(ended.status, 0, "{}", ended.story());
        let cancelled = ALICE.sh("kill -KILL $(cat srun); scancel -u alice; rm -f srun started");
        assert_eq!(cancelled.status, 0, "{}", cancelled.story());
    });
}

#[test]
fn what_a_killed_slurmstepd_and_helper_leave_is_gone_at_the_end_of_the_job() {
    with_each_runtime(|| {
        // slurmstepd belongs to root; its end is not noticed by srun, so the job
        // is cancelled, and the epilog's sweep does the rest.
        let script = "srun -wn1 --container=$BUNDLE sh -c 'echo started; exec sleep 600' >started 2>&1 & srun=$!
             until grep -q started started; do sleep 0.1; done; echo $srun >srun";
        let started = ALICE.sh(script);
        assert_eq!(started.status, 0, "{}", started.story());
        // At once: the helper cleans up when it sees that slurmstepd is gone.
        for signal in ["-STOP", "-KILL"] {
            let processes = [signal, "-f", "^slurmstepd|^[^ ]*/spank-oci "];
            assert!(Command::new("pkill").args(processes).status().unwrap().success());
        }
        let ended = ALICE.sh("kill -KILL $(cat srun); scancel -u alice; rm -f srun started");
        assert_eq!(ended.status, 0, "{}", ended.story());
    });
}

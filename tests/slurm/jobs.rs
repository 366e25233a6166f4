//! Jobs and steps of every shape: in a container they behave as without one.

use std::{fs, process::Command};

use crate::{
    cluster::{ALICE, Output, path},
    site::{with_each_runtime, with_lines},
};

/// Runs srun in both worlds; everything users see must be equal.
fn assert_same(options: &[&str], command: &[&str]) {
    let container = format!("--container={}", ALICE.bundle());
    let outside = ALICE.srun(&[options, command].concat());
    let inside = ALICE.srun(&[options, &[&container], command].concat());
    assert_eq!(seen(&inside), seen(&outside), "{options:?} {command:?}\n{}", inside.story());
}

fn seen(output: &Output) -> (i32, Vec<String>, Vec<String>) {
    let mut lines: Vec<_> = output.any_text().lines().map(str::to_owned).collect();
    lines.sort();
    (output.status, lines, output.errors())
}

fn read_and_remove(name: &str) -> Option<String> {
    let file = ALICE.home(name);
    let text = fs::read_to_string(&file).ok();
    let _ = fs::remove_file(file);
    text
}

#[test]
fn tasks_spread_over_nodes_as_without_a_container() {
    with_each_runtime(|| {
        let place =
            ["sh", "-c", "echo $SLURM_PROCID $SLURM_LOCALID $SLURMD_NODENAME $SLURM_NTASKS"];
        for options in [
            &["-wn1", "-n1"][..],
            &["-N2", "-n2"],
            &["-N2", "-n5"],
            &["-N2", "--ntasks-per-node=2"],
            &["-wn1", "-n3", "--overcommit"],
            &["-N2", "-n4", "--distribution=cyclic"],
            &["-wn1", "-n2", "--exclusive"],
            &["-N2", "-n4", "--label"],
        ] {
            assert_same(options, &place);
        }
    });
}

#[test]
fn each_task_has_its_own_output_files_as_without_a_container() {
    with_each_runtime(|| {
        let container = format!("--container={}", ALICE.bundle());
        for world in [&[][..], &[container.as_str()]] {
            let files = ["-N1", "-n2", "--output=out.%t", "--error=err.%t"];
            let command = ["sh", "-c", "echo to stderr >&2; echo $SLURM_PROCID to stdout"];
            let output = ALICE.srun(&[&files[..], world, &command].concat());
            assert_eq!(output.text(), "", "{}", output.story());
            for task in 0..2 {
                let expected = format!("{task} to stdout\n");
                assert_eq!(read_and_remove(&format!("out.{task}")), Some(expected), "{world:?}");
                assert_eq!(read_and_remove(&format!("err.{task}")), Some("to stderr\n".into()));
            }
        }
    });
}

#[test]
fn each_task_reads_its_own_input_file_as_without_a_container() {
    with_each_runtime(|| {
        let container = format!("--container={}", ALICE.bundle());
        for world in ["", &container] {
            // srun's own input stays open: at its end slurmstepd crashes if the tasks
            // have files, in every release from 20.11 to 26.05, with or without us.
            let output = ALICE.sh(&format!(
                "for task in 0 1; do echo input of $task >in.$task; done
                 mkfifo open; sleep 60 >open & sleep=$!
                 srun {world} -N1 -n2 --input=in.%t --output=out.%t sh -c 'cat; echo end' <open
                 echo status $?; kill $sleep; cat out.0 out.1; rm in.? out.? open"
            ));
            let expected = "status 0\ninput of 0\nend\ninput of 1\nend\n";
            assert_eq!(output.text(), expected, "{world}");
        }
    });
}

#[test]
fn a_step_that_starts_in_another_directory_still_finds_its_bundle() {
    with_each_runtime(|| {
        let output = ALICE.run(&["srun", "--chdir=/tmp", "--container=../bundles/alice", "true"]);
        // Relative to where the user stands, which is the home of alice.
        let home = ALICE.home("").display().to_string();
        let expected = format!("cannot read '{home}../bundles/alice/config.json'");
        assert!(output.stderr.contains(&expected), "{}", output.story());
        let output =
            ALICE.run(&["srun", "--chdir=/tmp", "--container=../../bundles/alice", "true"]);
        assert_eq!(output.status, 0, "{}", output.story());
    });
}

#[test]
fn the_epilog_of_a_task_runs_on_the_host_after_it() {
    with_each_runtime(|| {
        let epilog =
            ALICE.script("epilog", "#!/bin/sh\ngrep ^ID= /etc/os-release >$HOME/epilog.out\n");
        let container = format!("--container={}", ALICE.bundle());
        let output = ALICE.srun(&["-n1", &format!("--task-epilog={epilog}"), &container, "true"]);
        assert_eq!(output.status, 0, "{}", output.story());
        assert_eq!(read_and_remove("epilog.out"), Some("ID=debian\n".into()));
    });
}

#[test]
fn a_task_that_fails_ends_the_others_where_that_is_asked_for() {
    with_each_runtime(|| {
        // Without the option the step would last ten minutes.
        let script = "[ $SLURM_PROCID = 0 ] && exit 3; trap 'exit 1' TERM; sleep 600 & wait";
        let fail = ["sh", "-c", script];
        let container = format!("--container={}", ALICE.bundle());
        for option in ["--kill-on-bad-exit=1", "-K"] {
            let output = ALICE.srun(&[&["-N2", "-n2", option, &container], &fail[..]].concat());
            assert_ne!(output.status, 0, "{}", output.story());
            assert!(output.stderr.contains("exit code 3"), "{}", output.story());
        }
        let output = ALICE.srun(
            &[&["-N2", "-n2", "--wait=1", "--kill-on-bad-exit=0", &container], &fail[..]].concat(),
        );
        assert_ne!(output.status, 0, "{}", output.story());
    });
}

#[test]
fn a_bundle_that_only_one_node_has_fails_on_the_other_and_names_it() {
    with_each_runtime(|| {
        // What is below this directory, only the first node sees.
        let bundle = path("of-n1/bundle").display().to_string();
        let copied = Command::new("cp").args(["-a", &ALICE.bundle(), &bundle]).status();
        assert!(copied.unwrap().success());
        let container = format!("--container={bundle}");
        let command = ["sh", "-c", "sleep 0.5; echo $SLURMD_NODENAME"];
        let output = ALICE.srun(&[&["-N2", "-n2", &container], &command[..]].concat());
        assert_eq!(output.any_text(), "n1\n", "{}", output.story());
        let expected = format!(
            "spank-oci: n2: task 1: cannot read '{bundle}/config.json': no such file or directory; the bundle must be on every node of the step"
        );
        assert_eq!(output.messages(), [expected], "{}", output.story());
        assert_eq!(output.status, 125, "{}", output.story());

        let forever = ["sh", "-c", "sleep 600"];
        let output = ALICE.srun(&[&["-N2", "-n2", "-K", &container], &forever[..]].concat());
        assert_ne!(output.status, 0, "{}", output.story());
        fs::remove_dir_all(bundle).unwrap();
    });
}

#[test]
fn each_task_of_a_job_array_runs_in_the_container() {
    with_lines("", || {
        let pattern = ALICE.home("array.%a").display().to_string();
        let container = format!("--container={}", ALICE.bundle());
        let output = ALICE.run(&[
            "sbatch",
            "--wait",
            "--array=1-3",
            &container,
            "--output",
            &pattern,
            "--wrap=echo $SLURM_ARRAY_TASK_ID; grep ^ID= /etc/os-release",
        ]);
        assert_eq!(output.status, 0, "{}", output.story());
        for task in 1..=3 {
            let expected = format!("{task}\nID=busybox\n");
            assert_eq!(read_and_remove(&format!("array.{task}")), Some(expected));
        }
    });
}

#[test]
fn a_requeued_job_runs_in_its_container_again() {
    with_lines("", || {
        // The first life says so and waits; the second one ends.
        let script = ALICE.script(
            "job.sh",
            "#!/bin/sh\ngrep ^ID= /etc/os-release\n[ \"${SLURM_RESTART_COUNT:-0}\" -gt 0 ] || exec sleep 600\necho again\n",
        );
        let script = format!(
            "id=$(sbatch --parsable --requeue --open-mode=append --output=$HOME/job.out --container=$BUNDLE {script})
             until grep -q ID $HOME/job.out 2>/dev/null; do sleep 0.1; done
             scontrol requeue $id
             until grep -q again $HOME/job.out; do
                 scontrol update job=$id StartTime=now 2>/dev/null; sleep 0.5
             done; grep -v ^slurmstepd $HOME/job.out | grep -v '^\\[' ; rm $HOME/job.out"
        );
        let output = ALICE.sh(&script);
        let lines: Vec<_> = output
            .any_text()
            .lines()
            .filter(|line| !line.contains("***"))
            .map(str::to_owned)
            .collect();
        assert_eq!(lines, ["ID=busybox", "ID=busybox", "again"], "{}", output.story());
    });
}

//! Signals reach a command in a container as they reach it without one.

use crate::{
    cluster::{ALICE, Output, proctracks},
    leftovers,
    site::{with_each_runtime, with_each_runtime_and_mode, with_each_runtime_by_create_and_start},
};

/// A shell that tells each signal that it receives, when it receives it.
const TELLER: &str = "for s in HUP INT QUIT USR1 USR2 ALRM TERM CONT 35 40 64; do trap \"echo $s\" $s; done; echo ready; while :; do :; done";
/// Sends one signal after the other, each when the one before was told, then waits
/// for one that comes late.
const SEND: &str = "for s in HUP INT QUIT USR1 USR2 ALRM TERM CONT 35 40 64; do
    scancel $SCANCEL --signal=$s $target
    n=0; until grep -q ^$s told || [ $n = 100 ]; do sleep 0.05; n=$((n + 1)); done
  done; sleep 0.5; grep -v -e ^srun -e ^slurmstepd -e '^\\[' told";

fn end(output: Output) -> Vec<String> {
    output.text().lines().map(str::to_owned).collect()
}

/// What a step tells of the signals that are sent to it.
fn told_by_step(node: &str, container: &str) -> Vec<String> {
    end(ALICE.sh(&format!(
        "cd $(mktemp -d); name=$(basename $PWD)
         srun {node} -n1 --job-name=$name {container} sh -c '{TELLER}' >told 2>&1 & srun=$!
         until grep -sq ready told; do sleep 0.1; done
         target=$(squeue --noheader --name=$name --format=%i).0
         {SEND}
         scancel --signal=KILL $target; wait $srun; rm -r $PWD"
    )))
}

/// What a batch script tells of the signals that are sent to it alone.
fn told_by_script(node: &str, container: &str) -> Vec<String> {
    end(ALICE.sh(&format!(
        "cd $(mktemp -d); echo '#!/bin/sh' >teller; echo '{TELLER}' >>teller
         target=$(sbatch --parsable {node} -n1 {container} --output=told teller)
         until grep -sq ready told; do sleep 0.1; done
         SCANCEL=--batch; {SEND}
         scancel --signal=KILL --full $target
         while squeue --noheader --jobs=$target 2>/dev/null | grep -q .; do sleep 0.1; done
         rm -r $PWD"
    )))
}

/// The same on each of these nodes, at the same time.
fn on_each(told: Told, nodes: &[&'static str], container: &str) -> Vec<Vec<String>> {
    std::thread::scope(|scope| {
        let start = |&node: &&'static str| scope.spawn(move || told(node, container));
        let started: Vec<_> = nodes.iter().map(start).collect();
        started.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// Sends signals to something on a node, in a container if one is asked for.
type Told = fn(&str, &str) -> Vec<String>;

fn container() -> String {
    format!("--container={}", ALICE.bundle())
}

/// Each signal must be told once, without a container and in those of every kind.
fn assert_same(told: Told, kinds: &[fn(&dyn Fn())]) {
    let nodes = proctracks();
    let mut expected = Vec::new();
    leftovers::after_once(|| expected = on_each(told, &nodes, ""));
    assert!(expected.iter().all(|told| told.len() == 12), "{expected:?}");
    for kind in kinds {
        kind(&|| assert_eq!(on_each(told, &nodes, &container()), expected, "on {nodes:?}"));
    }
}

const RUN: fn(&dyn Fn()) = |check| with_each_runtime(check);
const CREATE_START: fn(&dyn Fn()) = |check| with_each_runtime_by_create_and_start(check);

#[test]
fn a_step_receives_each_signal_once() {
    assert_same(told_by_step, &[RUN, CREATE_START]);
}

#[test]
fn a_batch_script_receives_each_signal_that_is_for_it_alone_once() {
    assert_same(told_by_script, &[RUN, CREATE_START]);
}

#[test]
fn a_first_process_that_ignores_sigterm_is_gone_when_slurm_says_kill() {
    let stubborn = "trap '' TERM; echo ready; while :; do sleep 600; done";
    with_each_runtime_and_mode(|| {
        for node in proctracks() {
            let script = format!(
                "srun {node} -n1 {} sh -c \"{stubborn}\" >told 2>&1 & srun=$!
                 until grep -sq ready told; do sleep 0.1; done
                 target=$(squeue --noheader --format=%i).0
                 scancel --signal=TERM $target; sleep 0.5
                 kill -0 $srun && pgrep -u alice -x sleep >/dev/null && echo ignored
                 date +%s; scancel --signal=KILL $target
                 while pgrep -u alice -f 'trap .. TERM; echo ready' -a | grep -qv srun; do sleep 0.02; done
                 date +%s; wait $srun; echo $?; rm told",
                container()
            );
            let told = end(ALICE.sh(&script));
            let seconds: Vec<u64> = told[1..3].iter().map(|line| line.parse().unwrap()).collect();
            assert_eq!((told[0].as_str(), told[3].as_str()), ("ignored", "137"), "{told:?}");
            // Not only after the five seconds of KillWait, or of anybody's patience.
            assert!(seconds[1] - seconds[0] <= 3, "{node}: {told:?}");
        }
    });
}

//! Signals reach a command in a container as they reach it without one.

use crate::{
    cluster::{ALICE, Output},
    leftovers,
    site::{with_each_runtime, with_each_runtime_by_create_and_start},
};

/// A shell that tells each signal that it receives, when it receives it.
const TELLER: &str = "for s in HUP INT QUIT USR1 USR2 ALRM TERM CONT 40; do trap \"echo $s\" $s; done; echo ready; while :; do :; done";
/// Sends one signal after the other, each when the one before was told, then waits
/// for one that comes late.
const SEND: &str = "for s in HUP INT QUIT USR1 USR2 ALRM TERM CONT 40; do
    scancel $SCANCEL --signal=$s $target
    n=0; until grep -q ^$s told || [ $n = 100 ]; do sleep 0.05; n=$((n + 1)); done
  done; sleep 0.5; grep -v -e ^srun -e ^slurmstepd -e '^\\[' told";

/// The nodes with proctrack/linuxproc and proctrack/pgid.
const LINUXPROC: &str = "-wn1";
const PGID: &str = "--partition=pgid";

fn end(output: Output) -> Vec<String> {
    output.text().lines().map(str::to_owned).collect()
}

/// What a step tells of the signals that are sent to it.
fn told_by_step(node: &str, container: &str) -> Vec<String> {
    end(ALICE.sh(&format!(
        "rm -f told; srun {node} -n1 {container} sh -c '{TELLER}' >told 2>&1 & srun=$!
         until grep -sq ready told; do sleep 0.1; done
         job=$(squeue --noheader --format=%i); target=$job.0
         {SEND}
         scancel --signal=KILL $target; wait $srun; rm told"
    )))
}

/// What a batch script tells of the signals that are sent to it alone.
fn told_by_script(node: &str, container: &str) -> Vec<String> {
    ALICE.script("teller", &format!("#!/bin/sh\n{TELLER}\n"));
    end(ALICE.sh(&format!(
        "rm -f told; target=$(sbatch --parsable {node} -n1 {container} --output=told teller)
         until grep -sq ready told; do sleep 0.1; done
         SCANCEL=--batch; {SEND}
         scancel --signal=KILL --full $target
         while squeue --noheader | grep -q .; do sleep 0.1; done; rm told teller"
    )))
}

/// Sends signals to something on a node, in a container if one is asked for.
type Told = fn(&str, &str) -> Vec<String>;

fn container() -> String {
    format!("--container={}", ALICE.bundle())
}

/// What is told without a container: each signal once.
fn expected(told: Told, node: &str) -> Vec<String> {
    let mut without = Vec::new();
    leftovers::after_once(|| without = told(node, ""));
    assert_eq!(without.len(), 10, "{without:?}");
    without
}

/// The same must be told without a container and in those of every kind.
fn assert_same(told: Told, node: &str, kinds: &[fn(&dyn Fn())]) {
    let expected = expected(told, node);
    for kind in kinds {
        kind(&|| assert_eq!(told(node, &container()), expected));
    }
}

const RUN: fn(&dyn Fn()) = |check| with_each_runtime(check);
const CREATE_START: fn(&dyn Fn()) = |check| with_each_runtime_by_create_and_start(check);

#[test]
fn a_step_made_by_create_and_start_receives_each_signal_once() {
    assert_same(told_by_step, LINUXPROC, &[CREATE_START]);
    assert_same(told_by_step, PGID, &[CREATE_START]);
}

#[test]
fn a_step_of_a_waiting_runtime_receives_each_signal_once_from_a_process_group() {
    assert_same(told_by_step, PGID, &[RUN]);
}

#[test]
fn a_step_of_a_waiting_runtime_receives_no_signal_less_than_once_from_linuxproc() {
    let expected = expected(told_by_step, LINUXPROC);
    with_each_runtime(|| {
        // slurmstepd signals the runtime and the container, and the runtime passes
        // on what it receives.
        let mut told = told_by_step(LINUXPROC, &container());
        told.dedup();
        assert_eq!(told, expected);
    });
}

#[test]
fn a_batch_script_receives_each_signal_that_is_for_it_alone_once() {
    for node in [LINUXPROC, PGID] {
        assert_same(told_by_script, node, &[RUN, CREATE_START]);
    }
}

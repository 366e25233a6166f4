//! Faults at every stage of a task's life, many at a time: after them nothing is
//! left of their steps, and other steps have noticed nothing.

mod case;
mod processes;
mod stage;
mod table;

use std::{fs, sync::Mutex, thread};

use case::Stopped;
use stage::{Mode, RUNNING, Stage, Victim};
use table::{Row, Seen};

use crate::{
    bystander::Bystander,
    cluster::{ALICE, LINUXPROC, PGID, restart_slurmd},
    leftovers::{self, Marker},
    site::{self, change, site},
};

/// Stops a runtime command where the test says.
const GATE: &str = include_str!("../data/slurm/gate");
/// The same for a runtime that is known by its name.
const GATED_RUNTIME: &str = include_str!("../data/slurm/gated-runtime");
/// How many faults happen at the same time.
const SIDE_BY_SIDE: usize = 8;

/// oci.conf with the gate before each of the runtime's commands.
fn gated(runtime: &str, mode: Mode) -> String {
    let text = match mode {
        Mode::Detached => return site::RUN.replace("RUNTIME", &gates(runtime)),
        // The helper does not know the gate as a runtime that need not wait.
        Mode::Run => site::RUN,
        Mode::CreateStart => site::CREATE_START,
    };
    let gate = ALICE.home("gate").display().to_string();
    let operations = ["Run", "Create", "Query", "Start", "Kill", "Delete"];
    let text = operations.into_iter().fold(text.to_owned(), |text, name| {
        let operation = name.to_lowercase();
        text.replace(&format!("RunTime{name}=\""), &format!("RunTime{name}=\"{gate} {operation} "))
    });
    text.replace("RUNTIME", runtime)
}

/// A runtime's name in the directory of those behind gates.
fn gates(runtime: &str) -> String {
    ALICE.home("gates").join(runtime).display().to_string()
}

/// Runs faults with a runtime, while a step that is not meant goes on.
fn under_fault(runtime: &str, mode: Mode, check: impl FnOnce()) {
    let _restored = change(site(), Some(&gated(runtime, mode)));
    leftovers::after_once(|| {
        let gate = ALICE.script("gate", GATE);
        fs::create_dir(ALICE.home("gates")).unwrap();
        ALICE.script(&format!("gates/{runtime}"), GATED_RUNTIME);
        let bystander = Bystander::start(ALICE);
        check();
        bystander.assert_unharmed();
        fs::remove_file(gate).unwrap();
        fs::remove_dir_all(ALICE.home("gates")).unwrap();
    });
    Marker::assert_absent("a fault");
}

/// Everybody of a step who can be killed at every stage.
fn faults(mode: Mode) -> Vec<(Stage, Victim)> {
    let stages = mode.stages().iter();
    let all = stages.flat_map(|&stage| Victim::OF_STEP.map(|victim| (stage, victim)));
    all.filter(|(stage, victim)| victim.is_there(*stage)).collect()
}

/// Kills everybody of a step, a step for each; what was seen.
fn kill_each_of_a_step(mode: Mode, node: &'static str) -> Vec<Seen> {
    let waiting = Mutex::new(faults(mode).into_iter().enumerate());
    let seen = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().unwrap().next();
                    let Some((number, (stage, victim))) = next else { return };
                    let stopped = Stopped::at(stage, &format!("fault-{number}"), node);
                    let was_there = stopped.strike(victim);
                    assert!(was_there, "{}: there is no {}", stage.name, victim.name());
                    let (status, _) = stopped.end();
                    seen.lock().unwrap().push(Seen { stage, victim, status });
                }
            });
        }
    });
    seen.into_inner().unwrap()
}

/// Kills slurmd while there is a step at every stage, and starts another. The steps
/// go on as if nothing had happened.
fn kill_slurmd(mode: Mode) -> Vec<Seen> {
    // Nothing else lets the one that runs end.
    let ends = |stage: Stage| Stage { ends: stage.name != RUNNING, ..stage };
    let stages = mode.stages().iter();
    let stopped: Vec<_> = stages
        .map(|&stage| {
            (stage, Stopped::at(ends(stage), &format!("slurmd-{}", stage.name), LINUXPROC))
        })
        .collect();
    restart_slurmd();
    let end = |(stage, stopped): (Stage, Stopped)| {
        if stage.name == RUNNING {
            assert!(stopped.strike(Victim::Init));
        }
        let (status, told) = stopped.end();
        let expected = if stage.name == RUNNING { 137 } else { 3 };
        assert!(status == expected && told.contains("in\n"), "{}: {told}", stage.name);
        Seen { stage, victim: Victim::Slurmd, status }
    };
    stopped.into_iter().map(end).collect()
}

#[test]
fn whoever_is_killed_at_whatever_stage_nothing_is_left_and_nothing_runs_on_the_host() {
    let mut rows = Vec::new();
    for mode in [Mode::Run, Mode::Detached, Mode::CreateStart] {
        for runtime in ["crun", "runc"] {
            under_fault(runtime, mode, || {
                let seen = [kill_each_of_a_step(mode, LINUXPROC), kill_slurmd(mode)].concat();
                rows.push(Row { runtime, mode, seen });
            });
        }
    }
    table::write(&rows);
}

/// There a watcher follows what is done to the step's process group. The helper waits for
/// RunTimeRun itself, so that there is no third mode.
#[test]
fn nothing_is_left_under_proctrack_pgid_either() {
    for mode in [Mode::Run, Mode::CreateStart] {
        for runtime in ["crun", "runc"] {
            under_fault(runtime, mode, || {
                for Seen { stage, victim, status } in kill_each_of_a_step(mode, PGID) {
                    assert_ne!(status, 0, "{}: {}", stage.name, victim.name());
                }
            });
        }
    }
}

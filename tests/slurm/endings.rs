//! Whatever ends a job or a step, a task in a container is told of it as it is
//! without one, and what users see of its end is the same.
//!
//! Slurm takes its time to end something, so all cases run side by side.

use std::{
    collections::BTreeMap,
    fs, iter,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use crate::{
    cluster::{self, ALICE, AS_USER},
    leftovers,
    site::{self, Kind},
};

const PRELUDE: &str = include_str!("endings/prelude.sh");

/// A way to end, and the script that does so.
type Ending = (&'static str, &'static str);

/// Slurm looks at time limits every half minute, so these come first.
const BY_TIME: &[Ending] = &[
    ("sbatch --signal and --time", include_str!("endings/time-limit-of-script.sh")),
    ("srun --signal and --time", include_str!("endings/time-limit-of-step.sh")),
];

const OTHERS: &[Ending] = &[
    ("scancel of a job", include_str!("endings/cancel-job.sh")),
    ("scancel of a step", include_str!("endings/cancel-step.sh")),
    ("scancel of a batch job", include_str!("endings/cancel-script.sh")),
    ("Ctrl-C once", include_str!("endings/interrupt-once.sh")),
    ("Ctrl-C until srun ends", include_str!("endings/interrupt-twice.sh")),
    ("Ctrl-C with -X", include_str!("endings/disable-status.sh")),
    ("--kill-on-bad-exit", include_str!("endings/bad-exit.sh")),
    ("scancel --full", include_str!("endings/full.sh")),
];

/// How long starting one task may take while many others are started.
const PATIENCE: Duration = Duration::from_secs(60);

/// A task that is being ended.
struct Case {
    name: (&'static str, &'static str),
    script: Child,
    ready: PathBuf,
}

impl Case {
    /// Starts a task on a node, in a container if one is asked for.
    fn start(ending: &Ending, node: &'static str, container: &str) -> Self {
        let name = (ending.0, node);
        let ready = ALICE.home(&format!("{} {node}", ending.0));
        let script = Command::new(AS_USER)
            .args([ALICE.0, "env", &format!("NODE={node}"), &format!("CONTAINER={container}")])
            .arg(format!("READY={}", ready.display()))
            .args(["sh", "-c", &format!("{PRELUDE}{}", ending.1)])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self { name, script, ready }
    }

    fn wait_until_ready(&self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.ready.exists() {
            assert!(Instant::now() < deadline, "{:?} does not start", self.name);
            sleep(Duration::from_millis(10));
        }
        fs::remove_file(&self.ready).unwrap();
    }

    /// What the task and Slurm told.
    fn told(self) -> ((&'static str, &'static str), String) {
        let output = self.script.wait_with_output().unwrap();
        assert!(output.status.success(), "{:?}: {output:?}", self.name);
        (self.name, String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// Starts tasks on every node, in one kind of container or in none.
fn start(endings: &[Ending], kind: Option<&Kind>) -> Vec<Case> {
    let _site = kind.map(Kind::install);
    let container = kind.map(|_| format!("--container={}", ALICE.bundle())).unwrap_or_default();
    let mut cases = Vec::new();
    for node in cluster::proctracks() {
        cases.extend(endings.iter().map(|ending| Case::start(ending, node, &container)));
    }
    // Each reads the site's configuration when it starts.
    cases.iter().for_each(Case::wait_until_ready);
    cases
}

#[test]
fn whatever_ends_a_task_is_told_to_it_and_shown_as_without_a_container() {
    leftovers::after_once(|| {
        let kinds = site::kinds();
        let kinds: Vec<_> = iter::once(None).chain(kinds.iter().map(Some)).collect();
        let mut cases = Vec::new();
        for endings in [BY_TIME, OTHERS] {
            for kind in &kinds {
                cases.extend(start(endings, *kind).into_iter().map(|case| (kind, case)));
            }
        }
        let told = cases.into_iter().map(|(kind, case)| (kind, case.told()));
        let (outside, inside): (Vec<_>, Vec<_>) = told.partition(|(kind, _)| kind.is_none());
        let expected: BTreeMap<_, _> = outside.into_iter().map(|(_, told)| told).collect();
        let differences: Vec<_> = inside
            .into_iter()
            .filter(|(_, (name, told))| *told != expected[name])
            .map(|(kind, (name, told))| {
                format!("{kind:?} {name:?}:\n{told}instead of:\n{}", expected[&name])
            })
            .collect();
        assert!(differences.is_empty(), "{}", differences.join("\n"));
    });
}

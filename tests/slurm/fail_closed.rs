//! Whatever is wrong between `--container` and the container: the command does not run on
//! the host, the task fails with one line that names cause and remedy, the node stays in
//! service, and another user's container and next job notice nothing.
//!
//! The faults are tables, one for each thing that can be wrong.

mod bundle;
mod config_json;
mod helper;
mod large;
mod runtime;
mod site;
mod state;

use std::process::Command;

use crate::{
    bystander::Bystander,
    cluster::{ALICE, BOB, Output, path, restart_slurmd, root},
    leftovers::{self, Marker},
};

/// A fault, made by a command of root's, and what is told about it.
struct Row {
    fault: &'static str,
    made_by: &'static str,
    told: Told,
}

/// Who tells it. `*` stands for the one thing that varies; `$NAME` is as in the command.
enum Told {
    /// The helper, in the task's one line.
    Task(&'static str),
    /// The plugin in slurmstepd, in one line.
    Plugin(&'static str),
    /// Slurm or the runtime, in its own words, of which these are some.
    Others(&'static str),
}

use Told::{Others, Plugin, Task};

/// What a table is about: names for its commands and texts, and the commands that make
/// everything as it should be and take it away again.
struct Theme {
    names: Vec<(&'static str, String)>,
    begin: &'static str,
    end: &'static str,
    bundle: String,
}

impl Theme {
    fn new(names: &[(&'static str, String)], begin: &'static str, end: &'static str) -> Self {
        let cluster = path("").display().to_string().trim_end_matches('/').to_owned();
        // In this order: values may have others in them, and names begin with others.
        let names = [&[("$BOB", BOB.id().to_string())], names, &[("$CLUSTER", cluster)]].concat();
        Self { names, begin, end, bundle: ALICE.bundle() }
    }

    fn text(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }

    fn root(&self, script: &str) {
        root(&self.text(script));
    }

    /// Makes each fault and has alice ask for a container.
    fn check(&self, rows: &[Row]) {
        among_others(|| {
            for row in rows {
                let _fault = Fault::made(self, row);
                self.assert_told(row, &refused(row.fault, &self.bundle));
            }
        });
    }

    /// The same, with a slurmd that starts under the fault.
    fn check_with_a_new_slurmd(&self, rows: &[Row]) {
        among_others(|| {
            for row in rows {
                let fault = Fault::made(self, row);
                // What it has to tell of jobs that end would be told a minute later.
                root(
                    "until [ -z \"$(squeue --noheader --states=completing)\" ]; do sleep 0.1; done",
                );
                restart_slurmd();
                self.assert_told(row, &refused(row.fault, &self.bundle));
                drop(fault);
            }
        });
    }

    fn assert_told(&self, row: &Row, output: &Output) {
        let story = || format!("{}: {}", row.fault, output.story());
        let (lines, expected, status) = match row.told {
            Task(text) => {
                (output.messages(), format!("spank-oci: n1: task 0: {}", self.text(text)), 125)
            }
            Plugin(text) => {
                (output.told_by_slurmstepd(), format!("spank-oci: {}", self.text(text)), 125)
            }
            Others(text) => {
                assert!(output.stderr.contains(&self.text(text)), "{}", story());
                return;
            }
        };
        let [line] = &lines[..] else { panic!("not one line: {}", story()) };
        let matches = match expected.split_once('*') {
            Some((start, end)) => line.starts_with(start) && line.ends_with(end),
            None => *line == expected,
        };
        assert!(matches, "{}\nexpected: {expected}", story());
        assert_eq!((output.messages().len(), output.status), (1, status), "{}", story());
    }
}

/// A fault, until the value is dropped.
struct Fault<'a>(&'a Theme);

impl<'a> Fault<'a> {
    fn made(theme: &'a Theme, row: &Row) -> Self {
        theme.root(theme.begin);
        let fault = Self(theme);
        theme.root(row.made_by);
        fault
    }
}

impl Drop for Fault<'_> {
    fn drop(&mut self) {
        let _ = Command::new("sh").args(["-c", &self.0.text(self.0.end)]).status();
    }
}

/// Runs a check while another user's container goes on.
fn among_others(check: impl Fn()) {
    leftovers::after(|| {
        let bystander = Bystander::start(BOB);
        check();
        bystander.assert_unharmed();
    });
}

/// alice's task, which would leave a mark on the host, and bob's next job.
fn refused(fault: &str, bundle: &str) -> Output {
    let output = ALICE.srun_in(bundle, &["touch", &Marker::path()]);
    Marker::assert_absent(&format!("{fault}: {}", output.story()));
    assert_ne!(output.status, 0, "{fault}: {}", output.story());
    assert_eq!(BOB.srun(&["-wn1", "echo", "fine"]).text(), "fine\n", "{fault}");
    output
}

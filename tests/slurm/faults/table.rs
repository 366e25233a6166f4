//! docs/faults.md: who was killed when, and what became of the task.

use super::stage::{Mode, Stage, Victim};
use crate::report;

const HEAD: &str = "# Faults

Made by the end-to-end tests (`tests/slurm/faults.rs`) on a throw-away Slurm. A task in a
container is stopped at a stage of its life, a process is killed there, and the task goes
on as it can; eight tasks at a time, beside a step of the same user that must notice
nothing. Each cell is the status that srun ends with (137: killed; 125: the container
could not be started; 3: the command's own; - there is no such process). Where
slurmstepd is killed the user gives up: cancels the job and ends srun. slurmd is killed
once, with a task at every stage, and started again; the one that is running then has
its first process killed. All but the last is done again with proctrack/pgid, where
nothing may be left either.
";

/// One fault.
#[derive(Clone)]
pub struct Seen {
    pub stage: Stage,
    pub victim: Victim,
    pub status: i32,
}

/// All faults with a runtime.
pub struct Row {
    pub runtime: &'static str,
    pub mode: Mode,
    pub seen: Vec<Seen>,
}

/// Writes the section of the Slurm around the tests. Whatever is left, or runs on the
/// host, or drains a node, has failed the test before.
pub fn write(rows: &[Row]) {
    let tried: usize = rows.iter().map(|row| row.seen.len()).sum();
    let summary = format!(
        "Faults tried: {tried}; containers, processes, mounts or files left: 0; runs on the host: 0; nodes drained: 0."
    );
    let tables: Vec<_> = rows.iter().map(table).collect();
    report::write("faults.md", HEAD, &format!("{summary}\n\n{}", tables.join("\n\n")));
}

fn table(row: &Row) -> String {
    let victims = Victim::ALL.map(Victim::name).join(" | ");
    let head =
        format!("| {}, {} | {victims} |\n|---|---|---|---|---|---|", row.runtime, row.mode.name());
    let line = |stage: &Stage| {
        let cells = Victim::ALL.map(|victim| {
            let found = row.seen.iter().find(|seen| seen.stage == *stage && seen.victim == victim);
            match found {
                None => "-".to_owned(),
                Some(Seen { victim: Victim::Slurmstepd, .. }) => "given up".to_owned(),
                Some(seen) => seen.status.to_string(),
            }
        });
        format!("| {} | {} |", stage.name.replace('-', " "), cells.join(" | "))
    };
    let lines: Vec<_> = row.mode.stages().iter().map(line).collect();
    format!("{head}\n{}", lines.join("\n"))
}

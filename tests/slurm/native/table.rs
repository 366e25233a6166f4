//! docs/native-differences.md, one section for each release of Slurm.

use crate::report;

const HEAD: &str = "# What Slurm's own container support does differently

Made by the end-to-end tests (`tests/slurm/native.rs`), which run each case without a
container, with spank-oci and with Slurm's own support, on the same throw-away cluster
with crun. spank-oci does what is expected in all of them, or the test fails. Where
Slurm's support does the same, nothing stands in the last column.
";

/// What was seen in one case.
pub struct Row {
    pub promise: &'static str,
    pub expected: String,
    pub native: String,
}

/// Writes the section of the Slurm around the tests; the others stay.
pub fn write(rows: &[Row]) {
    report::write("native-differences.md", HEAD, &lines(rows));
}

fn lines(rows: &[Row]) -> String {
    let head = "| expected | seen with Slurm's own support |\n|---|---|".to_owned();
    let row = |row: &Row| {
        let native = if row.native == row.expected { "" } else { &row.native };
        format!("| {} | {} |", row.promise, native.replace('|', "\\|"))
    };
    [head].into_iter().chain(rows.iter().map(row)).collect::<Vec<_>>().join("\n")
}

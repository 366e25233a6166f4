//! docs/native-differences.md, one section for each release of Slurm.

use std::fs;

use crate::cluster::release;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/native-differences.md");
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
    let (year, month) = release();
    let title = format!("## Slurm {year}.{month:02}");
    let text = fs::read_to_string(FILE).unwrap_or_default();
    let mut sections: Vec<_> = text
        .split("\n## ")
        .skip(1)
        .map(|section| format!("## {}", section.trim_end()))
        .filter(|section| !section.starts_with(&title))
        .collect();
    sections.push(format!("{title}\n\n{}", lines(rows)));
    sections.sort();
    let written = format!("{HEAD}\n{}\n", sections.join("\n\n"));
    if written != text {
        fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/docs")).unwrap();
        fs::write(FILE, written).unwrap();
    }
}

fn lines(rows: &[Row]) -> String {
    let head = "| expected | seen with Slurm's own support |\n|---|---|".to_owned();
    let row = |row: &Row| {
        let native = if row.native == row.expected { "" } else { &row.native };
        format!("| {} | {} |", row.promise, native.replace('|', "\\|"))
    };
    [head].into_iter().chain(rows.iter().map(row)).collect::<Vec<_>>().join("\n")
}

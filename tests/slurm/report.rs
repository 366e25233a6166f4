//! Documents that the tests write, with one section for each release of Slurm.

use std::fs::{self, File};

use crate::cluster::release;

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs");

/// Writes the section of the Slurm around the tests; the others stay.
pub fn write(name: &str, head: &str, body: &str) {
    let (year, month) = release();
    let title = format!("## Slurm {year}.{month:02}");
    let file = format!("{DOCS}/{name}");
    // Tests on another Slurm may be writing theirs.
    fs::create_dir_all(DOCS).unwrap();
    let docs = File::open(DOCS).unwrap();
    docs.lock().unwrap();
    let text = fs::read_to_string(&file).unwrap_or_default();
    let mut sections: Vec<_> = text
        .split("\n## ")
        .skip(1)
        .map(|section| format!("## {}", section.trim_end()))
        .filter(|section| !section.starts_with(&title))
        .collect();
    sections.push(format!("{title}\n\n{body}"));
    sections.sort();
    let written = format!("{head}\n{}\n", sections.join("\n\n"));
    if written != text {
        fs::write(file, written).unwrap();
    }
}

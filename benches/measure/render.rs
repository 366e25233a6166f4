//! docs/benchmarks.md and its pictures, made of results: no measuring here.

mod bars;
mod document;
mod life;
mod pictures;
mod svg;

use std::{fs, path::Path};

use crate::result::{Local, Slurm};

/// Everything that was measured; the Slurms from the oldest to the newest.
pub struct Results {
    pub local: Local,
    pub slurms: Vec<Slurm>,
}

/// Writes the document of these files: the local one first, then one for each Slurm.
pub fn write(files: &[&str]) {
    let text = |file: &str| {
        fs::read_to_string(file).unwrap_or_else(|error| panic!("cannot read '{file}': {error}"))
    };
    let (local, slurms) = files.split_first().unwrap_or_else(|| panic!("no files"));
    let slurms = slurms.iter().map(|file| serde_json::from_str::<Slurm>(&text(file)).unwrap());
    let mut results =
        Results { local: serde_json::from_str(&text(local)).unwrap(), slurms: slurms.collect() };
    results.slurms.sort_by(|a, b| a.release.cmp(&b.release));

    let docs = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/docs"));
    fs::create_dir_all(docs.join("benchmarks")).unwrap();
    for (name, picture) in pictures::all(&results) {
        fs::write(docs.join("benchmarks").join(name), picture).unwrap();
    }
    fs::write(docs.join("benchmarks.md"), document::text(&results)).unwrap();
}

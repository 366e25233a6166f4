//! Measures what a container costs, and writes docs/benchmarks.md. Run by `./dev bench`:
//!
//! ```text
//! measure local FILE [quick]     what needs no Slurm
//! measure slurm FILE [quick]     inside the throw-away Slurm of tests/cluster
//! measure render FILE...         the document and its pictures, of these results
//! ```
//!
//! Results are values in files, which the renderer alone reads: what was measured can
//! be shown again, and a picture be mended, without measuring once more.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "nothing goes on without a result")]

mod big;
mod controller;
mod load;
mod many;
mod memory;
mod nodes;
mod render;
mod result;
mod rounds;
mod single;
mod statistics;
mod steps;
mod timeline;
mod trace;

use std::{env, fs, io::Write, path::Path, process::ExitCode};

use result::{Local, Slurm};

/// How much is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// A few rounds, to see whether it works.
    Quick,
    /// Enough for the document.
    Full,
}

impl Effort {
    /// So many rounds, or a tenth of them.
    pub fn rounds(self, full: usize) -> usize {
        match self {
            Self::Quick => full.div_ceil(10).max(2),
            Self::Full => full,
        }
    }
}

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).filter(|w| *w != "--bench").collect();
    let effort = if words.contains(&"quick") { Effort::Quick } else { Effort::Full };
    match words[..] {
        ["local", file, ..] => write(file, &Local::measure(effort)),
        ["slurm", file, ..] => write(file, &Slurm::measure(effort)),
        ["render", ref files @ ..] => render::write(files),
        _ => {
            tell("use ./dev bench");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// Says what is going on.
pub fn tell(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn write(file: &str, result: &impl serde::Serialize) {
    fs::create_dir_all(Path::new(file).parent().unwrap()).unwrap();
    fs::write(file, serde_json::to_string_pretty(result).unwrap() + "\n").unwrap();
}

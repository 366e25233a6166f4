//! Rules for the sources that no compiler keeps.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The only folders with unsafe code; the compiler is told so where they are declared.
const UNSAFE: [&str; 2] = ["src/spank", "src/sys"];
/// What follows a module's own documentation in every other file.
const FORBIDDEN: &str = "#![forbid(unsafe_code)]";

/// The Rust files below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let (directories, others): (Vec<_>, Vec<_>) = paths.partition(|path| path.is_dir());
    let own = others.into_iter().filter(|path| path.extension().is_some_and(|end| end == "rs"));
    own.chain(directories.iter().flat_map(|path| files(path))).collect()
}

fn is_below_unsafe(path: &Path) -> bool {
    UNSAFE.iter().any(|folder| path.starts_with(folder))
}

fn is_of_tests(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "tests") || path.ends_with("tests.rs")
}

/// The lines of a file without its comments.
fn code(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.map(str::to_owned).collect()
}

#[test]
fn unsafe_code_is_forbidden_outside_its_two_folders() {
    let files = files(Path::new("src"));
    assert!(files.len() > 80, "there are {} files only", files.len());
    for path in files.iter().filter(|path| !is_below_unsafe(path)) {
        let lines = code(path);
        // The root may not forbid what the two folders allow, and a file of tests is part of
        // the module that declares it.
        let is_part = path.ends_with("lib.rs") || is_of_tests(path);
        let first = lines.iter().find(|line| !line.is_empty()).unwrap();
        assert!(
            first == FORBIDDEN || is_part,
            "{} does not begin with {FORBIDDEN}",
            path.display()
        );
    }
}

#[test]
fn every_unsafe_block_names_what_makes_it_safe() {
    let mut blocks = 0;
    for path in files(Path::new("src")).iter().filter(|path| is_below_unsafe(path)) {
        let text = fs::read_to_string(path).unwrap();
        let lines: Vec<_> = text.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            if !line.trim_start().starts_with("//") && line.contains("unsafe {") {
                blocks += 1;
                // Within the statement and the comment before it.
                let before = &lines[number.saturating_sub(8)..=number];
                let noted = before.iter().any(|line| line.contains("SAFETY: "));
                assert!(noted, "{}:{}: no SAFETY note", path.display(), number + 1);
            }
        }
    }
    assert!(blocks > 40, "there are {blocks} blocks only");
}

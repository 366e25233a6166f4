//! The documents hold: links lead somewhere, tests and messages that they name exist, and
//! the Chinese README says what the English one says. What commands print in them is
//! compared with a real run by tests/slurm (`documents`).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod markdown;

use std::{
    fs,
    path::{Path, PathBuf},
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// All files below a directory whose names end so.
fn files(directory: &Path, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, end));
        } else if path.to_str().unwrap().ends_with(end) {
            found.push(path);
        }
    }
    found
}

/// The documents: those of the root and docs/.
fn documents() -> Vec<PathBuf> {
    let root = Path::new(ROOT);
    let own = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> =
        own.filter(|path| path.extension().is_some_and(|end| end == "md")).collect();
    all.extend(files(&root.join("docs"), ".md"));
    assert!(all.len() > 3, "there are documents: {all:?}");
    all
}

/// The text of all Rust files below these directories.
fn sources(directories: &[&str]) -> String {
    let all = directories.iter().flat_map(|name| files(&Path::new(ROOT).join(name), ".rs"));
    all.map(|path| fs::read_to_string(path).unwrap()).collect()
}

#[test]
fn links_lead_somewhere() {
    let mut lost = Vec::new();
    for document in documents() {
        for link in markdown::links(&fs::read_to_string(&document).unwrap()) {
            let file = link.split('#').next().unwrap_or_default();
            let is_elsewhere = link.contains("://") || file.is_empty();
            if !is_elsewhere && !document.parent().unwrap().join(file).exists() {
                lost.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert_eq!(lost, Vec::<String>::new());
}

#[test]
fn tests_that_are_named_are_there() {
    let sources = sources(&["src", "tests"]);
    let mut lost = Vec::new();
    for document in documents() {
        for name in markdown::test_names(&fs::read_to_string(&document).unwrap()) {
            if !sources.contains(&format!("fn {name}(")) {
                lost.push(format!("{}: {name}", document.display()));
            }
        }
    }
    assert_eq!(lost, Vec::<String>::new());
}

#[test]
fn messages_of_the_troubleshooting_table_are_those_of_the_programs() {
    let text = fs::read_to_string(Path::new(ROOT).join("docs/troubleshooting.md")).unwrap();
    let rows = markdown::first_cells(&text);
    assert!(rows.len() > 20, "the table has rows: {rows:?}");
    let sources = markdown::without_values(&sources(&["src"]));
    let mut lost = Vec::new();
    for message in rows {
        for part in markdown::parts(&message) {
            if !sources.contains(part) {
                lost.push(format!("'{part}' of '{message}'"));
            }
        }
    }
    assert_eq!(lost, Vec::<String>::new());
}

#[test]
fn the_chinese_readme_has_the_same_sections_commands_and_links() {
    let read = |name| fs::read_to_string(Path::new(ROOT).join(name)).unwrap();
    let (english, chinese) = (read("README.md"), read("README.zh-CN.md"));
    assert_eq!(markdown::heading_levels(&chinese), markdown::heading_levels(&english));
    assert_eq!(markdown::commands(&chinese), markdown::commands(&english));
    // Each names the other.
    let links = |text: &str| -> Vec<String> {
        let all = markdown::links(text).into_iter();
        all.filter(|link| !link.starts_with("README")).collect()
    };
    assert_eq!(links(&chinese), links(&english));
}

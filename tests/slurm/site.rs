//! The site's configuration during a test, put back as it was afterwards.

use std::{fs, path::PathBuf};

use crate::{cluster, leftovers};

/// The guide's templates for `run`, for crun and runc alike.
pub const RUN: &str = include_str!("../data/slurm/run.conf");
/// The same for `create` and `start`.
pub const CREATE_START: &str = include_str!("../data/slurm/create-start.conf");

/// A runtime, and a way to run a container with it.
#[derive(Debug)]
pub struct Kind {
    runtime: &'static str,
    pub mode: Mode,
}

/// The two ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Run,
    CreateStart,
}

impl Kind {
    /// Makes the site one of this kind, until the value is dropped.
    pub fn install(&self) -> Restored {
        let text = match self.mode {
            Mode::Run => RUN,
            Mode::CreateStart => CREATE_START,
        };
        change(site(), Some(&text.replace("RUNTIME", self.runtime)))
    }
}

/// Each runtime, in each of the two ways.
pub fn kinds() -> Vec<Kind> {
    let each = |mode| ["crun", "runc"].map(|runtime| Kind { runtime, mode });
    [Mode::Run, Mode::CreateStart].into_iter().flat_map(each).collect()
}

/// Runs a check with each runtime. Nothing may be left after it.
pub fn with_each_runtime(check: impl Fn()) {
    with_each_runtime_and("", check);
}

/// Runs a check with each runtime, and with more lines in the site's oci.conf.
pub fn with_each_runtime_and(lines: &str, check: impl Fn()) {
    for runtime in ["crun", "runc"] {
        with_site(&format!("{}{lines}", RUN.replace("RUNTIME", runtime)), &check);
    }
}

/// Runs a check with each runtime, in each of the two ways to run a container.
pub fn with_each_runtime_and_mode(check: impl Fn()) {
    with_each_runtime(&check);
    with_each_runtime_by_create_and_start(check);
}

/// Runs a check with each runtime, by RunTimeCreate and RunTimeStart.
pub fn with_each_runtime_by_create_and_start(check: impl Fn()) {
    for runtime in ["crun", "runc"] {
        with_site(&CREATE_START.replace("RUNTIME", runtime), &check);
    }
}

/// The guide's templates for a runtime, with other ones in their place.
pub fn create_start_with(runtime: &str, others: &[(&str, &str)]) -> String {
    let replaced = |line: &str| {
        let key = line.split('=').next().unwrap_or_default();
        let other = others.iter().find(|(name, _)| *name == key);
        other.map_or(line.to_owned(), |(name, command)| format!("{name}=\"{command}\""))
    };
    let text: String = CREATE_START.lines().map(|line| replaced(line) + "\n").collect();
    text.replace("RUNTIME", runtime)
}

/// Runs a check with crun, for a site that excludes no variable.
pub fn with_crun_and_all_variables(check: impl Fn()) {
    let lines = RUN.lines().filter(|line| !line.contains("EnvExclude"));
    let run: String = lines.map(|line| format!("{line}\n")).collect();
    with_site(&run.replace("RUNTIME", "crun"), check);
}

/// Runs a check with more lines in the site's oci.conf.
pub fn with_lines(lines: &str, check: impl Fn()) {
    with_site(&format!("{}{lines}", RUN.replace("RUNTIME", "crun")), check);
}

/// Runs a check with this oci.conf.
pub fn with_site(text: &str, check: impl Fn()) {
    let _restored = change(site(), Some(text));
    leftovers::after(check);
}

/// The site's oci.conf.
pub fn site() -> PathBuf {
    cluster::path("etc/spank-oci/oci.conf")
}

pub fn plugstack() -> PathBuf {
    cluster::path("etc/plugstack.conf")
}

/// A file with another content, or none, until the value is dropped.
#[must_use]
pub struct Restored {
    path: PathBuf,
    content: Option<Vec<u8>>,
}

pub fn change(path: PathBuf, text: Option<&str>) -> Restored {
    let restored = Restored { content: fs::read(&path).ok(), path };
    match text {
        Some(text) => fs::write(&restored.path, text).unwrap(),
        None => fs::remove_file(&restored.path).unwrap(),
    }
    restored
}

impl Drop for Restored {
    fn drop(&mut self) {
        let _ = match &self.content {
            Some(content) => fs::write(&self.path, content),
            None => fs::remove_file(&self.path),
        };
    }
}

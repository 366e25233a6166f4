//! The programs that start containers: those of oci.conf, and others that are there.
#![forbid(unsafe_code)]

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use nix::unistd::geteuid;

use super::{
    ask::ask,
    finding::Finding,
    flaws::{self, Flaw},
    packages::{self, Package},
    version::Version,
};
use crate::{
    config::{Config, Operations},
    env::RUNTIME_PATH,
    files,
    runtime::process::find,
    template::{Command, Template, Values},
    trust::{self, Owner, TrustError},
};

/// What is looked for beside the programs of oci.conf.
const KNOWN: [&str; 7] =
    ["crun", "runc", "youki", "nvidia-container-runtime", "podman", "ch-run", "apptainer"];

/// Programs that execute what follows as another user.
const IN_FRONT: [&str; 2] = ["sudo", "doas"];

/// A program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// As oci.conf names it.
    pub name: String,
    /// Whether oci.conf executes it.
    pub used: bool,
    /// Where it is.
    pub path: Option<PathBuf>,
    /// Why others than root could change it, and the remedy.
    pub changeable: Option<(String, String)>,
    /// What it says its version is, or why it does not.
    pub version: Result<String, String>,
    /// The package it comes from.
    pub package: Option<Package>,
}

impl Program {
    fn short_name(&self) -> &str {
        short(&self.name)
    }
}

/// The name without directories.
fn short(name: &str) -> &str {
    Path::new(name).file_name().and_then(OsStr::to_str).unwrap_or(name)
}

/// Looks at the programs of oci.conf and at the known ones that are there.
pub fn look(configs: &[&Config]) -> Vec<Program> {
    let mut used: Vec<String> = Vec::new();
    for template in configs.iter().flat_map(|config| templates(config)) {
        for name in programs(template) {
            if !used.contains(&name) {
                used.push(name);
            }
        }
    }
    let others = KNOWN.iter().filter(|name| !used.iter().any(|used| short(used) == **name));
    let others = others.filter(|name| find(name.as_ref()).is_some());
    let others: Vec<_> = others.map(|name| examine((*name).to_owned(), false)).collect();
    used.into_iter().map(|name| examine(name, true)).chain(others).collect()
}

/// All commands of a configuration.
pub fn templates(config: &Config) -> impl Iterator<Item = &Template> {
    let of_start: Vec<&Template> = match &config.operations {
        Operations::Run { run } => vec![run],
        Operations::CreateStart { create, start } => vec![create, start],
    };
    of_start.into_iter().chain([&config.query, &config.kill, &config.delete].into_iter().flatten())
}

/// The program of a command, and those that it executes as far as one can tell: what
/// stands after sudo, and known runtimes after env, unshare and such, or for a shell.
fn programs(template: &Template) -> Vec<String> {
    let (first, rest) = match template.expand(&Values::default()) {
        Command::Shell(_) => {
            let words = template.source().split_whitespace().map(str::to_owned);
            ("/bin/sh".to_owned(), words.collect())
        }
        Command::Exec(words) => {
            let mut words = words.iter().map(|word| word.to_string_lossy().into_owned());
            (words.next().unwrap_or_default(), words.collect::<Vec<_>>())
        }
    };
    let next =
        IN_FRONT.contains(&short(&first)).then(|| rest.iter().find(|it| !it.starts_with('-')));
    let next = next.flatten().cloned();
    let is_program = |word: &String| !word.contains('/') || word.starts_with('/');
    let known = rest.into_iter().filter(|word| is_program(word) && KNOWN.contains(&short(word)));
    [Some(first), next].into_iter().flatten().chain(known).collect()
}

fn examine(name: String, used: bool) -> Program {
    let path = find(name.as_ref()).filter(|path| path.is_file());
    let changeable = path.as_deref().and_then(changeable);
    let version = match &path {
        None => Err("it is not there".into()),
        // Nobody but its owner should make root execute it.
        Some(_) if changeable.is_some() && geteuid().is_root() => {
            Err("not asked, since others could change it".into())
        }
        Some(path) => version(path),
    };
    let package = path.as_deref().filter(|_| short(&name) != "sh").and_then(packages::of);
    Program { name, used, path, changeable, version, package }
}

/// Why others than root could change a file, and the remedy.
pub fn changeable(path: &Path) -> Option<(String, String)> {
    let opened = files::open_regular(path).map_err(TrustError::Io);
    match opened.and_then(|file| trust::check(path, &file, Owner::Root)) {
        Ok(()) => None,
        Err(TrustError::Changeable { path, problem, remedy }) => {
            Some((format!("'{path}' {problem}"), format!("run: {remedy}")))
        }
        Err(TrustError::Io(error)) => Some((
            format!("it cannot be looked at: {}", files::cause(&error)),
            "look at it as root".into(),
        )),
    }
}

/// Programs that are not asked for their version, which is of no interest here: dash,
/// which is /bin/sh in Debian, would take the option for a mistake, and podman makes
/// directories even then.
const UNASKED: [&str; 2] = ["sh", "podman"];

fn version(path: &Path) -> Result<String, String> {
    if UNASKED.contains(&short(&path.to_string_lossy())) {
        return Ok(String::new());
    }
    let answer = ask(path, &["--version"])?;
    let line = answer.first_line().to_owned();
    match Version::find(&line) {
        Some(_) => Ok(line),
        None if line.is_empty() => Err("it says nothing".into()),
        None => Err(line),
    }
}

/// The names of those that oci.conf executes, without directories.
pub fn in_use(programs: &[Program]) -> Vec<String> {
    let used = programs.iter().filter(|program| program.used);
    used.map(|program| program.short_name().to_owned()).collect()
}

/// What it means.
pub fn judge(programs: &[Program]) -> Vec<Finding> {
    if programs.is_empty() {
        return vec![Finding::fail(
            "runtimes",
            format!("none of {} is in {RUNTIME_PATH}", KNOWN.join(", ")),
            "install one, such as: apt-get install crun (Debian, Ubuntu), or: dnf install crun (Fedora, RHEL)",
        )];
    }
    programs.iter().flat_map(judge_one).collect()
}

fn judge_one(program: &Program) -> Vec<Finding> {
    let name = program.name.as_str();
    let Some(path) = &program.path else {
        return vec![Finding::fail(
            name,
            format!("oci.conf executes it, but it is not in {RUNTIME_PATH}"),
            "install it, or correct oci.conf",
        )];
    };
    let mut findings = Vec::new();
    if let Some((problem, remedy)) = &program.changeable {
        let seen = format!("others could change it: {problem}");
        findings.push(match program.used {
            true => Finding::fail(name, seen, remedy.as_str()),
            false => Finding::warn(name, seen, remedy.as_str()),
        });
    }
    match &program.version {
        Ok(version) => findings.push(presence(program, path, version)),
        Err(cause) => findings.push(Finding::warn(
            name,
            format!("'{}' does not tell its version: {cause}", path.display()),
            format!("run: {} --version", path.display()),
        )),
    }
    findings
}

/// That it is there, with the flaws of its version.
fn presence(program: &Program, path: &Path, version: &str) -> Finding {
    let used = if program.used { "" } else { "; not used by oci.conf" };
    let package = program.package.as_ref();
    let package_name = package.map(|package| format!(", package {}", package.name));
    let comma = if version.is_empty() { "" } else { ", " };
    let seen = format!("{version}{comma}{}{}", path.display(), package_name.unwrap_or_default());
    let number = Version::find(version);
    let flaws = number.map(|number| flaws::of(program.short_name(), number)).unwrap_or_default();
    let (mended, open): (Vec<&Flaw>, Vec<&Flaw>) =
        flaws.into_iter().partition(|flaw| package.is_some_and(|package| package.mends(flaw.name)));
    let names: Vec<_> = mended.iter().map(|flaw| flaw.name).collect();
    let names = names.join(", ");
    let mended = if names.is_empty() { names } else { format!(", which mends {names}") };
    let seen = seen + &mended + used;
    match (number, open.as_slice()) {
        (Some(number), [_, ..]) => Finding::warn(
            program.name.as_str(),
            format!("{seen}{}", list(&open)),
            upgrade(program, number, &open),
        ),
        _ => Finding::ok(program.name.as_str(), seen),
    }
}

/// The flaws, a line for each.
fn list(flaws: &[&Flaw]) -> String {
    flaws.iter().map(|flaw| format!("\n{}: {}", flaw.name, flaw.allows)).collect()
}

/// The version that has none of them, or what else there can be.
fn upgrade(program: &Program, number: Version, flaws: &[&Flaw]) -> String {
    let version = flaws.iter().filter_map(|flaw| flaw.next(number)).max();
    let version = version.map_or_else(|| "a newer one".to_owned(), |version| version.to_string());
    let name = program.short_name();
    let but = match &program.package {
        Some(Package { name, changes: Some(_) }) => {
            format!("; the changelog of package {name} names none of these")
        }
        Some(Package { name, changes: None }) => {
            format!(", unless package {name} has the fixes: its changelog is not installed")
        }
        None => ", unless your distribution has put the fixes into this one".to_owned(),
    };
    format!("install {name} {version} or newer{but}")
}

#[cfg(test)]
mod tests;

//! What is wrong with a bundle, or with oci.conf on this machine, told where it stands.
//!
//! [`bundle()`] takes everything in and is what others call. What it makes of the text of
//! a config.json and of [`host::Facts`] is pure: each of the modules below knows the
//! mistakes in one part of the file, and [`mod@pointer`] finds their places. An error is
//! what keeps an ordinary user's task from running with crun or runc, as Debian 12, 13
//! and testing have them; a note tells what the helper does by itself.
#![forbid(unsafe_code)]

mod adapted;
mod finding;
mod hooks;
pub mod host;
mod kernel;
mod mounts;
mod names;
mod namespaces;
pub mod pointer;
mod policy;
mod process;
mod root;
pub mod runtime;
mod shape;
#[cfg(test)]
mod tests;
mod text;

use std::path::Path;

use crate::{
    bundle::{Bundle, read},
    config::Config,
    diagnostic::{Diagnostic, Severity},
    plan::has_other_rights,
};
use finding::{Finding, Findings};
use host::Facts;
pub use runtime::Runtime;

/// The most that is told of one bundle.
const MOST_TOLD: usize = 100;

/// What a bundle is held against.
#[derive(Clone, Debug)]
pub struct Case {
    /// The runtime that will read config.json, as far as it is known.
    pub runtime: Runtime,
    /// It has more rights than the user: nothing is adapted.
    pub privileged: bool,
    /// `NoNewPrivileges`: newuidmap cannot do its work.
    pub no_new_privileges: bool,
    /// This machine and this user.
    pub facts: Facts,
}

/// Everything wrong with the bundle in `dir` for the user who runs this, on this
/// machine, under the site's configuration if there is one.
pub fn bundle(dir: &Path, site: Option<&Config>) -> Vec<Diagnostic> {
    if site.is_some_and(|site| site.ignore_config_json) {
        return vec![ignored(dir)];
    }
    let path = Bundle::config_path(dir);
    let absolute = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    let (text, config) = match text::read(&absolute, &path) {
        Ok(read) => read,
        Err(whole) => return vec![*whole],
    };
    let bundle = read::located(&absolute, config);
    let facts = host::look(&bundle);
    let as_root = facts.user.uid == 0;
    let case = Case {
        runtime: site.map_or(Runtime::Unknown, runtime::of),
        privileged: as_root || site.is_some_and(has_other_rights),
        no_new_privileges: site.is_some_and(|site| site.no_new_privileges),
        facts,
    };
    let mut findings = findings(&bundle, &case);
    if as_root {
        findings
            .note("", "checked for root, who may do what users may not")
            .hint(format!("run: sudo -u USER spank-oci check {}", dir.display()));
    }
    if let Some(site) = site {
        findings.append(policy::findings(&bundle, site));
    }
    placed(&path, &text, findings.into_sorted())
}

/// What is wrong with a config.json that could be read.
fn findings(bundle: &Bundle, case: &Case) -> Findings {
    let config = &bundle.config;
    let mut findings = shape::check(config, case);
    findings.append(names::check(config));
    findings.append(adapted::check(config, case));
    findings.append(root::check(bundle, case));
    findings.append(process::check(config, case));
    findings.append(namespaces::check(config, case));
    findings.append(mounts::check(config, case));
    findings.append(hooks::check(config, case));
    findings.append(kernel::check(config, case));
    findings
}

/// With IgnoreFileConfigJson the bundle is whatever the site's command takes.
fn ignored(dir: &Path) -> Diagnostic {
    let (severity, message) = match dir.exists() {
        true => (Severity::Note, "nothing to check: oci.conf says IgnoreFileConfigJson"),
        false => (Severity::Warning, "there is no such file or directory on this machine"),
    };
    let (file, message) = (dir.to_owned(), message.to_owned());
    Diagnostic { severity, file, place: None, message, hint: None }
}

/// Findings with their places, in the order of the file.
fn placed(path: &Path, text: &str, findings: Vec<Finding>) -> Vec<Diagnostic> {
    let place = |finding: Finding| Diagnostic {
        place: finding.place(text),
        severity: finding.severity,
        file: path.to_owned(),
        message: finding.message,
        hint: finding.hint,
    };
    let mut placed: Vec<_> = findings.into_iter().take(MOST_TOLD).map(place).collect();
    placed.sort_by_key(|told| told.place.as_ref().map(|place| (place.line, place.column)));
    placed
}

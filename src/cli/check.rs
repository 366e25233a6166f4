//! `spank-oci check`: every mistake in the site's oci.conf.
#![forbid(unsafe_code)]

use std::{
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use crate::{
    config::{Diagnostic, Severity},
    site::{self, SiteError},
};

/// Exit status for a configuration that cannot be used.
const UNUSABLE: u8 = 2;

/// Shows what is wrong with a configuration, and returns 0 if it can be used.
pub fn run(path: &Path) -> ExitCode {
    let shown = match site::read(path) {
        Ok(parsed) => show(path, &parsed.warnings).map(|()| ExitCode::SUCCESS),
        Err(SiteError::Mistakes(list)) => show(path, &list).map(|()| ExitCode::from(UNUSABLE)),
        Err(error) => writeln!(io::stdout(), "{error}").map(|()| ExitCode::from(UNUSABLE)),
    };
    shown.unwrap_or(ExitCode::FAILURE)
}

fn show(path: &Path, diagnostics: &[Diagnostic]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for diagnostic in diagnostics {
        writeln!(out, "{diagnostic}\n")?;
    }
    writeln!(out, "{}: {}", path.display(), summary(diagnostics))
}

fn summary(diagnostics: &[Diagnostic]) -> String {
    let count = |severity| diagnostics.iter().filter(|it| it.severity == severity).count();
    let many = |count: usize, noun: &str| match count {
        1 => format!("1 {noun}"),
        count => format!("{count} {noun}s"),
    };
    match (count(Severity::Error), count(Severity::Warning)) {
        (0, 0) => "no mistakes".to_owned(),
        (errors, warnings) => format!("{}, {}", many(errors, "error"), many(warnings, "warning")),
    }
}

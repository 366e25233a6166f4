//! `spank-oci check`: every mistake in the site's oci.conf and in bundles.
#![forbid(unsafe_code)]

mod show;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;

use super::{UNUSABLE, format::Format};
use crate::{
    config::Config,
    diagnostic::{Diagnostic, Severity},
    lint,
    plugin::args::CONFIG,
    site::{self, SiteError},
};

const EXAMPLES: &str = "\
Exit status: 0 without mistakes, 1 if there are warnings and --strict, 2 if there are
errors. Notes tell what spank-oci does by itself, and change nothing.

JSON: an array with an object for each mistake or note: file, severity (error, warning,
note), line and column (from 1; in characters), length, message, hint. What is not
known is null.

Bundles are checked for the user who runs this, and for this machine.

Examples:
  spank-oci check
      the site's configuration
  spank-oci check ~/bundles/*
      the same, and bundles under its rules
  spank-oci check --strict --conf ./oci.conf
      a configuration that is to have no warnings either
  spank-oci check --format json mybundle | jq '.[] | select(.severity == \"error\")'
      for programs";

/// Show every mistake in the site's oci.conf and in bundles
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// The site's configuration [default: /etc/slurm/spank-oci/oci.conf]
    #[arg(long, value_name = "FILE")]
    conf: Option<PathBuf>,
    /// Take warnings for mistakes, too
    #[arg(long)]
    strict: bool,
    /// For people, or for programs
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Bundles, directories with a config.json
    #[arg(value_name = "BUNDLE")]
    bundles: Vec<PathBuf>,
}

/// What was found in one thing that was looked at.
pub struct Report {
    /// The file, or the directory of a bundle.
    path: PathBuf,
    found: Found,
}

enum Found {
    /// All that is to be said about it.
    Diagnostics(Vec<Diagnostic>),
    /// It cannot be read or trusted.
    Unusable(SiteError),
    /// It was not looked at: there is none.
    Absent,
}

impl Found {
    fn worst(&self) -> Option<Severity> {
        match self {
            Self::Diagnostics(list) => list.iter().map(|told| told.severity).max(),
            Self::Unusable(_) => Some(Severity::Error),
            Self::Absent => None,
        }
    }
}

/// Shows what is wrong, and returns how bad it is.
pub fn run(options: &Options) -> ExitCode {
    let (conf, site) = configuration(options);
    let bundles = options.bundles.iter().map(|dir| bundle(dir, site.as_ref()));
    let reports: Vec<_> = [conf].into_iter().chain(bundles).collect();
    let shown = match options.format {
        Format::Text => show::text(&reports),
        Format::Json => show::json(&reports),
    };
    match shown {
        Ok(()) => status(&reports, options.strict),
        Err(_) => ExitCode::FAILURE,
    }
}

fn status(reports: &[Report], strict: bool) -> ExitCode {
    match reports.iter().filter_map(|report| report.found.worst()).max() {
        Some(Severity::Error) => ExitCode::from(UNUSABLE),
        Some(Severity::Warning) if strict => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}

/// What is wrong with oci.conf, and what it says if it can be used.
fn configuration(options: &Options) -> (Report, Option<Config>) {
    let path = options.conf.clone().unwrap_or_else(|| CONFIG.into());
    // Who has a bundle on another machine than the cluster's has no oci.conf.
    let optional = options.conf.is_none() && !options.bundles.is_empty();
    if optional && !path.exists() {
        return (Report { path, found: Found::Absent }, None);
    }
    let (found, site) = match site::read(&path) {
        Ok(mut parsed) => {
            parsed.warnings.extend(lint::runtime::check(&parsed));
            (Found::Diagnostics(parsed.warnings), Some(parsed.config))
        }
        Err(SiteError::Mistakes(list)) => (Found::Diagnostics(list), None),
        Err(error) => (Found::Unusable(error), None),
    };
    (Report { path, found }, site)
}

fn bundle(dir: &Path, site: Option<&Config>) -> Report {
    Report { path: dir.to_owned(), found: Found::Diagnostics(lint::bundle(dir, site)) }
}

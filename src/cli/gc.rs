//! `spank-oci gc`: removes by hand what the end of a job, or slurmd's start, would
//! remove: what is left of steps whose slurmstepd is gone.
#![forbid(unsafe_code)]

use std::{
    env,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use nix::unistd::{Uid, User, geteuid};

use super::fail;
use crate::plugin::{
    args::STATE,
    cleanup::{self, CleanupError},
    state::{self, StepDir, StepName},
};

const EXAMPLES: &str = "\
Examples:
  sudo spank-oci gc --dry-run          what is left on this node
  sudo spank-oci gc                    remove it
  sudo spank-oci gc --state /run/oci   where plugstack.conf says state=/run/oci

Steps that run are left alone. Exit status: 0, or 1 if something could not be removed.";

/// As root: remove what is left of steps that nobody cleaned up after
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// Only tell what there is
    #[arg(long)]
    dry_run: bool,
    /// The directory below which steps have theirs
    #[arg(long, value_name = "DIR", default_value = STATE)]
    state: PathBuf,
}

/// Cleans up below the state directory, or only tells what there is.
pub fn run(options: &Options) -> ExitCode {
    if !geteuid().is_root() {
        return fail("gc needs root, whose directories it looks into; run: sudo spank-oci gc");
    }
    match sweep(&options.state, options.dry_run) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => fail(&error.to_string()),
    }
}

/// Whether nothing is left of abandoned steps, or would be.
fn sweep(base: &Path, dry_run: bool) -> Result<bool, CleanupError> {
    let helper = env::current_exe().unwrap_or_else(|_| PathBuf::from("/usr/bin/spank-oci"));
    let mut out = io::stdout().lock();
    let mut clean = true;
    let mut steps = state::steps(base)?;
    steps.sort();
    if steps.is_empty() {
        let _ = writeln!(out, "no step has anything below '{}'", base.display());
    }
    for name in steps {
        // Whatever is wrong with one, the others are cleaned up.
        let fate = fate(base, name, dry_run, &helper);
        clean &= fate.is_ok();
        let fate = fate.unwrap_or_else(|error| error.to_string());
        let _ = writeln!(out, "step {name}: {fate}");
    }
    Ok(clean)
}

/// What becomes of a step, or would.
fn fate(base: &Path, name: StepName, dry_run: bool, helper: &Path) -> Result<String, CleanupError> {
    let Some(dir) = StepDir::abandoned(base, name)? else {
        return Ok("running, left alone".to_owned());
    };
    let content = content(&dir)?;
    if dry_run {
        return Ok(format!("{content}: would be removed"));
    }
    cleanup::finish(&dir, helper)?;
    Ok(format!("{content}: removed"))
}

/// Whose it is and what is in it, for people.
fn content(dir: &StepDir) -> Result<String, CleanupError> {
    let Some((uid, _)) = dir.owner()? else { return Ok("empty".to_owned()) };
    let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
    let user = user.map_or_else(|| format!("uid {uid}"), |user| user.name);
    Ok(match dir.records()? {
        0 => format!("{user}'s, no container"),
        1 => format!("{user}'s, 1 container"),
        count => format!("{user}'s, {count} containers"),
    })
}

//! `spank-oci cleanup`: what root has done as the owner of a step's directory. The plugin
//! executes it ([`crate::plugin::cleanup`]); nobody else has a use for it.
#![forbid(unsafe_code)]

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use clap::Args;

pub use crate::plugin::cleanup::SUBCOMMAND;
use crate::task;

/// What is left of a step, or of one task of it.
#[derive(Debug, Args)]
pub struct Options {
    /// The step's directory.
    spool: PathBuf,
    /// The record of the one task that has ended.
    #[arg(requires = "slurmstepd")]
    record: Option<OsString>,
    /// The process whose descendants are other tasks.
    slurmstepd: Option<u32>,
}

/// Cleans up.
pub fn run(options: &Options) -> ExitCode {
    let task = options.record.as_deref().zip(options.slurmstepd);
    task::cleanup(&options.spool, task)
}

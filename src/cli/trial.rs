//! `spank-oci trial`: what `spank-oci doctor` has done as a user
//! ([`crate::doctor::trial`]); nobody else has a use for it.
#![forbid(unsafe_code)]

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::Args;

use crate::doctor::trial;
pub use crate::doctor::trial::SUBCOMMAND;

/// Make a user namespace, or run containers.
#[derive(Debug, Args)]
pub struct Options {
    /// The site's configuration, to run containers with.
    conf: Option<PathBuf>,
}

/// Tries it, and tells.
pub fn run(options: &Options) -> ExitCode {
    let told = match &options.conf {
        None => trial::namespaces(),
        Some(conf) => trial::containers(conf),
    };
    match writeln!(io::stdout(), "{told}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

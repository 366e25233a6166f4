//! `spank-oci run`: a task without Slurm, on the node where it is typed.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Args;

use super::container::Container;
use crate::{
    local::{self, Local},
    task,
};

const EXAMPLES: &str = "\
Examples:
  spank-oci run --bundle /images/debian -- ./simulate -v
  spank-oci run --bundle debian -- sh
  spank-oci run --bundle debian --conf ./oci.conf -- cat /etc/os-release

The container has a terminal if standard input and output are one. The exit status is
the command's; 125 if the container could not be started. A configuration must be
root's or your own, and nobody else may be able to change it.";

/// Run a command in a container as a task would, without Slurm
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    #[command(flatten)]
    container: Container,
}

/// Ends as the command does.
pub fn run(options: Options) -> ExitCode {
    let Container { bundle, conf, command } = options.container;
    task::exit_with(local::run(Local { bundle, config: conf, command }))
}

//! The command line of `spank-oci`, for people and for the plugin's cleanup: a file for
//! each subcommand, with its options and what it does.
#![forbid(unsafe_code)]

pub mod assumed;
pub mod bundle;
pub mod check;
pub mod cleanup;
pub mod container;
pub mod doctor;
pub mod explain;
pub mod format;
pub mod gc;
pub mod paint;
pub mod run;
pub mod trial;

use std::{
    ffi::OsString,
    io::{Write, stderr},
    process::ExitCode,
};

use clap::{Parser, Subcommand};

/// Exit status for something that was looked at and cannot be used, as for a command line
/// that cannot be understood (clap's own).
pub const UNUSABLE: u8 = 2;

const ABOUT: &str = "Runs the tasks of Slurm jobs inside OCI containers";
const LONG_ABOUT: &str = "\
Runs the tasks of Slurm jobs inside OCI containers.

slurmstepd executes this program for tasks that ask for a container, such as
    srun --container=BUNDLE command
It needs the spank_oci.so line in plugstack.conf and the site's oci.conf. The
subcommands are for people.";

/// The command line.
#[derive(Debug, Parser)]
#[command(name = "spank-oci", version, about = ABOUT, long_about = LONG_ABOUT)]
#[command(styles = paint::HELP, disable_help_subcommand = true)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Bundle(bundle::Options),
    Check(check::Options),
    Doctor(doctor::Options),
    Explain(explain::Options),
    Run(run::Options),
    Gc(gc::Options),
    #[command(name = cleanup::SUBCOMMAND, hide = true)]
    Cleanup(cleanup::Options),
    #[command(name = trial::SUBCOMMAND, hide = true)]
    Trial(trial::Options),
}

/// Does what the command line says.
pub fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let program = OsString::from("spank-oci");
    match Cli::try_parse_from([program].into_iter().chain(arguments)) {
        Ok(cli) => run(cli.command),
        Err(told) => {
            let _ = told.print();
            ExitCode::from(u8::try_from(told.exit_code()).unwrap_or(UNUSABLE))
        }
    }
}

fn run(command: Command) -> ExitCode {
    match command {
        Command::Bundle(options) => bundle::run(&options),
        Command::Check(options) => check::run(&options),
        Command::Doctor(options) => doctor::run(&options),
        Command::Explain(options) => explain::run(&options),
        Command::Run(options) => run::run(options),
        Command::Gc(options) => gc::run(&options),
        Command::Cleanup(options) => cleanup::run(&options),
        Command::Trial(options) => trial::run(&options),
    }
}

/// Says why a subcommand cannot do what it should.
pub fn fail(message: &str) -> ExitCode {
    let _ = writeln!(stderr(), "spank-oci: {message}");
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_options_fit_together() {
        Cli::command().debug_assert();
    }
}

//! The command line of `spank-oci`, for people and for the plugin's cleanup.
#![forbid(unsafe_code)]

pub mod check;
pub mod log;

use std::{
    ffi::OsString,
    io::{Write, stderr, stdout},
    path::Path,
    process::ExitCode,
};

use crate::{
    plugin::{args::CONFIG, cleanup::SUBCOMMAND},
    task,
};

const HELP: &str = "\
spank-oci: runs the tasks of Slurm jobs inside OCI containers

slurmstepd executes this program for tasks that ask for a container, such as
    srun --container=BUNDLE command
It needs the spank_oci.so line in plugstack.conf and the site's oci.conf.

    spank-oci check [FILE]   every mistake in the site's oci.conf
                             (/etc/slurm/spank-oci/oci.conf)
    spank-oci --help         this text
    spank-oci --version      the release
";
const VERSION: &str = concat!("spank-oci ", env!("CARGO_PKG_VERSION"), "\n");
/// Exit status for a command line that cannot be understood.
const USAGE: u8 = 2;

/// Does what the command line says.
pub fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<_> = arguments.collect();
    match arguments.as_slice() {
        [option] if option == "--help" || option == "-h" => say(HELP),
        [option] if option == "--version" || option == "-V" => say(VERSION),
        [subcommand] if subcommand == "check" => check::run(Path::new(CONFIG)),
        [subcommand, file] if subcommand == "check" => check::run(Path::new(file)),
        [subcommand, spool] if subcommand == SUBCOMMAND => task::cleanup(Path::new(spool), None),
        [subcommand, spool, record] if subcommand == SUBCOMMAND => {
            task::cleanup(Path::new(spool), Some(record))
        }
        _ => {
            let _ = stderr().write_all(b"spank-oci: unknown arguments; see 'spank-oci --help'\n");
            ExitCode::from(USAGE)
        }
    }
}

fn say(text: &str) -> ExitCode {
    match stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

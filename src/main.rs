//! `spank-oci`: the helper that slurmstepd executes around each container task,
//! and the tool for administrators and users.
#![forbid(unsafe_code)]

use std::{env, process::ExitCode};

use spank_oci::{cli, request, task};

fn main() -> ExitCode {
    // The plugin cannot give the helper arguments of its own on every Slurm, so
    // the request alone makes this process a task.
    match env::var_os(request::VARIABLE) {
        Some(request) => task::main(&request),
        None => cli::main(env::args_os().skip(1)),
    }
}

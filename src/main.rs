//! `spank-oci`: the helper that slurmstepd executes around each container task,
//! and the tool for administrators and users.
#![forbid(unsafe_code)]

use std::{env, path::Path, process::ExitCode};

use spank_oci::{plugin::cleanup::SUBCOMMAND, request, task};

fn main() -> ExitCode {
    // The plugin cannot give the helper arguments of its own everywhere, so the
    // request alone makes it a task.
    if let Some(request) = env::var_os(request::VARIABLE) {
        return task::main(&request);
    }
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    match arguments.as_slice() {
        [subcommand, spool] if subcommand == SUBCOMMAND => task::cleanup(Path::new(spool)),
        _ => ExitCode::from(2),
    }
}

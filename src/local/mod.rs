//! A task without Slurm: everything that the helper does for one of slurmstepd's, in a
//! directory of its own in place of the step's, and with this process's terminal.
#![forbid(unsafe_code)]

mod directory;

use std::{
    ffi::OsString,
    io::{self, IsTerminal},
    path::PathBuf,
    process,
};

use nix::unistd::{getpgrp, getuid, tcgetpgrp};

use crate::{
    inputs,
    plan::Inputs,
    request::{Delivery, Forwarding, Request},
    sink, site,
    sys::{children::Ended, fds, signals},
    task::{self, Failure},
};
use directory::Directory;

/// What is to run, and in what.
#[derive(Clone, Debug)]
pub struct Local {
    /// The bundle; a relative path is one below the current directory.
    pub bundle: PathBuf,
    /// The site's oci.conf, or one of the user's own.
    pub config: PathBuf,
    /// The command and its arguments.
    pub command: Vec<OsString>,
}

/// Slurm's jobs begin with 1, so that no job's container has this one's name.
const NO_JOB: u32 = 0;

/// Runs the task, and waits for it. This process has one thread, and all signals are
/// blocked from now on: they are the task's.
///
/// # Errors
/// The container could not be started.
pub fn run(local: Local) -> Result<Ended, Failure> {
    signals::block_all();
    fds::keep_private();
    sink::install("run");
    if getuid().is_root() {
        log::warn!("tasks run as users: what works for root may not work for them");
    }
    let config = site::load(&local.config)?;
    sink::set_verbosity(&config.verbosity);
    let directory = Directory::make(config.disable_cleanup)?;
    let request = request(&local, &directory);
    let environment = inputs::environment();
    let found = inputs::of(request, local.command, environment, &config, inputs::node_name())?;
    let inputs = Inputs {
        terminal: found.terminal.filter(|_| has_terminal()),
        // A script that runs this one is in it, too.
        own_group: false,
        ..found
    };
    let forwarding = forwarding(&inputs);
    task::carry_out(&config, inputs, forwarding)
}

fn request(local: &Local, directory: &Directory) -> Request {
    Request {
        bundle: local.bundle.clone(),
        config: local.config.clone(),
        spool: directory.path().to_owned(),
        job: NO_JOB,
        step: process::id(),
        task: 0,
        delivery: Delivery::Task,
        program: None,
    }
}

/// Whoever signals this process does not signal the runtime, but the terminal's ^C would
/// reach both. Not so on a terminal that the runtime joins with the container's: ^C is no
/// signal there, and it must be the runtime's own.
fn forwarding(inputs: &Inputs) -> Forwarding {
    Forwarding { runtime_apart: inputs.terminal.is_none(), ..inputs.request.forwarding() }
}

/// Whether the user sits at the one terminal that is input and output. The container's
/// terminal would write into a file or a pipe what belongs on a screen only.
fn has_terminal() -> bool {
    let in_front = || tcgetpgrp(io::stdin()).is_ok_and(|group| group == getpgrp());
    io::stdin().is_terminal() && io::stdout().is_terminal() && in_front()
}

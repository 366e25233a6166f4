//! The helper as the task's process: slurmstepd executes it in place of the
//! user's command, as the user, with the task's final environment, limits,
//! descriptors and binding.
#![forbid(unsafe_code)]

use std::{
    env,
    ffi::{OsStr, OsString},
    io::Write,
    path::Path,
    process::ExitCode,
};

use nix::{errno::Errno, sys::prctl::set_no_new_privs};

use crate::{
    bundle::BundleError,
    config::Config,
    explain::Explanation,
    files, inputs,
    plan::{self, Inputs, Plan, PlanError},
    plugin::cleanup::DONE,
    request::{Forwarding, Request, RequestError},
    runtime::{self, RuntimeError, group},
    sink,
    site::{self, SiteError},
    sys::{children::Ended, fds, parent, signals},
};

/// Exit status of a task whose container could not be started.
pub const NOT_STARTED: u8 = 125;

/// Why a task's container could not be started. Nothing of the task has run.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// What the plugin wrote cannot be used.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The site's oci.conf.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// The user's bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The command.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The kernel does not know what the site wants.
    #[error("cannot do what NoNewPrivileges in oci.conf says: {}", .0.desc().to_lowercase())]
    Privileges(#[from] Errno),
    /// Files or the runtime.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
}

/// Runs the task whose request is the value of
/// [`VARIABLE`](crate::request::VARIABLE); the
/// process's own arguments are the user's command.
pub fn main(request: &OsStr) -> ExitCode {
    signals::block_all();
    parent::watch();
    fds::keep_private();
    let node = inputs::node_name();
    sink::install(&format!("{node}: {}", who()));
    exit_with(run(request, node))
}

/// Ends as the task did: with its status, or of the signal it died of.
pub fn exit_with(outcome: Result<Ended, Failure>) -> ExitCode {
    match outcome {
        Ok(Ended::Exited(status)) => ExitCode::from(u8::try_from(status).unwrap_or(u8::MAX)),
        Ok(Ended::Killed(signal)) => {
            signals::die_of(signal);
            ExitCode::from(u8::try_from(128 + signal).unwrap_or(u8::MAX))
        }
        Err(failure) => {
            log::error!("{failure}");
            ExitCode::from(NOT_STARTED)
        }
    }
}

fn run(request: &OsStr, node: String) -> Result<Ended, Failure> {
    let mut request = Request::decode(request)?;
    group::leave(&mut request);
    let config = site::load(&request.config)?;
    sink::set_verbosity(&config.verbosity);
    let forwarding = request.forwarding();
    let command = command(request.program.as_deref());
    let inputs = inputs::of(request, command, inputs::environment(), &config, node)?;
    carry_out(&config, inputs, forwarding)
}

/// Makes the plan, tells what is to be told of it, and does it.
///
/// # Errors
/// The container could not be started.
pub fn carry_out(
    config: &Config,
    inputs: Inputs,
    forwarding: Forwarding,
) -> Result<Ended, Failure> {
    // They may be large, and the plan is made of the very values.
    let explained = log::log_enabled!(log::Level::Debug).then(|| inputs.clone());
    let plan = plan::plan(config, inputs)?;
    tell(&plan, explained);
    if config.no_new_privileges {
        set_no_new_privs()?;
    }
    Ok(runtime::execute(plan, forwarding)?)
}

fn tell(plan: &Plan, explained: Option<Inputs>) {
    for note in &plan.notes {
        log::warn!("{note}");
    }
    for change in &plan.adapted {
        log::info!("bundle: {change}");
    }
    if let Some(inputs) = explained {
        let explanation = Explanation::of(&inputs, plan, inputs.bundle.as_ref());
        explanation.to_string().lines().for_each(|line| log::debug!("{line}"));
    }
}

/// The user's command: after the helper, or with the helper in its program's
/// place.
fn command(program: Option<&OsStr>) -> Vec<OsString> {
    program.map(OsStr::to_owned).into_iter().chain(env::args_os().skip(1)).collect()
}

/// How messages call this task.
fn who() -> String {
    match env::var("SLURM_PROCID") {
        Ok(rank) => format!("task {rank}"),
        Err(_) => "task".to_owned(),
    }
}

/// Cleans up a step's directory, for root's `spank-oci cleanup DIR`, or after one of
/// its tasks, for `spank-oci cleanup DIR RECORD SLURMSTEPD`.
pub fn cleanup(spool: &Path, task: Option<(&OsStr, u32)>) -> ExitCode {
    fds::keep_private();
    sink::install("cleanup");
    let cleaned = match task {
        Some((record, slurmstepd)) => runtime::cleanup::task(&spool.join(record), slurmstepd),
        None => runtime::cleanup::step(spool),
    };
    match cleaned {
        Ok(()) if writeln!(std::io::stdout(), "{DONE}").is_ok() => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(error) => {
            log::error!("cannot clean up '{}': {}", spool.display(), files::cause(&error));
            ExitCode::FAILURE
        }
    }
}

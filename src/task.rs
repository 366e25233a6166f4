//! The helper as the task's process: slurmstepd executes it in place of the
//! user's command, as the user, with the task's final environment, limits,
//! descriptors and binding.
#![forbid(unsafe_code)]

use std::{
    env,
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStringExt,
    path::Path,
    process::ExitCode,
};

use nix::{
    pty::Winsize,
    sys::resource::{Resource, getrlimit},
    unistd::{Uid, User, gethostname, getuid},
};

use crate::{
    bcast,
    bundle::{self, BundleError, edit::WindowSize},
    cli::log as sink,
    config::Config,
    env::Entry,
    plan::{self, Inputs, Plan, PlanError},
    request::{self, Request, RequestError},
    runtime::{self, RuntimeError},
    site::{self, SiteError},
    sys::{children::Ended, fds, parent, signals, terminal},
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
    /// Files or the runtime.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
}

/// Runs the task whose request is the value of [`request::VARIABLE`]; the
/// process's own arguments are the user's command.
pub fn main(request: &OsStr) -> ExitCode {
    signals::block_all();
    parent::watch();
    fds::keep_private();
    let node = node_name();
    sink::install(&format!("{node}: {}", who()));
    match run(request, node) {
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
    let request = Request::decode(request)?;
    let config = site::load(&request.config)?;
    sink::set_verbosity(&config.verbosity);
    let forwarding = request.forwarding();
    let plan = plan::plan(&config, inputs(request, &config, node)?)?;
    tell(&plan);
    Ok(runtime::execute(&plan, forwarding)?)
}

fn tell(plan: &Plan) {
    for note in &plan.notes {
        log::warn!("{note}");
    }
    if log::log_enabled!(log::Level::Debug) {
        plan.to_string().lines().for_each(|line| log::debug!("{line}"));
    }
}

/// Everything the plan needs of this process.
fn inputs(mut request: Request, config: &Config, node: String) -> Result<Inputs, Failure> {
    let work_dir = env::current_dir().unwrap_or_else(|_| "/".into());
    request.bundle = work_dir.join(&request.bundle);
    let bundle = match config.ignore_config_json {
        true => None,
        false => Some(bundle::read::read(&request.bundle)?),
    };
    let mut command = command(request.program.as_deref());
    bcast::complete(&mut command, &request, &node);
    Ok(Inputs {
        bundle,
        command,
        environment: environment(),
        node,
        uid: getuid().as_raw(),
        user: user_name(getuid()),
        work_dir,
        terminal: terminal::size(std::io::stdin()).ok().map(window_size),
        open_files: getrlimit(Resource::RLIMIT_NOFILE).ok(),
        request,
    })
}

fn window_size(size: Winsize) -> WindowSize {
    WindowSize { height: size.ws_row, width: size.ws_col }
}

/// The user's command: after the helper, or with the helper in its program's
/// place.
fn command(program: Option<&OsStr>) -> Vec<OsString> {
    program.map(OsStr::to_owned).into_iter().chain(env::args_os().skip(1)).collect()
}

/// The environment without the request, which is nobody else's business.
fn environment() -> Vec<Entry> {
    let others = env::vars_os().filter(|(name, _)| name != request::VARIABLE);
    others
        .map(|(name, value)| [name.into_vec(), b"=".to_vec(), value.into_vec()].concat())
        .collect()
}

/// Slurm's name of this node; with several slurmds on a host not the host's.
fn node_name() -> String {
    let host = || gethostname().unwrap_or_else(|_| "localhost".into());
    env::var_os("SLURMD_NODENAME").unwrap_or_else(host).to_string_lossy().into_owned()
}

/// How messages call this task.
fn who() -> String {
    match env::var("SLURM_PROCID") {
        Ok(rank) => format!("task {rank}"),
        Err(_) => "task".to_owned(),
    }
}

fn user_name(uid: Uid) -> String {
    User::from_uid(uid).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name)
}

/// Cleans up a step's directory, for root's `spank-oci cleanup DIR [RECORD]`: all
/// of it, or after the one task of the record.
pub fn cleanup(spool: &Path, record: Option<&OsStr>) -> ExitCode {
    // slurmstepd signals all processes below it, this one among them.
    signals::block_all();
    sink::install("cleanup");
    let cleaned = match record {
        Some(record) => runtime::cleanup::task(&spool.join(record)),
        None => runtime::cleanup::step(spool),
    };
    match cleaned {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error!("cannot clean up '{}': {}", spool.display(), crate::files::cause(&error));
            ExitCode::FAILURE
        }
    }
}

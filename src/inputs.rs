//! What a plan needs of the bundle and of this process: the same for a task of
//! slurmstepd's, for `spank-oci run`, and for `spank-oci explain`, which only tells.
#![forbid(unsafe_code)]

use std::{env, ffi::OsString, os::unix::ffi::OsStringExt};

use nix::{
    pty::Winsize,
    sys::resource::{Resource, getrlimit},
    unistd::{Uid, User, getgid, gethostname, getuid},
};

use crate::{
    bcast,
    bundle::{self, Bundle, BundleError, edit::WindowSize, rootless::Rootless, underlay},
    config::Config,
    env::Entry,
    limits,
    plan::Inputs,
    request::{self, Request},
    sys::terminal,
};

/// What was asked for, together with the bundle, the user, the current directory, the
/// limits and the terminal as they are found here.
///
/// # Errors
/// The bundle cannot be used.
pub fn of(
    mut request: Request,
    mut command: Vec<OsString>,
    environment: Vec<Entry>,
    config: &Config,
    node: String,
) -> Result<Inputs, BundleError> {
    let work_dir = env::current_dir().unwrap_or_else(|_| "/".into());
    request.bundle = work_dir.join(&request.bundle);
    let (bundle, notes) = match config.ignore_config_json {
        true => (None, Vec::new()),
        false => {
            allowed(bundle::read::read(&request.bundle)?, config).map(|(b, n)| (Some(b), n))?
        }
    };
    bcast::complete(&mut command, &request, &node);
    Ok(Inputs {
        underlay: bundle.as_ref().and_then(|bundle| underlay::look(&bundle.rootfs)),
        bundle,
        command,
        environment,
        node,
        uid: getuid().as_raw(),
        user: user_name(getuid()),
        work_dir,
        terminal: terminal::size(std::io::stdin()).ok().map(window_size),
        open_files: getrlimit(Resource::RLIMIT_NOFILE).ok(),
        notes,
        rootless: (!getuid().is_root()).then(rootless),
        own_group: true,
        request,
    })
}

/// The bundle as far as the site allows it, and what it does not.
fn allowed(mut bundle: Bundle, config: &Config) -> Result<(Bundle, Vec<String>), BundleError> {
    let notes = bundle::policy::apply(&config.policy, &config.disable_hooks, &mut bundle)?;
    Ok((bundle, notes))
}

/// What binds a runtime that this process starts.
fn rootless() -> Rootless {
    Rootless { uid: getuid().as_raw(), gid: getgid().as_raw(), limits: limits::hard() }
}

/// The size of a terminal's window, in characters.
pub fn window_size(size: Winsize) -> WindowSize {
    WindowSize { height: size.ws_row, width: size.ws_col }
}

/// This process's environment without the request, which is nobody else's business.
pub fn environment() -> Vec<Entry> {
    let others = env::vars_os().filter(|(name, _)| name != request::VARIABLE);
    others
        .map(|(name, value)| [name.into_vec(), b"=".to_vec(), value.into_vec()].concat())
        .collect()
}

/// Slurm's name of this node; with several slurmds on a host not the host's.
pub fn node_name() -> String {
    let host = || gethostname().unwrap_or_else(|_| "localhost".into());
    env::var_os("SLURMD_NODENAME").unwrap_or_else(host).to_string_lossy().into_owned()
}

/// The name of a user, or the number where there is none.
pub fn user_name(uid: Uid) -> String {
    User::from_uid(uid).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name)
}

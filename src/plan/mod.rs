//! Everything that will be done for a task, as a value: computed here without
//! touching anything, carried out by [`crate::runtime`].
//!
//! `places` says where a task's files are, `changes` what is changed in its bundle,
//! `start` and `end` how the container begins and how it ends.
#![forbid(unsafe_code)]

mod changes;
mod end;
mod error;
mod places;
mod start;
#[cfg(test)]
mod tests;

use std::{
    ffi::{CString, OsString},
    path::PathBuf,
};

pub use changes::has_other_rights;
use changes::{edit, own_root};
pub use end::End;
pub use error::PlanError;
use places::{Places, values};
use serde::Serialize;
pub use start::{CreateStart, Detached, ProcessId, Start};

use crate::{
    bundle::{
        Bundle,
        edit::{WindowSize, edited},
        rootless::Rootless,
        underlay::{Look, Underlay},
    },
    config::{Config, EnvExclude, EnvFile},
    env::{self, Entry},
    request::Request,
};

const RESTART_COUNT: &[u8] = b"SLURM_RESTART_COUNT=";

/// What a plan is made of, beside the site's configuration.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// What the plugin asked for; the bundle's path is absolute.
    pub request: Request,
    /// The bundle; `None` where the site ignores config.json.
    pub bundle: Option<Bundle>,
    /// The command and its arguments.
    pub command: Vec<OsString>,
    /// The job's environment, without the request.
    pub environment: Vec<Entry>,
    /// Name of this node.
    pub node: String,
    /// The user's id.
    pub uid: u32,
    /// The user's name.
    pub user: String,
    /// Where the job works, the current directory.
    pub work_dir: PathBuf,
    /// The window size if standard input is a terminal (`srun --pty`).
    pub terminal: Option<WindowSize>,
    /// The task's limit of open files, soft and hard.
    pub open_files: Option<(u64, u64)>,
    /// What the site has left out of the bundle, in words.
    pub notes: Vec<String>,
    /// The user, where the runtime has no more rights than that; `None` for root.
    pub rootless: Option<Rootless>,
    /// Looks whether the root file system can take all mount points, as
    /// [`crate::bundle::underlay::look`] has it.
    pub underlay: Option<Look>,
    /// Whether this process's group has nothing in it but tasks of the step.
    pub own_group: bool,
}

/// What will be done for one task.
#[derive(Debug)]
pub struct Plan {
    /// Directories to make, in this order, private to the user.
    pub dirs: Vec<PathBuf>,
    /// Files to write there, private to the user.
    pub files: Vec<PlannedFile>,
    /// A root of the task's own to make, where the image does not do.
    pub root: Option<(PathBuf, Underlay)>,
    /// Environment of the runtime commands.
    pub runtime_env: Vec<Entry>,
    /// The job has run here before, and may have left a container of the same name.
    pub restarted: bool,
    /// How the container is started.
    pub start: Start,
    /// How it ends.
    pub end: End,
    /// What the user should be told before the start.
    pub notes: Vec<String>,
    /// What of the bundle could not stay, for those who ask.
    pub adapted: Vec<String>,
}

/// A file and its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedFile {
    /// Where.
    pub path: PathBuf,
    /// What.
    pub content: Vec<u8>,
}

/// The plan for a task.
///
/// # Errors
/// Something would have to stand in config.json that is no text, or the site's
/// configuration does not allow for this task.
pub fn plan(config: &Config, mut inputs: Inputs) -> Result<Plan, PlanError> {
    if inputs.command.is_empty() {
        return Err(PlanError::NoCommand);
    }
    let places = Places::of(config, &inputs);
    if places.step.is_relative() {
        return Err(PlanError::ContainerPath(places.step.display().to_string()));
    }
    let bundle_env = inputs.bundle.as_ref().map(Bundle::env).unwrap_or_default();
    let environment =
        env::of_container(&inputs.environment, &bundle_env, excludes(&config.env_exclude));

    let mut files = Vec::new();
    let (mut notes, mut adapted, mut root) = (inputs.notes.clone(), Vec::new(), None);
    if let Some(end) = entry_end(config.env_file) {
        let content = env::file(&environment, end);
        files.push(PlannedFile { path: places.env_file(), content });
    }
    let (values, console) = (values(&inputs, &places), console(&inputs, &places));
    if let Some(bundle) = inputs.bundle.take() {
        let mut edit = edit(config, &inputs, &places, &bundle, environment, &mut notes)?;
        root = own_root(&inputs, &places, &bundle, &mut edit)?;
        let (object, told) = edited(bundle, edit);
        adapted = told;
        let mut content = json(&object)?;
        content.push(b'\n');
        files.push(PlannedFile { path: Bundle::config_path(&places.task), content });
    }

    let start = Start::of(config, &inputs.request, &values, console, &places.pid_file)?;
    Ok(Plan {
        restarted: is_restarted(&inputs.environment),
        dirs: places.dirs(),
        files,
        root,
        runtime_env: env::of_runtime(&inputs.environment, excludes(&config.runtime_env_exclude)),
        end: End::of(config, &inputs, places, values, &start),
        start,
        notes,
        adapted,
    })
}

fn json(config: &impl Serialize) -> Result<Vec<u8>, PlanError> {
    serde_json::to_vec(config).map_err(|error| PlanError::Config(error.to_string()))
}

/// Whether the job was requeued: sbatch(1), SLURM_RESTART_COUNT.
fn is_restarted(environment: &[Entry]) -> bool {
    let count = environment.iter().find_map(|entry| entry.strip_prefix(RESTART_COUNT));
    count.is_some_and(|count| count != b"0")
}

/// What one of the site's regular expressions leaves out of an environment.
fn excludes(expression: &Option<EnvExclude>) -> impl Fn(&[u8]) -> bool {
    move |entry| match (expression, CString::new(entry)) {
        (Some(expression), Ok(entry)) => expression.excludes(&entry),
        _ => false,
    }
}

/// Where a runtime would hand over the container's terminal. Where the site ignores
/// config.json, nothing asks the runtime for a terminal.
fn console(inputs: &Inputs, places: &Places) -> Option<PathBuf> {
    (inputs.terminal.is_some() && inputs.bundle.is_some()).then(|| places.console.clone())
}

fn entry_end(format: EnvFile) -> Option<u8> {
    match format {
        EnvFile::Disabled => None,
        EnvFile::Null => Some(0),
        EnvFile::Newline => Some(b'\n'),
    }
}

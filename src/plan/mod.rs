//! Everything that will be done for a task, as a value: computed here without
//! touching anything, carried out by [`crate::runtime`].
#![forbid(unsafe_code)]

mod error;
mod places;
mod start;
#[cfg(test)]
mod tests;

use std::{
    ffi::{CString, OsStr, OsString},
    iter,
    path::{Path, PathBuf},
};

pub use error::PlanError;
use places::{Places, values};
pub use start::{CreateStart, Detached, Start};

use crate::{
    bundle::{
        Bundle,
        edit::{Edit, WindowSize, edited, mount_points, script_place},
        rootless::Rootless,
        underlay::Underlay,
    },
    config::{Config, EnvExclude, EnvFile, Operations},
    env::{self, Entry},
    request::Request,
    template::{Command, PathTemplate, Pattern, Template, Values},
};

const RESTART_COUNT: &[u8] = b"SLURM_RESTART_COUNT=";

/// Looks what a root file system lacks of some mount points.
pub type Look = fn(&Path, &[&Path]) -> Option<Underlay>;

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
    /// Looks whether the root file system can take all mount points:
    /// [`crate::bundle::underlay::needed`]; `None` where the user can make them.
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

/// What ends a container and removes its traces.
#[derive(Debug)]
pub struct End {
    kill: Option<Template>,
    delete: Option<Template>,
    values: Values,
    /// Where the means to do this are kept while the container lives, for when
    /// this process does not survive it.
    pub record: PathBuf,
    /// Files, and directories with all that is in them, to remove in this order.
    pub remove: Vec<PathBuf>,
    /// A directory shared by the step's tasks, to remove when it is empty.
    pub shared: Option<PathBuf>,
    /// The site wants to look at the generated files (DisableCleanup).
    pub keep_files: bool,
    /// What stands in the command line of the runtime that makes the container, and in
    /// no other's.
    pub runtime_word: Option<PathBuf>,
    /// Whoever finds the record may kill the process group that this process was in.
    pub own_group: bool,
}

impl End {
    /// RunTimeKill, for a container whose runtime process is `pid`; without one,
    /// only a command that does not name it.
    pub fn kill(&self, pid: Option<u32>) -> Option<Command> {
        self.expand(self.kill.as_ref()?, pid)
    }

    /// RunTimeDelete; as [`kill`](Self::kill).
    pub fn delete(&self, pid: Option<u32>) -> Option<Command> {
        self.expand(self.delete.as_ref()?, pid)
    }

    /// Whether one of them names the process.
    pub fn names_process(&self) -> bool {
        [&self.kill, &self.delete].into_iter().flatten().any(|template| template.uses(Pattern::Pid))
    }

    fn expand(&self, template: &Template, pid: Option<u32>) -> Option<Command> {
        if template.uses(Pattern::Pid) && pid.is_none() {
            return None;
        }
        Some(template.expand(&Values { pid, ..self.values.clone() }))
    }
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
        let mut content = serde_json::to_vec(&object).map_err(not_json)?;
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
        end: end(config, &inputs, places, values, &start),
        start,
        notes,
        adapted,
    })
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

fn end(config: &Config, inputs: &Inputs, places: Places, values: Values, start: &Start) -> End {
    End {
        kill: config.kill.clone(),
        delete: config.delete.clone(),
        values,
        record: places.record,
        remove: iter::once(&*places.task).chain(start.files()).map(Path::to_owned).collect(),
        runtime_word: start.word(&places.task).map(Path::to_owned),
        shared: places.shared,
        keep_files: config.disable_cleanup,
        own_group: inputs.own_group,
    }
}

fn entry_end(format: EnvFile) -> Option<u8> {
    match format {
        EnvFile::Disabled => None,
        EnvFile::Null => Some(0),
        EnvFile::Newline => Some(b'\n'),
    }
}

/// What the task's own config.json has that the bundle's has not.
fn edit(
    config: &Config,
    inputs: &Inputs,
    places: &Places,
    bundle: &Bundle,
    environment: Vec<Entry>,
    notes: &mut Vec<String>,
) -> Result<Edit, PlanError> {
    let (env, refused) = env::as_text(environment);
    if !refused.is_empty() {
        notes.push(format!(
            "not valid UTF-8 and so not passed to the container: {}",
            refused.join(", ")
        ));
    }
    let expanded = |template: &Option<PathTemplate>| {
        let path = template.as_ref().map(|template| template.expand(&values(inputs, places)));
        path.map(|path| path_text(&path)).transpose()
    };
    let spool = match expanded(&config.mount_spool_dir)? {
        Some(destination) => Some((path_text(places.step.as_os_str())?, destination)),
        None => None,
    };
    let mounted_spool = spool.as_ref().map(|(_, place)| place.as_str());
    let script = || script_place(&bundle.config, mounted_spool);
    Ok(Edit {
        args: texts(&inputs.command)?,
        env,
        terminal: inputs.terminal,
        script: inputs.request.is_batch().then(script),
        spool,
        disable_hooks: config.disable_hooks.clone(),
        open_files: inputs.open_files,
        underlay: None,
        rootless: inputs.rootless.clone().filter(|_| !has_other_rights(config)),
        cgroups_path: expanded(&config.cgroups_path)?,
    })
}

/// Whether the site's runtime has more rights than the user, so that a bundle made
/// for root is what it wants.
pub fn has_other_rights(config: &Config) -> bool {
    let (Operations::Run { run: template } | Operations::CreateStart { create: template, .. }) =
        &config.operations;
    let program = template.source().split_whitespace().next().unwrap_or_default();
    ["sudo", "doas"].iter().any(|name| Path::new(program).file_name() == Some(name.as_ref()))
}

/// The task's own root, if the image cannot take all mounts.
fn own_root(
    inputs: &Inputs,
    places: &Places,
    bundle: &Bundle,
    edit: &mut Edit,
) -> Result<Option<(PathBuf, Underlay)>, PlanError> {
    let Some(needed) = inputs.underlay else { return Ok(None) };
    let spool = edit.spool.as_ref().map(|(_, place)| place);
    let more: Vec<_> = spool.into_iter().chain(&edit.script).map(String::as_str).collect();
    let mount_points = mount_points(&bundle.config, &more);
    let Some(underlay) = needed(&bundle.rootfs, &mount_points) else { return Ok(None) };
    let root = places.task.join("root");
    let on_host = |place: &Path| bundle.rootfs.join(place.strip_prefix("/").unwrap_or(place));
    let mount = |place: &PathBuf| {
        Ok((path_text(on_host(place).as_os_str())?, path_text(place.as_os_str())?))
    };
    let mounts = underlay.mounts.iter().map(mount).collect::<Result<_, PlanError>>()?;
    edit.underlay = Some((path_text(root.as_os_str())?, mounts));
    Ok(Some((root, underlay)))
}

fn texts(command: &[OsString]) -> Result<Vec<String>, PlanError> {
    let text = |(index, argument): (usize, &OsString)| {
        let shown = || argument.to_string_lossy().into_owned();
        argument
            .to_str()
            .map(str::to_owned)
            .ok_or_else(|| PlanError::Argument { index, shown: shown() })
    };
    command.iter().enumerate().map(text).collect()
}

fn not_json(error: serde_json::Error) -> PlanError {
    PlanError::Config(error.to_string())
}

fn path_text(path: &OsStr) -> Result<String, PlanError> {
    let shown = || PlanError::Path(path.to_string_lossy().into_owned());
    path.to_str().map(str::to_owned).ok_or_else(shown)
}

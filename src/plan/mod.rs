//! Everything that will be done for a task, as a value: computed here without
//! touching anything, carried out by [`crate::runtime`].
#![forbid(unsafe_code)]

mod places;
mod show;
mod start;
#[cfg(test)]
mod tests;

use std::{
    ffi::{CString, OsStr, OsString},
    path::{Path, PathBuf},
};

use places::{Places, values};
pub use start::{CreateStart, Start};

use crate::{
    bundle::{
        Bundle,
        edit::{Edit, WindowSize, edited},
    },
    config::{Config, EnvExclude, EnvFile},
    env::{self, Entry},
    request::Request,
    template::{Command, Pattern, Template, Values},
};

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
}

/// What will be done for one task.
#[derive(Debug)]
pub struct Plan {
    /// Directories to make, in this order, private to the user.
    pub dirs: Vec<PathBuf>,
    /// Files to write there, private to the user.
    pub files: Vec<PlannedFile>,
    /// Environment of the runtime commands.
    pub runtime_env: Vec<Entry>,
    /// How the container is started.
    pub start: Start,
    /// How it ends.
    pub end: End,
    /// What the user should be told before the start.
    pub notes: Vec<String>,
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

/// Why no plan can be made.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Slurm gave no command.
    #[error("there is no command to run")]
    NoCommand,
    /// config.json is text; the bytes of the argument are not.
    #[error("argument {index} '{shown}' is not valid UTF-8, which config.json cannot hold")]
    Argument {
        /// Counted from 0, the command itself.
        index: usize,
        /// The argument, as far as it is text.
        shown: String,
    },
    /// The site's ContainerPath would depend on where the job works.
    #[error("ContainerPath in oci.conf is '{0}', which is not an absolute path")]
    ContainerPath(String),
    /// As above, for a path that must stand in config.json.
    #[error("the path '{0}' is not valid UTF-8, which config.json cannot hold")]
    Path(String),
    /// Text for a shell cannot be added to without knowing what it does.
    #[error(
        "the task has a terminal, but RunTimeCreate in oci.conf needs a shell, so '--console-socket' cannot be put into it: '{0}'; write it without shell syntax, or use RunTimeRun"
    )]
    ConsoleShell(String),
    /// There is no place for the option.
    #[error(
        "the task has a terminal, but RunTimeCreate in oci.conf has no word 'create' that '--console-socket' could follow: '{0}'; write the operation as 'create', or use RunTimeRun"
    )]
    ConsoleWord(String),
    /// The system would refuse the socket.
    #[error(
        "the task has a terminal, but the path of its socket has {length} bytes, more than the {longest} that the system allows: '{path}'; choose a shorter state= in plugstack.conf"
    )]
    ConsolePath {
        /// The path.
        path: String,
        /// Its length.
        length: usize,
        /// The longest there can be.
        longest: usize,
    },
}

/// The plan for a task.
///
/// # Errors
/// Something would have to stand in config.json that is no text, or the site's
/// configuration does not allow for this task.
pub fn plan(config: &Config, inputs: Inputs) -> Result<Plan, PlanError> {
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
    let mut notes = Vec::new();
    if let Some(end) = entry_end(config.env_file) {
        let content = env::file(&environment, end);
        files.push(PlannedFile { path: places.env_file(), content });
    }
    if let Some(bundle) = &inputs.bundle {
        let content = config_json(config, &inputs, &places, bundle, environment, &mut notes)?;
        files.push(PlannedFile { path: Bundle::config_path(&places.task), content });
    }

    let values = values(&inputs, &places);
    let start = Start::of(config, &values, console(&inputs, &places))?;
    Ok(Plan {
        dirs: places.dirs(),
        files,
        runtime_env: env::of_runtime(&inputs.environment, excludes(&config.runtime_env_exclude)),
        end: end(config, places, values, &start),
        start,
        notes,
    })
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

fn end(config: &Config, places: Places, values: Values, start: &Start) -> End {
    End {
        kill: config.kill.clone(),
        delete: config.delete.clone(),
        values,
        record: places.record,
        remove: [places.task].into_iter().chain(start.console().map(Path::to_owned)).collect(),
        shared: places.shared,
        keep_files: config.disable_cleanup,
    }
}

fn entry_end(format: EnvFile) -> Option<u8> {
    match format {
        EnvFile::Disabled => None,
        EnvFile::Null => Some(0),
        EnvFile::Newline => Some(b'\n'),
    }
}

/// The text of the task's own config.json.
fn config_json(
    config: &Config,
    inputs: &Inputs,
    places: &Places,
    bundle: &Bundle,
    environment: Vec<Entry>,
    notes: &mut Vec<String>,
) -> Result<Vec<u8>, PlanError> {
    let (env, refused) = env::as_text(environment);
    if !refused.is_empty() {
        notes.push(format!(
            "not valid UTF-8 and so not passed to the container: {}",
            refused.join(", ")
        ));
    }
    let spool = match &config.mount_spool_dir {
        Some(template) => {
            let destination = template.expand(&values(inputs, places));
            Some((path_text(places.step.as_os_str())?, path_text(&destination)?))
        }
        None => None,
    };
    let edit = Edit {
        args: texts(&inputs.command)?,
        env,
        terminal: inputs.terminal,
        batch: inputs.request.is_batch(),
        spool,
        disable_hooks: config.disable_hooks.clone(),
        open_files: inputs.open_files,
    };
    let mut text = serde_json::Value::Object(edited(bundle, edit)).to_string().into_bytes();
    text.push(b'\n');
    Ok(text)
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

fn path_text(path: &OsStr) -> Result<String, PlanError> {
    let shown = || PlanError::Path(path.to_string_lossy().into_owned());
    path.to_str().map(str::to_owned).ok_or_else(shown)
}

//! What will be done for a task and why, in words and values that people and programs
//! can read: a plan, held against the bundle and the job it was made of. The helper
//! logs it where the site wants to know, `spank-oci explain` shows it.
//!
//! What is no text is shown as far as it is one.
#![forbid(unsafe_code)]

mod changes;
mod commands;
mod environment;
mod text;

use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use crate::{
    bundle::Bundle,
    plan::{Inputs, Plan, PlannedFile},
};
pub use changes::Change;
pub use commands::Operation;
pub use environment::Difference;
pub use text::{Line, Mark};

/// Everything about one task.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// The site's oci.conf.
    pub configuration: String,
    /// The user's bundle.
    pub bundle: String,
    /// Who and where the task is.
    pub task: Task,
    /// Variables that Slurm would set and that were not there: `NAME=value`.
    pub assumed: Vec<String>,
    /// What the user is told before the start.
    pub notes: Vec<String>,
    /// What of the bundle cannot stay, and why.
    pub adapted: Vec<String>,
    /// Directories that are made.
    pub directories: Vec<String>,
    /// A root of the task's own, where the image does not do.
    pub root: Option<Root>,
    /// Files that are written.
    pub files: Vec<File>,
    /// What the task's config.json has that the bundle's has not, and the other way round.
    pub config_json: Vec<Change>,
    /// The container's mounts in their order, as in config.json.
    pub mounts: Vec<Value>,
    /// The container's environment against the job's; `None` where the runtime alone
    /// decides on it.
    pub container_environment: Option<Difference>,
    /// The environment of the runtime commands against the job's.
    pub runtime_environment: Difference,
    /// The runtime commands in the order in which they are executed.
    pub commands: Vec<Operation>,
    /// What is removed at the end.
    pub cleanup: Cleanup,
}

/// Who and where a task is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Task {
    /// The command and its arguments.
    pub command: Vec<String>,
    /// Job id.
    pub job: u32,
    /// Step id, as `%s` has it.
    pub step: u32,
    /// Rank of the task on its node.
    pub rank: u32,
    /// Whether it is a batch script.
    pub batch: bool,
    /// The node.
    pub node: String,
    /// The user's name.
    pub user: String,
    /// The user's id.
    pub uid: u32,
    /// The current directory.
    pub work_dir: String,
    /// The task's terminal.
    pub terminal: Option<Terminal>,
}

/// The size of a terminal's window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Terminal {
    /// In characters.
    pub rows: u16,
    /// In characters.
    pub columns: u16,
}

/// A root of the task's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Root {
    /// Where it is.
    pub path: String,
    /// Directories that are made in it.
    pub directories: Vec<String>,
    /// Symbolic links, and what they say.
    pub links: Vec<(String, String)>,
}

/// A file that is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct File {
    /// Where.
    pub path: String,
    /// All of it.
    pub content: String,
}

/// What is removed at the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cleanup {
    /// How to clean up stands here while the container lives.
    pub record: String,
    /// Files, and directories with all that is in them.
    pub remove: Vec<String>,
    /// A directory shared by the step's tasks.
    pub remove_when_empty: Option<String>,
    /// The site keeps the files (DisableCleanup).
    pub keep_files: bool,
}

impl Explanation {
    /// Explains a plan by what it was made of. `original` is the bundle before the site
    /// left something out of it.
    pub fn of(inputs: &Inputs, plan: &Plan, original: Option<&Bundle>) -> Self {
        let config = written_config(plan);
        let of_bundle = original.map(|bundle| Value::Object(bundle.config.clone()));
        let changes = of_bundle.zip(config.as_ref());
        Self {
            configuration: shown(&inputs.request.config),
            bundle: shown(&inputs.request.bundle),
            task: Task::of(inputs),
            assumed: Vec::new(),
            notes: plan.notes.clone(),
            adapted: plan.adapted.clone(),
            directories: plan.dirs.iter().map(shown).collect(),
            root: plan.root.as_ref().map(|(path, underlay)| Root {
                path: shown(path),
                directories: underlay.directories.iter().map(shown).collect(),
                links: underlay.links.iter().map(|(at, to)| (shown(at), shown(to))).collect(),
            }),
            files: plan.files.iter().map(File::of).collect(),
            config_json: changes.map(|(old, new)| changes::between(&old, new)).unwrap_or_default(),
            mounts: config.as_ref().map(mounts).unwrap_or_default(),
            container_environment: environment::written(plan, config.as_ref())
                .map(|entries| Difference::between(&inputs.environment, &entries)),
            runtime_environment: Difference::between(&inputs.environment, &plan.runtime_env),
            commands: commands::of(plan),
            cleanup: Cleanup {
                record: shown(&plan.end.record),
                remove: plan.end.remove.iter().map(shown).collect(),
                remove_when_empty: plan.end.shared.as_ref().map(shown),
                keep_files: plan.end.keep_files,
            },
        }
    }
}

impl Task {
    fn of(inputs: &Inputs) -> Self {
        let request = &inputs.request;
        Self {
            command: inputs.command.iter().map(|word| word.to_string_lossy().into()).collect(),
            job: request.job,
            step: request.step,
            rank: request.task,
            batch: request.is_batch(),
            node: inputs.node.clone(),
            user: inputs.user.clone(),
            uid: inputs.uid,
            work_dir: shown(&inputs.work_dir),
            terminal: inputs
                .terminal
                .map(|size| Terminal { rows: size.height, columns: size.width }),
        }
    }
}

impl File {
    fn of(file: &PlannedFile) -> Self {
        let content = String::from_utf8_lossy(&file.content).into_owned();
        Self { path: shown(&file.path), content }
    }
}

/// The task's config.json, if there is one.
fn written_config(plan: &Plan) -> Option<Value> {
    let mut files = plan.files.iter();
    let file = files.find(|file| file.path.file_name() == Some("config.json".as_ref()))?;
    serde_json::from_slice(&file.content).ok()
}

fn mounts(config: &Value) -> Vec<Value> {
    config.get("mounts").and_then(Value::as_array).cloned().unwrap_or_default()
}

fn shown(path: impl AsRef<Path>) -> String {
    path.as_ref().display().to_string()
}

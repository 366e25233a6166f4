//! How the container ends, and what is removed after it.
#![forbid(unsafe_code)]

use std::{
    iter,
    path::{Path, PathBuf},
};

use super::{Inputs, Start, places::Places};
use crate::{
    config::Config,
    template::{Command, Pattern, Template, Values},
};

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
    /// What the site's operations are for this task.
    pub(super) fn of(
        config: &Config,
        inputs: &Inputs,
        places: Places,
        values: Values,
        start: &Start,
    ) -> Self {
        Self {
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

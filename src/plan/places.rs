//! Where a task's files are, and what the patterns stand for.
#![forbid(unsafe_code)]

use std::path::PathBuf;

use super::Inputs;
use crate::{
    config::Config,
    request::{Request, record_name},
    slurm::{BATCH_STEP, INTERACTIVE_STEP},
    template::Values,
};

/// Where a task's files are.
pub(super) struct Places {
    /// The step's directory, `%m`.
    pub(super) step: PathBuf,
    /// Whether the site wants it elsewhere than in the spool (ContainerPath).
    pub(super) shared: Option<PathBuf>,
    /// The task's directory below it, with its config.json.
    pub(super) task: PathBuf,
    /// The record of how to clean up, always in the spool, where root looks.
    pub(super) record: PathBuf,
    /// The socket for the container's terminal; in the spool, whose path is short.
    pub(super) console: PathBuf,
    /// Where RunTimeRun leaves the number of the container's first process; in the
    /// spool, whose path no other task has.
    pub(super) pid_file: PathBuf,
}

impl Places {
    pub(super) fn of(config: &Config, inputs: &Inputs) -> Self {
        let Request { spool, task, .. } = &inputs.request;
        let mut places = Self {
            step: spool.clone(),
            shared: None,
            task: spool.join(format!("task-{task}")),
            record: spool.join(record_name(*task)),
            console: spool.join(format!("task-{task}.console")),
            pid_file: spool.join(format!("task-{task}.pid")),
        };
        if let Some(container_path) = &config.container_path {
            let parent = PathBuf::from(container_path.expand(&values(inputs, &places)));
            places.step = parent.join(step_name(&inputs.request));
            places.task = places.step.join(format!("task-{task}"));
            places.shared = Some(places.step.clone());
        }
        places
    }

    pub(super) fn env_file(&self) -> PathBuf {
        self.task.join("environment")
    }

    pub(super) fn dirs(&self) -> Vec<PathBuf> {
        self.shared.iter().chain([&self.task]).cloned().collect()
    }
}

/// The name of a step's directory below ContainerPath, as Slurm 26.05 spells it.
fn step_name(request: &Request) -> String {
    match request.step {
        INTERACTIVE_STEP => format!("oci-job{}-interactive", request.job),
        BATCH_STEP => format!("oci-job{}-batch", request.job),
        step => format!("oci-job{}-{step}", request.job),
    }
}

pub(super) fn values(inputs: &Inputs, places: &Places) -> Values {
    let Inputs { request, bundle, .. } = inputs;
    let rootfs = bundle.as_ref().map_or(&request.bundle, |bundle| &bundle.rootfs).clone();
    Values {
        args: inputs.command.clone(),
        bundle: if bundle.is_some() { &places.task } else { &request.bundle }.into(),
        env_file: places.env_file().into(),
        job_id: request.job,
        spool_dir: places.step.clone().into(),
        node: inputs.node.clone().into(),
        pid: None,
        rootfs: rootfs.into(),
        step_id: request.step,
        task_id: request.task,
        user: inputs.user.clone().into(),
        uid: inputs.uid,
        work_dir: inputs.work_dir.clone().into(),
    }
}

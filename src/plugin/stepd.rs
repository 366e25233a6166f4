//! slurmstepd: one step of a job on one node.
//!
//! As root, before the tasks: is a container asked for, and the step's directory.
//! As the user, in each task: the helper in front of the command, the only place
//! where failing costs the task and nothing else. As root, after the tasks: the
//! directory goes.
#![forbid(unsafe_code)]

use std::{
    ffi::{CString, OsString},
    os::unix::ffi::OsStrExt,
    path::PathBuf,
};

use nix::unistd::{AccessFlags, access};
use once_cell::sync::OnceCell;

use super::{
    Refusal,
    args::Args,
    cleanup,
    client::{BATCH_MARKER, CONTAINER, MARKER, OPTIONS},
    component,
    host::{Front, Host, StepIds},
    marker::Marker,
    multi_prog::{self, Kind},
    state::{StepDir, StepName},
};
use crate::{
    request::{self, Delivery, Request},
    slurm::{BATCH_STEP, EXTERN_STEP},
    sys::loaded,
};

/// A step that runs in a container.
struct Step {
    args: Args,
    ids: StepIds,
    bundle: PathBuf,
    /// The client has the plugin.
    marked: bool,
    delivery: Delivery,
    dir: StepDir,
}

/// What `init_post_opt` found. slurmstepd lives for one step; the tasks it forks
/// see the value as it was at the fork.
static STEP: OnceCell<Option<Result<Step, Refusal>>> = OnceCell::new();

/// Prepares the step, as root. A failure is kept for the tasks to report: here
/// it would drain the node.
pub fn prepare_step(host: &impl Host, words: &[OsString]) {
    STEP.get_or_init(|| {
        let marker = asked_for(host);
        let marked = host.variable(MARKER).is_some();
        [MARKER, BATCH_MARKER].iter().chain(&OPTIONS).for_each(|name| host.unset_variable(name));
        let bundle = bundle_of(host, marker?).transpose()?;
        let step = bundle.and_then(|bundle| Step::prepare(host, words, bundle, marked));
        if let Err(refusal) = &step {
            log::error!("{refusal}");
        }
        Some(step)
    });
}

/// Puts the helper in front of the task this process becomes, as the user.
///
/// # Errors
/// The task cannot be taken into its container, and must not run outside of it.
pub fn take_task(host: &impl Host) -> Result<(), Refusal> {
    match STEP.get() {
        None => Err(Refusal::Unprepared),
        Some(None) => Ok(()),
        Some(Some(Err(refusal))) => Err(refusal.clone()),
        Some(Some(Ok(step))) => step.take_task(host),
    }
}

/// Ends the container of a task that has ended without doing so, as root.
pub fn finish_task(host: &impl Host) {
    let Some(Some(Ok(step))) = STEP.get() else { return };
    let Ok(task) = host.local_task() else { return };
    if let Err(error) = cleanup::after_task(&step.dir, &step.args.helper, task) {
        // slurmstepd may have killed the helper among the task's processes; the
        // end of the step tries again, and that is when an error would be told.
        log::debug!("{error}");
    }
}

/// Removes the step's directory, as root, after all tasks have ended.
pub fn finish_step() {
    let Some(Some(Ok(step))) = STEP.get() else { return };
    if let Err(error) = cleanup::finish(&step.dir, &step.args.helper) {
        log::error!("{error}");
    }
}

/// What was asked for, for this step. A client without the plugin leaves no
/// marker; a container it asked for must not turn into a run on the host.
fn asked_for(host: &impl Host) -> Option<Marker> {
    if host.ids().is_ok_and(|ids| ids.step == EXTERN_STEP) {
        return None;
    }
    let is_batch = host.ids().is_ok_and(|ids| ids.step == BATCH_STEP);
    let of_batch = || host.variable(BATCH_MARKER).filter(|_| is_batch);
    let of_other_client = || Some(Marker::One(host.variable(CONTAINER)?.into()));
    let marker = host.variable(MARKER).or_else(of_batch);
    marker.map(|value| Marker::decode(&value)).or_else(of_other_client)
}

/// The bundle for this component of the step, if it is to run in one.
fn bundle_of(host: &impl Host, marker: Marker) -> Result<Option<PathBuf>, Refusal> {
    match marker {
        Marker::One(bundle) => Ok(Some(bundle)),
        Marker::PerComponent(bundles) => {
            let component = component::number(host, host.job_id()?);
            let bundle = component.and_then(|number| bundles.into_iter().nth(number));
            bundle.ok_or(Refusal::Component)
        }
    }
}

impl Step {
    fn prepare(
        host: &impl Host,
        words: &[OsString],
        bundle: PathBuf,
        marked: bool,
    ) -> Result<Self, Refusal> {
        let args = Args::parse(words)?;
        let ids = host.ids()?;
        let component = component::number(host, ids.job).and_then(|number| number.try_into().ok());
        let StepIds { job, step, node_rank, .. } = ids;
        let name = StepName { job, step, node_rank, component: component.unwrap_or(0) };
        cleanup::make_way(&args, name);
        let dir = StepDir::create(&args.state, name, ids.uid, ids.gid)?;
        Ok(Self { args, ids, bundle, marked, delivery: delivery(), dir })
    }

    fn take_task(&self, host: &impl Host) -> Result<(), Refusal> {
        let helper = self.helper()?;
        let (task, command) = (host.local_task()?, host.command()?);
        let request = |program| Request {
            bundle: self.bundle.clone(),
            config: self.args.config.clone(),
            spool: self.dir.spool(),
            job: self.ids.job,
            step: self.ids.step,
            task,
            delivery: self.delivery,
            program,
        };
        let path = host.variable("PATH").unwrap_or_default();
        let path = self.may_look_like_a_list().then_some(path.as_os_str());
        let kind = multi_prog::kind(&command, &self.args.helper, path);
        // Even before a list of srun's making, where it has no effect: should this
        // be a command that only reads like one, it does not run on the host.
        let program = match (host.put_in_front(&helper)?, kind) {
            (Front::Prepended, Kind::TakenList) => return Err(Refusal::OlderSrun),
            (Front::Replaced, Kind::List) => {
                return Err(Refusal::MultiProg { helper: self.args.helper.display().to_string() });
            }
            (Front::Prepended, _) | (Front::Replaced, Kind::TakenList) => None,
            (Front::Replaced, Kind::Command) => command.into_iter().next(),
        };
        host.set_variable(request::VARIABLE, &request(program).encode())?;
        Ok(())
    }

    /// Whether the command may be one that only reads like a program list. srun
    /// with the plugin sends no list without the helper; another srun does.
    fn may_look_like_a_list(&self) -> bool {
        self.marked || self.ids.step == BATCH_STEP
    }

    /// The helper, known to be there and executable for the user.
    fn helper(&self) -> Result<CString, Refusal> {
        let path = &self.args.helper;
        let refusal = |cause: String| Refusal::Helper { helper: path.display().to_string(), cause };
        access(path, AccessFlags::X_OK).map_err(|errno| refusal(errno.desc().to_lowercase()))?;
        CString::new(path.as_os_str().as_bytes()).map_err(|error| refusal(error.to_string()))
    }
}

/// slurmstepd has loaded the site's proctrack plugin by the time it asks us.
fn delivery() -> Delivery {
    match () {
        () if loaded::library("proctrack_cgroup.so") => Delivery::Task,
        () if loaded::library("proctrack_pgid.so") => Delivery::Group,
        () => Delivery::Everyone,
    }
}

#[cfg(test)]
mod tests;

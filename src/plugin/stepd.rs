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
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
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
    marker::{Asked, Marker},
    multi_prog::{self, Kind},
    state::{StepDir, StepName},
};
use crate::{
    files,
    request::{self, Delivery, Request},
    slurm::{BATCH_STEP, EXTERN_STEP},
    sys::loaded,
    trust::{self, TrustError},
};

/// Slurm's variable: the job's partition (srun(1), sbatch(1), from 20.11 on). A user who
/// changes it chooses among what the site has for partitions, no more.
const PARTITION: &str = "SLURM_JOB_PARTITION";

/// How long the cleanups after the tasks of a step may take together: slurmstepd waits
/// for each, and after `UnkillableStepTimeout` (60 s) the node would be drained. What they
/// do not get to is done at the end of the step.
const PATIENCE: Duration = Duration::from_secs(15);

/// A step that runs in a container.
struct Step {
    args: Args,
    /// The site's oci.conf for it.
    config: PathBuf,
    ids: StepIds,
    bundle: PathBuf,
    /// The client has the plugin.
    marked: bool,
    delivery: Delivery,
    dir: StepDir,
    /// How long the cleanups after its tasks have taken.
    taken: Mutex<Duration>,
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
        let asked = container_of(host, marker?).transpose()?;
        let step = asked.and_then(|asked| Step::prepare(host, words, asked, marked));
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
    let mut taken = step.taken.lock().unwrap_or_else(PoisonError::into_inner);
    let left = PATIENCE.saturating_sub(*taken);
    let begin = Instant::now();
    if let Err(error) = cleanup::after_task(&step.dir, &step.args.helper, task, left) {
        // slurmstepd may have killed the helper among the task's processes; the
        // end of the step tries again, and that is when an error would be told.
        log::debug!("{error}");
    }
    *taken += begin.elapsed();
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

/// The container for this component of the step, if it is to run in one.
fn container_of(host: &impl Host, marker: Marker) -> Result<Option<Asked>, Refusal> {
    match marker {
        Marker::One(asked) => Ok(Some(asked)),
        Marker::PerComponent(components) => {
            let component = component::number(host, host.job_id()?);
            let asked = component.and_then(|number| components.into_iter().nth(number));
            asked.ok_or(Refusal::Component)
        }
    }
}

impl Step {
    fn prepare(
        host: &impl Host,
        words: &[OsString],
        asked: Asked,
        marked: bool,
    ) -> Result<Self, Refusal> {
        let args = Args::parse(words)?;
        let partition = host.variable(PARTITION);
        let config = args.config_for(asked.runtime.as_deref(), partition.as_deref())?.to_owned();
        trusted(&args.helper)?;
        let ids = host.ids()?;
        let component = component::number(host, ids.job).and_then(|number| number.try_into().ok());
        let StepIds { job, step, node_rank, .. } = ids;
        let name = StepName { job, step, node_rank, component: component.unwrap_or(0) };
        cleanup::make_way(&args, name);
        let dir = StepDir::create(&args.state, name, ids.uid, ids.gid)?;
        let bundle = asked.bundle;
        let taken = Mutex::default();
        Ok(Self { args, config, ids, bundle, marked, delivery: delivery(), dir, taken })
    }

    fn take_task(&self, host: &impl Host) -> Result<(), Refusal> {
        let helper = self.helper()?;
        let (task, command) = (host.local_task()?, host.command()?);
        let request = |program| Request {
            bundle: self.bundle.clone(),
            config: self.config.clone(),
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
        access(path, AccessFlags::X_OK).map_err(|errno| refusal(files::cause(&errno.into())))?;
        CString::new(path.as_os_str().as_bytes()).map_err(|error| refusal(error.to_string()))
    }
}

/// The helper is nobody's but root's, who executes it too. One that is missing, or out of
/// root's reach, is the task's to tell.
fn trusted(helper: &Path) -> Result<(), Refusal> {
    match trust::check_program(helper) {
        Err(error @ TrustError::Changeable { .. }) => {
            Err(Refusal::Distrusted { cause: error.to_string() })
        }
        Ok(()) | Err(TrustError::Io(_)) => Ok(()),
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

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
    if loaded::library("proctrack_cgroup.so") { Delivery::Task } else { Delivery::Everyone }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::{fake::FakeHost, host::Context};

    fn stepd(variables: &[(&str, &str)]) -> FakeHost {
        FakeHost::new(Context::Stepd).with_variables(variables)
    }

    fn prepared(host: &FakeHost, state: &tempfile::TempDir, helper: &str) -> Step {
        let words = [
            OsString::from(format!("state={}", state.path().join("base").display())),
            OsString::from(format!("helper={helper}")),
        ];
        Step::prepare(host, &words, "/images/a".into(), true).unwrap()
    }

    fn request(host: &FakeHost) -> Request {
        Request::decode(&host.variable(request::VARIABLE).unwrap()).unwrap()
    }

    #[test]
    fn a_marked_step_asks_for_its_bundle() {
        let host = stepd(&[(MARKER, "/images/a"), (CONTAINER, "a")]);
        assert_eq!(asked_for(&host), Some(Marker::One("/images/a".into())));
    }

    #[test]
    fn a_request_of_a_client_without_the_plugin_counts() {
        let host = stepd(&[(CONTAINER, "/images/b")]);
        assert_eq!(asked_for(&host), Some(Marker::One("/images/b".into())));
    }

    #[test]
    fn only_the_batch_script_heeds_the_marker_that_reaches_every_step() {
        let mut host = stepd(&[(BATCH_MARKER, "/images/a")]);
        assert_eq!(asked_for(&host), None);
        host.step = BATCH_STEP;
        assert_eq!(asked_for(&host), Some(Marker::One("/images/a".into())));
    }

    #[test]
    fn other_steps_ask_for_nothing() {
        assert_eq!(asked_for(&stepd(&[("PATH", "/bin")])), None);
        let mut host = stepd(&[(MARKER, "/images/a")]);
        host.step = EXTERN_STEP;
        assert_eq!(asked_for(&host), None);
    }

    #[test]
    fn each_component_runs_in_its_own_bundle_or_is_told_why_not() {
        let marker = || Marker::PerComponent(vec![Some("/a".into()), None]);
        let bundle = |title: &str| {
            let mut host = stepd(&[]);
            host.command_line = vec![title.into()];
            bundle_of(&host, marker()).map_err(|refusal| refusal.to_string())
        };
        assert_eq!(bundle("slurmstepd: [7.0+0]"), Ok(Some("/a".into())));
        assert_eq!(bundle("slurmstepd: [7.0+1]"), Ok(None));
        for unknown in ["slurmstepd: [7.0+2]", "slurmstepd: [7.0]"] {
            assert_eq!(
                bundle(unknown),
                Err("the components of this step ask for different containers, and this Slurm does not tell which of them this is; start one srun for each".to_owned())
            );
        }
    }

    #[test]
    fn the_helper_learns_what_was_asked() {
        let state = tempfile::tempdir().unwrap();
        let host = stepd(&[]);
        prepared(&host, &state, "/bin/true").take_task(&host).unwrap();
        let expected = Request {
            bundle: "/images/a".into(),
            config: "/etc/slurm/spank-oci/oci.conf".into(),
            spool: state.path().join("base/7.0.1/spool"),
            job: 7,
            step: 0,
            task: 3,
            delivery: Delivery::Everyone,
            program: None,
        };
        assert_eq!(request(&host), expected);
    }

    #[test]
    fn a_replaced_program_travels_in_the_request() {
        let state = tempfile::tempdir().unwrap();
        let mut host = stepd(&[]);
        host.front = Front::Replaced;
        prepared(&host, &state, "/bin/true").take_task(&host).unwrap();
        assert_eq!(request(&host).program, Some("echo".into()));
    }

    #[test]
    fn a_program_list_that_would_be_executed_on_the_host_is_refused() {
        let state = tempfile::tempdir().unwrap();
        let mut host = stepd(&[]);
        host.front = Front::Replaced;
        host.command.replace(vec!["/not/here/list".into(), "0 echo a\n1 echo b\n".into()]);
        let refusal = prepared(&host, &state, "/bin/true").take_task(&host).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "--multi-prog: srun has not put the helper '/bin/true' before each program; its plugstack.conf must name this plugin with the same helper=, or Slurm must be 23.11 or newer"
        );
    }

    #[test]
    fn a_program_list_with_the_helper_before_each_program_is_taken() {
        let state = tempfile::tempdir().unwrap();
        let mut host = stepd(&[]);
        host.command.replace(vec!["list".into(), "0 /bin/true a\n1 /bin/true b\n".into()]);
        host.front = Front::Replaced;
        prepared(&host, &state, "/bin/true").take_task(&host).unwrap();
        assert_eq!(request(&host).program, None);
    }

    #[test]
    fn a_program_list_that_both_sides_put_the_helper_in_is_refused() {
        let state = tempfile::tempdir().unwrap();
        let host = stepd(&[]);
        host.command.replace(vec!["list".into(), "* /bin/true a\n".into()]);
        let refusal = prepared(&host, &state, "/bin/true").take_task(&host).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "--multi-prog together with a container needs an srun of Slurm 23.11 or newer, as on this node"
        );
    }

    #[test]
    fn a_helper_that_cannot_be_executed_is_named_and_nothing_is_put_in_front() {
        let state = tempfile::tempdir().unwrap();
        let host = stepd(&[]);
        let refusal = prepared(&host, &state, "/missing/helper").take_task(&host).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "cannot execute the helper '/missing/helper': no such file or directory; install it, or name it with helper= in plugstack.conf"
        );
        assert!(!host.helped.get());
    }

    #[test]
    fn what_an_earlier_life_of_the_step_left_empty_is_cleared_away() {
        let state = tempfile::tempdir().unwrap();
        let host = stepd(&[]);
        drop(prepared(&host, &state, "/bin/true"));
        prepared(&host, &state, "/bin/true");
    }
}

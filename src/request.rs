//! What the plugin in slurmstepd hands to the helper: one environment variable
//! of the task, taken away before the container sees it.
#![forbid(unsafe_code)]

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::PathBuf,
};

use crate::{netstring, slurm::BATCH_STEP};

/// The variable the request travels in, from `task_init` to the helper.
pub const VARIABLE: &str = "SPANK_OCI_REQUEST";

/// How the names of records end.
const RECORD: &str = ".cleanup";

/// Plugin and helper are of one release, or the helper refuses.
const RELEASE: &str = env!("CARGO_PKG_VERSION");

/// Which processes of a task slurmstepd sends a signal to, by its proctrack
/// plugin (Slurm 20.11 to 26.05).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Only the process it started: proctrack/cgroup, for all but SIGKILL.
    Task,
    /// The process group of that one: proctrack/pgid. The container is not in it, since
    /// runtimes give it a session of its own; the helper leaves it where it can
    /// ([`crate::runtime::group`]).
    Group,
    /// Every process of the task: proctrack/linuxproc.
    Everyone,
}

/// Which processes the helper has to pass signals on to, because they do not
/// receive them by themselves. A runtime that waits for its container passes on
/// what it receives; where everyone receives signals, none is to wait ([`crate::plan`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forwarding {
    /// RunTimeRun's process.
    pub to_runtime: bool,
    /// It, or RunTimeStart's, is to be in a session of its own: `scancel --full` signals
    /// the group of a batch script, and the helper cannot tell that from
    /// `scancel --batch`.
    pub runtime_apart: bool,
    /// The container's first process, where no runtime waits for it.
    pub to_container: bool,
}

/// The name in the step's spool of the record of how to clean up after a task,
/// by its rank on the node. It is there while the task's container may be.
pub fn record_name(task: u32) -> String {
    format!("task-{task}{RECORD}")
}

/// Whether a file in a step's spool is such a record, by its name.
pub fn is_record(name: &[u8]) -> bool {
    name.ends_with(RECORD.as_bytes())
}

/// A container was asked for: everything the helper cannot find out by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The bundle directory, absolute unless a client without the plugin sent it.
    pub bundle: PathBuf,
    /// The site's oci.conf.
    pub config: PathBuf,
    /// The step's directory, owned by the user, made by the plugin.
    pub spool: PathBuf,
    /// Job id.
    pub job: u32,
    /// Step id, with Slurm's large numbers for batch and interactive steps.
    pub step: u32,
    /// Rank of the task on this node.
    pub task: u32,
    /// Who receives signals without the helper's help.
    pub delivery: Delivery,
    /// The program the user asked for, where the helper had to take its place in
    /// the command line (before Slurm 23.11); `None` where it stands in front.
    pub program: Option<OsString>,
}

/// Why a request cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Plugin and helper were installed from different releases.
    #[error(
        "the plugin is release {plugin} but the helper is release {RELEASE}: install both from one release"
    )]
    Release {
        /// The plugin's release.
        plugin: String,
    },
    /// Not written by the plugin.
    #[error("the request from the plugin is broken: {VARIABLE} was changed on the way")]
    Broken,
}

impl Request {
    /// The request as the value of [`VARIABLE`].
    pub fn encode(&self) -> OsString {
        let mut text = Vec::new();
        let delivery = match self.delivery {
            Delivery::Task => "task",
            Delivery::Group => "group",
            Delivery::Everyone => "everyone",
        };
        let mut push = |value: &OsStr| netstring::push(&mut text, value.as_bytes());
        push(RELEASE.as_ref());
        push(self.bundle.as_os_str());
        push(self.config.as_os_str());
        push(self.spool.as_os_str());
        for number in [self.job, self.step, self.task] {
            push(number.to_string().as_ref());
        }
        push(delivery.as_ref());
        if let Some(program) = &self.program {
            push(program);
        }
        OsString::from_vec(text)
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    /// The value is from another release, or is not such a value at all.
    pub fn decode(value: &OsStr) -> Result<Self, RequestError> {
        let mut text = value.as_bytes();
        let plugin = netstring::take(&mut text).ok_or(RequestError::Broken)?;
        if plugin != RELEASE.as_bytes() {
            let plugin = String::from_utf8_lossy(plugin).into_owned();
            return Err(RequestError::Release { plugin });
        }
        Self::decode_fields(text).ok_or(RequestError::Broken)
    }

    fn decode_fields(mut text: &[u8]) -> Option<Self> {
        let mut next =
            || netstring::take(&mut text).map(|value| OsString::from_vec(value.to_vec()));
        let request = Self {
            bundle: next()?.into(),
            config: next()?.into(),
            spool: next()?.into(),
            job: number(&next()?)?,
            step: number(&next()?)?,
            task: number(&next()?)?,
            delivery: match next()?.to_str()? {
                "task" => Delivery::Task,
                "group" => Delivery::Group,
                "everyone" => Delivery::Everyone,
                _ => return None,
            },
            program: next(),
        };
        text.is_empty().then_some(request)
    }

    /// Whether the task is the batch script of the job.
    pub fn is_batch(&self) -> bool {
        self.step == BATCH_STEP
    }

    /// What the helper does with signals it receives. `scancel --batch` signals the
    /// one process that slurmstepd started, whatever the proctrack plugin.
    pub fn forwarding(&self) -> Forwarding {
        let only_helper = self.is_batch() || self.delivery == Delivery::Task;
        Forwarding {
            to_runtime: only_helper,
            runtime_apart: self.is_batch(),
            to_container: only_helper || self.delivery == Delivery::Group,
        }
    }
}

fn number(text: &OsStr) -> Option<u32> {
    text.to_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn request() -> Request {
        Request {
            bundle: "/images/it's a bundle".into(),
            config: "/etc/slurm/spank-oci/oci.conf".into(),
            spool: "/run/spank-oci/7.0.0/spool".into(),
            job: 7,
            step: 0,
            task: 3,
            delivery: Delivery::Everyone,
            program: None,
        }
    }

    #[test]
    fn the_helper_reads_what_the_plugin_wrote() {
        for program in [None, Some("".into()), Some("echo".into())] {
            for delivery in [Delivery::Task, Delivery::Group, Delivery::Everyone] {
                let request = Request { program: program.clone(), delivery, ..request() };
                assert_eq!(Request::decode(&request.encode()), Ok(request));
            }
        }
    }

    #[test]
    fn nobody_is_sent_a_signal_that_slurmstepd_has_sent_already() {
        let forwarding = |delivery, step| {
            let Forwarding { to_runtime, to_container, .. } =
                Request { delivery, step, ..request() }.forwarding();
            (to_runtime, to_container)
        };
        assert_eq!(forwarding(Delivery::Task, 0), (true, true));
        assert_eq!(forwarding(Delivery::Group, 0), (false, true));
        assert_eq!(forwarding(Delivery::Everyone, 0), (false, false));
        assert_eq!(forwarding(Delivery::Everyone, BATCH_STEP), (true, true));
        for step in [0, BATCH_STEP] {
            let apart = Request { step, ..request() }.forwarding().runtime_apart;
            assert_eq!(apart, step == BATCH_STEP);
        }
    }

    #[test]
    fn another_release_is_refused_by_name() {
        let value = request().encode().into_vec();
        let value = String::from_utf8(value).unwrap().replacen(RELEASE, "9.9.9", 1);
        let error = Request::decode(value.as_ref()).unwrap_err().to_string();
        let expected = format!(
            "the plugin is release 9.9.9 but the helper is release {RELEASE}: install both from one release"
        );
        assert_eq!(error, expected);
    }

    #[test]
    fn a_shortened_or_lengthened_request_is_broken() {
        let value = request().encode().into_vec();
        for end in 0..value.len() {
            let cut = OsString::from_vec(value[..end].to_vec());
            assert_eq!(Request::decode(&cut), Err(RequestError::Broken), "cut at {end}");
        }
        let long = OsString::from_vec([value.as_slice(), b"1:x,1:y,"].concat());
        assert_eq!(Request::decode(&long), Err(RequestError::Broken));
    }

    proptest! {
        #[test]
        fn any_value_is_read_without_a_panic(value: Vec<u8>) {
            let _ = Request::decode(OsStr::from_bytes(&value));
        }
    }
}

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

/// Plugin and helper are of one release, or the helper refuses.
const RELEASE: &str = env!("CARGO_PKG_VERSION");

/// Which processes of a task slurmstepd sends a signal to, by its proctrack
/// plugin (Slurm 20.11 to 26.05).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Only the process it started: proctrack/cgroup, for all but SIGKILL.
    Task,
    /// Every process of the task: proctrack/linuxproc and proctrack/pgid.
    Everyone,
}

/// The name in the step's spool of the record of how to clean up after a task,
/// by its rank on the node. It is there while the task's container may be.
pub fn record_name(task: u32) -> String {
    format!("task-{task}.cleanup")
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

    /// Whether a signal that reaches the helper has reached only the helper.
    /// `scancel --batch` always signals the one process that slurmstepd started.
    pub fn needs_signals_forwarded(&self) -> bool {
        self.delivery == Delivery::Task || self.is_batch()
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
            let request = Request { program, ..request() };
            assert_eq!(Request::decode(&request.encode()), Ok(request));
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

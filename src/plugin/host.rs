//! What the plugin needs of the Slurm program that loaded it.
#![forbid(unsafe_code)]

use std::ffi::{CStr, OsStr, OsString};

/// The program that loaded the plugin (`spank_context()`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// srun.
    Srun,
    /// sbatch or salloc.
    Allocator,
    /// slurmstepd, or the child of it that becomes a task.
    Stepd,
    /// slurmd.
    Slurmd,
    /// The process that slurmd starts around prolog and epilog.
    JobScript,
    /// Slurm gave no answer.
    Other,
}

/// The step on this node, and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepIds {
    /// The user.
    pub uid: u32,
    /// The user's primary group.
    pub gid: u32,
    /// Job id.
    pub job: u32,
    /// Step id.
    pub step: u32,
    /// Rank of this node in the step.
    pub node_rank: u32,
}

/// An option of the plugin's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnOption {
    /// `--container`, where Slurm has none of its own (before 21.08).
    Container,
    /// `--oci-bundle`, whose value is a bundle too.
    OciBundle,
    /// `--container-runtime`, the name of one of the site's configurations.
    Runtime,
}

/// How the helper came before the user's command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Front {
    /// The whole command line follows it (Slurm 23.11 and newer).
    Prepended,
    /// It took the program's place.
    Replaced,
}

/// A call into Slurm that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{call} failed: {cause}")]
pub struct HostError {
    /// The function.
    pub call: &'static str,
    /// Slurm's text for the error.
    pub cause: String,
}

/// The Slurm program, as one hook sees it.
///
/// A variable is one of the client's own process in srun, sbatch and salloc, and
/// one of the step's environment in slurmstepd: the same variable, before and
/// after its way to the node.
pub trait Host {
    /// Which program this is.
    fn context(&self) -> Context;
    /// Slurm's release counter, see [`crate::slurm`].
    fn release(&self) -> u32;
    /// The words of this process's command line. slurmstepd has put a title in
    /// their place.
    fn command_line(&self) -> Vec<OsString>;
    /// Makes an option known to this program; in `init` only, and in every
    /// program that may be handed its value.
    ///
    /// # Errors
    /// Slurm refuses.
    fn register(&self, option: OwnOption) -> Result<(), HostError>;
    /// The value of an option, the last one given so far; in srun, sbatch and
    /// salloc only.
    fn option(&self, option: OwnOption) -> Option<OsString>;
    /// The step; in slurmstepd only.
    ///
    /// # Errors
    /// Slurm refuses, which it does outside slurmstepd.
    fn ids(&self) -> Result<StepIds, HostError>;
    /// The job; in slurmstepd, prolog and epilog.
    ///
    /// # Errors
    /// Slurm refuses, which it does elsewhere.
    fn job_id(&self) -> Result<u32, HostError>;
    /// Rank on this node of the task this process becomes; in `task_init` only.
    ///
    /// # Errors
    /// Slurm refuses, which it does elsewhere.
    fn local_task(&self) -> Result<u32, HostError>;
    /// The step's command line, as the user typed it; in slurmstepd, and in
    /// srun's `local_user_init`.
    ///
    /// # Errors
    /// Slurm refuses, which it does elsewhere.
    fn command(&self) -> Result<Vec<OsString>, HostError>;
    /// Makes slurmstepd execute `helper`; in `task_init` only.
    ///
    /// # Errors
    /// Slurm refuses, or the step has no command.
    fn put_in_front(&self, helper: &CStr) -> Result<Front, HostError>;
    /// Whether this Slurm lets the helper stand before a task's whole command
    /// line (23.11 and newer).
    fn can_prepend(&self) -> bool;
    /// Puts another word in the place of one of the step's command line; in
    /// `task_init`, and in srun's `local_user_init`, from where it reaches the node.
    ///
    /// # Errors
    /// Slurm refuses, or the command line is shorter.
    fn replace_argument(&self, index: usize, text: &CStr) -> Result<(), HostError>;
    /// Value of a variable.
    fn variable(&self, name: &str) -> Option<OsString>;
    /// Sets a variable, also over an older value.
    ///
    /// # Errors
    /// The environment could not be changed.
    fn set_variable(&self, name: &str, value: &OsStr) -> Result<(), HostError>;
    /// Gives the job a variable that Slurm itself carries, under the name
    /// `SLURM_SPANK_` and this one; in sbatch and salloc only.
    ///
    /// # Errors
    /// Slurm refuses, which it does elsewhere.
    fn set_job_variable(&self, name: &str, value: &OsStr) -> Result<(), HostError>;
    /// Removes a variable, if it is there.
    fn unset_variable(&self, name: &str);
}

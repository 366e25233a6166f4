//! What each hook does, by the Slurm program it runs in.
//!
//! | program | what it does here |
//! |---|---|
//! | srun, sbatch, salloc | [`client`]: our options, and marking that a container was asked for |
//! | slurmstepd | [`stepd`]: the step's directory, the helper in front of tasks |
//! | slurmd, epilog | [`sweep`]: removes what a crash left |
//!
//! No JSON, no bundle and no runtime here: that is the helper's, as the user.
#![forbid(unsafe_code)]

use std::ffi::OsString;

use host::{Context, Host, HostError};

pub mod args;
mod base;
pub mod cleanup;
pub mod client;
pub mod component;
pub mod host;
pub mod marker;
pub mod multi_prog;
pub mod native;
pub mod pmix;
pub mod slurm_conf;
pub mod state;
pub mod stepd;
pub mod sweep;

#[cfg(test)]
mod fake;

/// Why a container task cannot be; its text goes to whoever asked for it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Refusal {
    /// plugstack.conf has a mistake.
    #[error(transparent)]
    Args(#[from] args::ArgsError),
    /// The site has no such configuration.
    #[error(transparent)]
    Runtime(#[from] args::UnknownRuntime),
    /// Without a container the task would run on the host.
    #[error("--container-runtime is for containers: give --container or --oci-bundle too")]
    RuntimeAlone,
    /// Slurm refused something.
    #[error("{0}; the container cannot be started")]
    Host(#[from] HostError),
    /// Slurm does not take an option of ours.
    #[error("{0}; srun, sbatch and salloc do not know the options of this plugin")]
    Options(HostError),
    /// The step's directory could not be made.
    #[error(transparent)]
    State(#[from] state::StateError),
    /// `--container=` or `--oci-bundle=` without a value.
    #[error("{option} names no bundle: its value is empty")]
    NoBundle {
        /// The option.
        option: &'static str,
    },
    /// Both options, with different values.
    #[error("--container names '{container}' and --oci-bundle '{own}': give one of them")]
    TwoBundles {
        /// The bundle of Slurm's option.
        container: String,
        /// The bundle of ours.
        own: String,
    },
    /// sbatch or salloc with a container for a component without a command.
    #[error(
        "the first component of a heterogeneous job runs the script or shell, the others have none to put into a container: give --container or --oci-bundle before the first ':' only"
    )]
    LaterComponent,
    /// salloc where only commands that say so themselves would be in the container.
    #[error(
        "salloc starts its shell in a container only with LaunchParameters=use_interactive_step in slurm.conf; give {option} to srun instead"
    )]
    NoInteractiveStep {
        /// The option.
        option: &'static str,
    },
    /// Slurm tells slurmstepd neither the component nor the group it was given.
    #[error(
        "the components of this step ask for different containers and choose their groups with --het-group, which Slurm tells none of them; leave --het-group out, or start one srun for each"
    )]
    Groups,
    /// As above, without groups: a heterogeneous step in one allocation.
    #[error(
        "the components of this step ask for different containers, and this Slurm does not tell which of them this is; start one srun for each"
    )]
    Component,
    /// The client's working directory is needed and gone.
    #[error("cannot make the relative bundle path '{bundle}' absolute: {cause}")]
    RelativeBundle {
        /// As the user typed it.
        bundle: String,
        /// The system's reason.
        cause: String,
    },
    /// The helper cannot be executed.
    #[error(
        "cannot execute the helper '{helper}': {cause}; install it, or name it with helper= in plugstack.conf"
    )]
    Helper {
        /// Its path.
        helper: String,
        /// The system's reason.
        cause: String,
    },
    /// Somebody else than root could have put another program in its place.
    #[error("cannot trust the helper: {cause}")]
    Distrusted {
        /// What is wrong, and the remedy.
        cause: String,
    },
    /// Before Slurm 23.11 only srun can put the helper in front of the programs of
    /// `--multi-prog`, and it did not.
    #[error(
        "--multi-prog: srun has not put the helper '{helper}' before each program; its plugstack.conf must name this plugin with the same helper=, or Slurm must be 23.11 or newer"
    )]
    MultiProg {
        /// The helper's path on the node.
        helper: String,
    },
    /// slurmd may be of a newer Slurm than srun; then both put the helper in front.
    #[error(
        "--multi-prog together with a container needs an srun of Slurm 23.11 or newer, as on this node"
    )]
    OlderSrun,
    /// Slurm would read the path as something else.
    #[error(
        "--multi-prog: the helper's path '{helper}' cannot stand in a program list, which gives blanks, \\, % and ' a meaning; name another one with helper= in plugstack.conf"
    )]
    HelperInList {
        /// Its path.
        helper: String,
    },
    /// A defect of ours, after which nothing is known about the request.
    #[error("internal error: the step was not prepared; no task of it is started")]
    Unprepared,
}

/// A program has loaded the plugin.
///
/// # Errors
/// In slurmd: a mistake in plugstack.conf. Elsewhere: Slurm refuses an option.
pub fn init(host: &impl Host, words: &[OsString]) -> Result<(), Refusal> {
    match host.context() {
        Context::Srun | Context::Allocator => client::begin(host).map_err(Refusal::Options)?,
        Context::Slurmd => {
            native::warn_if_enabled(host.variable("SLURM_CONF").map(Into::into));
            sweep::at_slurmd_start(&args::Args::parse(words)?);
        }
        // Slurm hands it what the client was given, and would complain otherwise.
        Context::Stepd => client::register(host).map_err(Refusal::Options)?,
        Context::JobScript | Context::Other => {}
    }
    Ok(())
}

/// The options were read.
///
/// # Errors
/// In a client: a container was asked for and cannot be had.
pub fn init_post_opt(host: &impl Host, words: &[OsString]) -> Result<(), Refusal> {
    match host.context() {
        Context::Srun | Context::Allocator => client::mark_request(host, words)?,
        Context::Stepd => stepd::prepare_step(host, words),
        Context::Slurmd | Context::JobScript | Context::Other => {}
    }
    Ok(())
}

/// srun is about to launch its step.
///
/// # Errors
/// A container was asked for and cannot be had.
pub fn local_user_init(host: &impl Host, words: &[OsString]) -> Result<(), Refusal> {
    match host.context() {
        Context::Srun => client::take_program_list(host, words),
        _ => Ok(()),
    }
}

/// This process becomes a task.
///
/// # Errors
/// A container was asked for and the task cannot be taken into it.
pub fn task_init(host: &impl Host, _: &[OsString]) -> Result<(), Refusal> {
    stepd::take_task(host)
}

/// A task of the step has ended.
///
/// # Errors
/// None; what could not be removed is logged and left to [`exit`].
pub fn task_exit(host: &impl Host, _: &[OsString]) -> Result<(), Refusal> {
    stepd::finish_task(host);
    Ok(())
}

/// All tasks of the step on this node have ended.
///
/// # Errors
/// None; what could not be removed is logged and left to the sweep.
pub fn exit(host: &impl Host, _: &[OsString]) -> Result<(), Refusal> {
    if host.context() == Context::Stepd {
        stepd::finish_step();
    }
    Ok(())
}

/// The job has ended on this node.
///
/// # Errors
/// A mistake in plugstack.conf, or Slurm does not tell the job.
pub fn job_epilog(host: &impl Host, words: &[OsString]) -> Result<(), Refusal> {
    sweep::after_job(&args::Args::parse(words)?, host.job_id()?);
    Ok(())
}

/// slurmd ends; running steps go on without it.
///
/// # Errors
/// None.
pub fn slurmd_exit(_: &impl Host, _: &[OsString]) -> Result<(), Refusal> {
    Ok(())
}

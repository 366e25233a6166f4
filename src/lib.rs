//! spank-oci: the tasks of Slurm jobs in OCI containers.
//!
//! Two things are built from this library. The **plugin** `spank_oci.so` is
//! loaded by srun, sbatch, salloc, slurmd and slurmstepd; it marks that a
//! container was asked for and puts the helper in front of the task. The
//! **helper** `spank-oci` is executed by slurmstepd as the user and takes the
//! task into its container.
//!
//! | step of a task's life | where |
//! |---|---|
//! | srun: a container is asked for | [`plugin::client`] |
//! | slurmstepd, root: the step's directory | [`plugin::stepd`], [`plugin::state`] |
//! | slurmstepd, user: the helper in front | [`plugin::stepd`], [`request`] |
//! | helper: the request, the site's rules, the bundle | [`task`], [`site`], [`bundle`] |
//! | helper: what will be done | [`plan`], from [`config`], [`inputs`], [`template`], [`mod@env`], [`bundle::edit`] |
//! | helper: doing it | [`runtime`] |
//! | without Slurm: the same by hand, or told only | [`local`], [`explain`] |
//! | the end, also after a crash | [`runtime::cleanup`], [`plugin::cleanup`], [`plugin::sweep`] |
//!
//! Unsafe code lives in [`spank`] (the C boundary) and [`sys`] (system calls).

pub mod bcast;
pub mod bundle;
#[cfg(feature = "cli")]
pub mod cli;
pub mod config;
pub mod diagnostic;
#[cfg(feature = "cli")]
pub mod doctor;
pub mod env;
pub mod explain;
pub mod files;
pub mod inputs;
pub mod limits;
#[cfg(feature = "cli")]
pub mod lint;
pub mod local;
pub mod netstring;
pub mod pipe;
pub mod plan;
pub mod plugin;
pub mod request;
pub mod runtime;
pub mod sink;
pub mod site;
pub mod slurm;
pub mod spank;
pub mod sys;
pub mod task;
pub mod template;
pub mod trust;

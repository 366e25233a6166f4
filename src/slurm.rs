//! Slurm's numbers: steps that have none of their own (slurm.h, 20.11 to 26.05;
//! `SLURM_BATCH_SCRIPT` and so on), and releases.
//!
//! Releases are counted: `API_CURRENT`, the upper half of `slurm_api_version()`.
#![forbid(unsafe_code)]

/// The step of `salloc` with LaunchParameters=use_interactive_step.
pub const INTERACTIVE_STEP: u32 = 0xffff_fffa;
/// The step of the batch script.
pub const BATCH_STEP: u32 = 0xffff_fffb;
/// The step that holds a job's place on a node; it has no task.
pub const EXTERN_STEP: u32 = 0xffff_fffc;

/// 21.08, the first release with `--container`.
pub const WITH_CONTAINER: u32 = 37;
/// 23.02, the first release where PMIx looks for its sockets in the container's
/// directory, which is nowhere without Slurm's own oci.conf.
pub const WITH_PMIX_IN_CONTAINER: u32 = 39;

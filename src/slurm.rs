//! Slurm's numbers for the steps that have none of their own (slurm.h, 20.11 to
//! 26.05; `SLURM_BATCH_SCRIPT` and so on).
#![forbid(unsafe_code)]

/// The step of `salloc` with LaunchParameters=use_interactive_step.
pub const INTERACTIVE_STEP: u32 = 0xffff_fffa;
/// The step of the batch script.
pub const BATCH_STEP: u32 = 0xffff_fffb;
/// The step that holds a job's place on a node; it has no task.
pub const EXTERN_STEP: u32 = 0xffff_fffc;

//! What no slurmstepd is left to clean up: at the end of a job, and when slurmd
//! starts. Steps whose slurmstepd lives are locked and left alone.
#![forbid(unsafe_code)]

use super::{args::Args, cleanup, state};

/// Clears away the abandoned steps of all jobs.
pub fn at_slurmd_start(args: &Args) {
    sweep(args, |_| true);
}

/// Clears away the abandoned steps of a job that has ended.
pub fn after_job(args: &Args, job: u32) {
    sweep(args, |step_job| step_job == job);
}

fn sweep(args: &Args, wanted: impl Fn(u32) -> bool) {
    match state::steps(&args.state) {
        Ok(steps) => {
            for name in steps.into_iter().filter(|name| wanted(name.job)) {
                cleanup::make_way(args, name);
            }
        }
        Err(error) => log::error!("{error}"),
    }
}

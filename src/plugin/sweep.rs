//! What no slurmstepd is left to clean up: at the end of a job, and when slurmd
//! starts. Steps whose slurmstepd lives are locked and left alone.
#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use super::{args::Args, cleanup, state};

/// When a sweep takes up no further step: slurmd, or the end of a job, waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Clears away the abandoned steps of all jobs.
pub fn at_slurmd_start(args: &Args) {
    sweep(args, |_| true);
}

/// Clears away the abandoned steps of a job that has ended.
pub fn after_job(args: &Args, job: u32) {
    sweep(args, |step_job| step_job == job);
}

fn sweep(args: &Args, wanted: impl Fn(u32) -> bool) {
    let steps = match state::steps(&args.state) {
        Ok(steps) => steps,
        Err(error) => return log::error!("{error}"),
    };
    let deadline = Instant::now() + PATIENCE;
    for name in steps.into_iter().filter(|name| wanted(name.job)) {
        if Instant::now() >= deadline {
            log::warn!("not all abandoned steps are cleaned up yet; run: spank-oci gc");
            return;
        }
        cleanup::make_way(args, name);
    }
}

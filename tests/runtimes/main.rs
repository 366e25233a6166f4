//! The runtimes that take a command by themselves, and the tools that make bundles: the
//! real programs, on a real Slurm. What they need beyond tests/slurm is installed by
//! `./dev test` and, in newer versions, in the Debian root of `./dev runtimes`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../slurm/cluster.rs"]
#[allow(dead_code, reason = "shared with tests/slurm, which needs more of it")]
mod cluster;
#[path = "../slurm/leftovers.rs"]
#[allow(dead_code, reason = "as above")]
mod leftovers;
#[path = "../slurm/site.rs"]
#[allow(dead_code, reason = "as above")]
mod site;

mod bundles;
mod makers;
mod mounted;
mod programs;
mod youki;

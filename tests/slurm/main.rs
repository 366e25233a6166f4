//! What users see, on a real Slurm: three nodes, crun and runc, ordinary users.
//!
//! Run by `./dev test` inside the throw-away Slurm of tests/cluster, one test at
//! a time. After each test nothing may be left (leftovers.rs).
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod cluster;
mod leftovers;
mod site;

mod absent;
mod arguments;
mod batch;
mod bcast;
mod components;
mod environment;
mod failures;
mod jobs;
mod multi_prog;
mod native;
mod requests;
mod signals;
mod status;
mod stdio;
mod tasks;
mod terminal;

//! What users see, on a real Slurm: four nodes, crun and runc, ordinary users.
//!
//! Run by `./dev test` inside the throw-away Slurm of tests/cluster, one test at
//! a time. After each test nothing may be left (leftovers.rs).
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod bundles;
mod bystander;
mod cluster;
mod leftovers;
mod report;
mod site;

mod absent;
mod aftermath;
mod arguments;
mod attacks;
mod batch;
mod bcast;
mod components;
mod create_start;
mod credentials;
mod deaths;
mod doctor;
mod documents;
mod endings;
mod environment;
mod fail_closed;
mod failures;
mod faults;
mod jobs;
mod made_bundles;
mod memory;
mod multi_prog;
mod native;
mod policy;
mod profiles;
mod real_bundles;
mod requests;
mod rest;
mod signals;
mod status;
mod stdio;
mod suspend;
mod tasks;
mod terminal;

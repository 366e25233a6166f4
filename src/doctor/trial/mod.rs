//! Containers, tried as the user: this program executes itself with that user's rights
//! ([`crate::sys::run_as`]) as `spank-oci trial`, which tells its findings as JSON.
//!
//! [`image`] makes a root file system of the node's own shell, [`task`] takes it the
//! way of tasks, [`by_hand`] the way of Slurm's container guide.
#![forbid(unsafe_code)]

pub mod by_hand;
pub mod helper;
pub mod image;
pub mod task;

use std::{env, ffi::OsString, fs, io, path::Path, process, time::Duration};

use image::Scratch;
use nix::{
    sched::{CloneFlags, unshare},
    unistd::{getgid, getuid},
};
use task::Trial;

use super::{account::Account, finding::Finding};
use crate::{files, site, sys::run_as};

/// The subcommand for this; nobody else has a use for it.
pub const SUBCOMMAND: &str = "trial";
/// What a trial without findings says last.
const DONE: &str = "done";
/// How long everything may take; each part has a bound of its own.
const PATIENCE: Duration = Duration::from_secs(150);

/// As root: whether the user can make a user namespace.
///
/// # Errors
/// Why not.
pub fn namespaces_as(account: &Account) -> Result<(), String> {
    let program = env::current_exe().map_err(|error| files::cause(&error))?;
    let told = run(&program, account, &[])?;
    match told.trim() {
        DONE => Ok(()),
        cause => Err(cause.to_owned()),
    }
}

/// As root: runs containers as the user, with the helper that tasks have, or with this
/// program where there is none.
pub fn containers_as(account: &Account, helper: Option<&Path>, config: &Path) -> Vec<Finding> {
    let own = || env::current_exe().map_err(|error| files::cause(&error));
    let program = helper.map_or_else(own, |helper| Ok(helper.to_owned()));
    let told = program.and_then(|program| run(&program, account, &[config.into()]));
    let findings = told.and_then(|told| {
        let last = told.lines().last().unwrap_or_default();
        serde_json::from_str(last).map_err(|_| told.trim().replace('\n', "; "))
    });
    findings.unwrap_or_else(|cause| {
        let remedy = "put it where every user may execute it, such as /usr/bin";
        vec![Finding::fail("containers", format!("not tried: {cause}"), remedy)]
    })
}

fn run(program: &Path, account: &Account, arguments: &[OsString]) -> Result<String, String> {
    let arguments = [&[OsString::from(SUBCOMMAND)], arguments].concat();
    let told = run_as::run(program, &arguments, account.uid, account.gid, PATIENCE);
    let told = told.map_err(|error| files::cause(&error))?;
    match told.is_empty() {
        true => Err(format!(
            "'{}' cannot be executed by {}, or did not come to its end",
            program.display(),
            account.name
        )),
        false => Ok(String::from_utf8_lossy(&told).into_owned()),
    }
}

/// As the user: makes a user namespace with a mount namespace, as runtimes do, for
/// this process, which has nothing else to do.
pub fn namespaces() -> String {
    match enter() {
        Ok(()) => DONE.to_owned(),
        Err(error) => files::cause(&error),
    }
}

fn enter() -> io::Result<()> {
    let (uid, gid) = (getuid(), getgid());
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)?;
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("0 {uid} 1"))?;
    fs::write("/proc/self/gid_map", format!("0 {gid} 1"))
}

/// As the user: runs containers with the site's configuration; the findings as JSON.
pub fn containers(config: &Path) -> String {
    serde_json::to_string(&tried(config)).unwrap_or_default()
}

fn tried(path: &Path) -> Vec<Finding> {
    let config = match site::read(path) {
        Ok(parsed) => parsed.config,
        Err(error) => {
            let remedy = "every user must be able to read it, and every directory on the way to it";
            return vec![Finding::fail("oci.conf, as the user", error.to_string(), remedy)];
        }
    };
    let scratch = match Scratch::new() {
        Ok(scratch) => scratch,
        Err(cause) => return vec![Finding::skip("containers", cause)],
    };
    let mut findings = Trial { config: &config, path, scratch: &scratch }.findings();
    findings.push(by_hand::finding(&config, &scratch));
    findings
}

/// A job id that no Slurm gives to a job, and no other trial has now.
fn job_id() -> u32 {
    0x8000_0000 | process::id()
}

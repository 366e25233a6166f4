//! The directories and files of a task, before its runtime is started.
#![forbid(unsafe_code)]

use std::{
    fs::{DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

use super::{RuntimeError, cleanup::Record};
use crate::{files, plan::Plan};

/// Writes what the plan says, the record of how to clean up first of all.
///
/// # Errors
/// The first directory or file that cannot be made.
pub fn write(plan: &Plan) -> Result<(), RuntimeError> {
    write_record(plan, None)?;
    for dir in &plan.dirs {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
        made.map_err(|error| failure("make directory", dir, &error))?;
    }
    for file in &plan.files {
        private_file(&file.path, &file.content)?;
    }
    Ok(())
}

/// Writes the record of how to clean up after the container, whose runtime's
/// process id may be needed for it.
///
/// # Errors
/// It cannot be written.
pub fn write_record(plan: &Plan, pid: Option<u32>) -> Result<(), RuntimeError> {
    let record = Record::of(&plan.end, &plan.runtime_env, pid);
    private_file(&plan.end.record, &record.encode())
}

fn private_file(path: &Path, content: &[u8]) -> Result<(), RuntimeError> {
    let write = || {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        options.open(path)?.write_all(content)
    };
    write().map_err(|error| failure("write", path, &error))
}

fn failure(verb: &'static str, path: &Path, error: &io::Error) -> RuntimeError {
    RuntimeError::Prepare { verb, path: path.display().to_string(), cause: files::cause(error) }
}

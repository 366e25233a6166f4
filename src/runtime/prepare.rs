//! The directories and files of a task, before its runtime is started.
#![forbid(unsafe_code)]

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, symlink},
    path::Path,
};

use super::{RuntimeError, processes::Group, record::Record};
use crate::{bundle::underlay::Underlay, files, plan::Plan};

/// Writes what the plan says, the record of how to clean up first of all.
///
/// # Errors
/// The first directory or file that cannot be made.
pub fn write(plan: &Plan) -> Result<(), RuntimeError> {
    write_record(plan, None, None)?;
    for dir in &plan.dirs {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
        made.map_err(|error| failure("make directory", dir, &error))?;
    }
    if let Some((root, underlay)) = &plan.root {
        make_root(root, underlay).map_err(|error| failure("make directory", root, &error))?;
    }
    for file in &plan.files {
        private_file(&file.path, &file.content)?;
    }
    Ok(())
}

/// Writes the record of how to clean up after the container, whose runtime's
/// process id may be needed for it, and which runs in the process group given, or else
/// in this process's.
///
/// # Errors
/// It cannot be written.
pub fn write_record(
    plan: &Plan,
    pid: Option<u32>,
    group: Option<Group>,
) -> Result<(), RuntimeError> {
    let record = &plan.end.record;
    let group = group.or_else(|| plan.end.own_group.then(Group::own).flatten());
    // It is there as a whole or not at all, whenever this process is killed.
    let new = record.with_extension("new");
    private_file(&new, &Record::of(&plan.end, &plan.runtime_env, pid, group).encode())?;
    fs::rename(&new, record).map_err(|error| failure("write", record, &error))
}

/// In a private directory, but for everybody in the container.
fn make_root(root: &Path, underlay: &Underlay) -> io::Result<()> {
    let inside = |place: &Path| root.join(place.strip_prefix("/").unwrap_or(place));
    for directory in &underlay.directories {
        DirBuilder::new().recursive(true).mode(0o755).create(inside(directory))?;
    }
    for (link, target) in &underlay.links {
        match symlink(target, inside(link)) {
            // Below ContainerPath, of an earlier life of the same task.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made?,
        }
    }
    Ok(())
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

//! The directories that root makes for steps, below one base that root owns.
//!
//! ```text
//! /run/spank-oci                 root 0711, the base
//! /run/spank-oci/7.0.0           root 0711, job 7, step 0, node 0; locked while
//!                                the step's slurmstepd lives
//! /run/spank-oci/7.0.0/spool     the user's, 0700: everything else is in here
//! ```
//!
//! Every call is relative to an open directory and follows no link, nor into a file
//! system that a user has mounted; root looks whether a name is there, but reads and
//! removes nothing inside `spool`.
#![forbid(unsafe_code)]

use std::{
    fmt,
    fs::{File, TryLockError},
    io,
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
    str::FromStr,
};

use nix::{
    dir::Dir,
    errno::Errno,
    fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, openat, openat2},
    sys::stat::{Mode, fchmod, fstat, mkdirat},
    unistd::{Gid, Uid, UnlinkatFlags, fchownat, unlinkat},
};

use super::base::Base;
use crate::{files, request::is_record};

/// The name of the user's part of a step's directory.
pub const SPOOL: &str = "spool";
pub(super) const DIRECTORY: OFlag =
    OFlag::O_DIRECTORY.union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC).union(OFlag::O_RDONLY);
/// Anyone may pass through, nobody but root may look or change.
pub(super) const PASS: Mode = Mode::from_bits_truncate(0o711);
const PRIVATE: Mode = Mode::from_bits_truncate(0o700);
/// To look at a thing itself, which is neither read nor waited for.
const LOOK: OFlag = OFlag::O_PATH.union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

/// A directory that could not be made, read or removed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("cannot {verb} '{}': {cause}", path.display())]
pub struct StateError {
    pub(super) verb: &'static str,
    pub(super) path: PathBuf,
    pub(super) cause: String,
}

/// The name of a step's directory: unique on a host, also with several slurmds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StepName {
    /// Job id.
    pub job: u32,
    /// Step id.
    pub step: u32,
    /// Rank of the node in the step, or in the step's component.
    pub node_rank: u32,
    /// The component of a heterogeneous step, counted from 0. On a node of its own
    /// as Slurm starts them, it matters for several slurmds on a host.
    pub component: u32,
}

impl fmt::Display for StepName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.job, self.step, self.node_rank)?;
        match self.component {
            0 => Ok(()),
            component => write!(f, ".{component}"),
        }
    }
}

impl FromStr for StepName {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        let mut numbers = name.split('.').map(str::parse);
        let mut next = || numbers.next().and_then(Result::ok).ok_or(());
        let (job, step, node_rank) = (next()?, next()?, next()?);
        let parsed = Self { job, step, node_rank, component: next().unwrap_or(0) };
        // Only the spelling that `Display` writes: no fifth part, sign or zeros.
        (parsed.to_string() == name).then_some(parsed).ok_or(())
    }
}

/// A step's directory, locked: no other process of root's works on it.
#[derive(Debug)]
pub struct StepDir {
    base: OwnedFd,
    name: StepName,
    lock: File,
    path: PathBuf,
}

/// What [`StepDir::remove`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// The directory is gone.
    Done,
    /// The user's part still holds something.
    NotEmpty,
}

impl StepDir {
    /// Makes the directory of a step, and its base where that is missing.
    ///
    /// # Errors
    /// The base is not root's alone, the directory is there already, or the
    /// system refuses.
    pub fn create(base: &Path, name: StepName, uid: u32, gid: u32) -> Result<Self, StateError> {
        let path = base.join(name.to_string());
        let base = Base::at(base).made()?;
        let make = || -> nix::Result<Self> {
            mkdirat(&base, path_of(name).as_path(), PASS)?;
            let lock =
                File::from(openat(&base, path_of(name).as_path(), DIRECTORY, Mode::empty())?);
            fchmod(&lock, PASS)?;
            // Just made, so nobody but a passing sweep can hold it, and not for long.
            lock.lock().map_err(errno)?;
            mkdirat(&lock, SPOOL, PRIVATE)?;
            let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
            fchownat(&lock, SPOOL, Some(uid), Some(gid), AtFlags::AT_SYMLINK_NOFOLLOW)?;
            Ok(Self { base: base.try_clone().map_err(errno)?, name, lock, path: path.clone() })
        };
        // A sweep may have taken the directory for an abandoned one just before
        // it was locked; then it is simply made again.
        let made = make().or_else(|errno| if errno == Errno::ENOENT { make() } else { Err(errno) });
        made.map_err(|errno| error("make directory", &path, errno))
    }

    /// A directory that an earlier slurmstepd left behind; `None` if there is no
    /// such directory, or a living slurmstepd has it.
    ///
    /// # Errors
    /// The system refuses.
    pub fn abandoned(base: &Path, name: StepName) -> Result<Option<Self>, StateError> {
        let path = base.join(name.to_string());
        let Some(base) = Base::at(base).found()? else { return Ok(None) };
        let opened = openat(&base, path_of(name).as_path(), DIRECTORY, Mode::empty());
        let lock = match opened {
            Ok(fd) => File::from(fd),
            Err(Errno::ENOENT) => return Ok(None),
            Err(errno) => return Err(error("open directory", &path, errno)),
        };
        match lock.try_lock() {
            Ok(()) => Ok(Some(Self { base, name, lock, path })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(cause)) => Err(error("lock", &path, errno(cause))),
        }
    }

    /// The user's part of it.
    pub fn spool(&self) -> PathBuf {
        self.path.join(SPOOL)
    }

    /// Whose it is: user and group, as root set them; `None` once the user's
    /// part is gone.
    ///
    /// # Errors
    /// The system refuses, or the user has mounted something over it.
    pub fn owner(&self) -> Result<Option<(u32, u32)>, StateError> {
        match enter(&self.lock, SPOOL, LOOK).and_then(fstat) {
            Ok(stat) => Ok(Some((stat.st_uid, stat.st_gid))),
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(self.mounted(errno, "look at")),
        }
    }

    /// Whether there is something of this name in the user's part.
    pub fn holds(&self, name: &str) -> bool {
        let Ok(spool) = enter(&self.lock, SPOOL, LOOK) else { return false };
        // What cannot be looked at is there as well.
        !matches!(enter(&spool, name, LOOK), Err(Errno::ENOENT))
    }

    /// How many records of containers are in the user's part, by their names.
    ///
    /// # Errors
    /// The system refuses, or the user has mounted something over it.
    pub fn records(&self) -> Result<usize, StateError> {
        let open = enter(&self.lock, SPOOL, DIRECTORY).and_then(Dir::from_fd);
        let mut spool = open.map_err(|errno| self.mounted(errno, "open directory"))?;
        let entries = spool.iter().flatten();
        Ok(entries.filter(|entry| is_record(entry.file_name().to_bytes())).count())
    }

    /// Removes the directory, unless the user's part holds something.
    ///
    /// # Errors
    /// The system refuses.
    pub fn remove(&self) -> Result<Removal, StateError> {
        match unlinkat(&self.lock, SPOOL, UnlinkatFlags::RemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => {}
            Err(Errno::ENOTEMPTY | Errno::EEXIST) => return Ok(Removal::NotEmpty),
            Err(errno) => return Err(self.mounted(errno, "remove")),
        }
        match unlinkat(&self.base, path_of(self.name).as_path(), UnlinkatFlags::RemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => Ok(Removal::Done),
            Err(errno) => Err(error("remove", &self.path, errno)),
        }
    }

    /// What can be wrong with the user's part: a file server of the user's own (FUSE) may
    /// be mounted on it, which nobody else gets an answer of.
    fn mounted(&self, errno: Errno, verb: &'static str) -> StateError {
        let path = self.spool();
        let shown = path.display();
        match errno {
            Errno::EXDEV | Errno::EBUSY => StateError {
                verb,
                cause: format!(
                    "something is mounted there; run: umount --lazy '{shown}' && spank-oci gc"
                ),
                path,
            },
            errno => error(verb, &path, errno),
        }
    }
}

/// Opens what has this name in a directory, unless it is of another file system, which
/// could keep whoever looks at it waiting for ever.
fn enter(directory: impl AsFd, name: &str, how: OFlag) -> nix::Result<OwnedFd> {
    let within = OpenHow::new().flags(how).resolve(ResolveFlag::RESOLVE_NO_XDEV);
    match openat2(&directory, name, within) {
        // Before Linux 5.6.
        Err(Errno::ENOSYS) => openat(&directory, name, how, Mode::empty()),
        result => result,
    }
}

/// The steps that have a directory below `base`.
///
/// # Errors
/// The base cannot be read; one that is not there has no steps.
pub fn steps(base: &Path) -> Result<Vec<StepName>, StateError> {
    let Some(fd) = Base::at(base).found()? else { return Ok(Vec::new()) };
    let mut dir = Dir::from_fd(fd).map_err(|errno| error("open directory", base, errno))?;
    let names = dir.iter().filter_map(|entry| entry.ok()?.file_name().to_str().ok()?.parse().ok());
    Ok(names.collect())
}

fn path_of(name: StepName) -> PathBuf {
    PathBuf::from(name.to_string())
}

fn errno(error: io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(0))
}

pub(super) fn error(verb: &'static str, path: &Path, errno: Errno) -> StateError {
    let hint = match errno {
        Errno::ENOSPC | Errno::EDQUOT => "; make room there",
        Errno::ENOTDIR | Errno::ELOOP => "; it must be one itself, no link either",
        _ => "",
    };
    StateError { verb, path: path.to_owned(), cause: files::cause(&errno.into()) + hint }
}

#[cfg(test)]
mod tests;

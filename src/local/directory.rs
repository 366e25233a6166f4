//! The directory that a task without Slurm has in place of its step's: private, locked
//! while the task runs, removed at its end. What a task that was killed has left is
//! removed by the next one of the same user.
#![forbid(unsafe_code)]

use std::{
    env,
    fs::{self, File},
    io,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
};

use nix::{
    fcntl::{OFlag, open},
    sys::stat::Mode,
    unistd::{geteuid, mkdtemp},
};

use crate::{
    files,
    request::is_record,
    runtime::{RuntimeError, cleanup},
};

/// Where there is no directory of the user's own.
const COMMON: &str = "/tmp";
/// How the names begin.
const NAME: &str = "spank-oci-run.";
const DIRECTORY: OFlag =
    OFlag::O_DIRECTORY.union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC).union(OFlag::O_RDONLY);
/// Write permission for the group or for everyone.
const WRITABLE: u32 = 0o022;

/// The directory.
pub struct Directory {
    path: PathBuf,
    keep: bool,
    _lock: File,
}

impl Directory {
    /// Makes it below `$XDG_RUNTIME_DIR` if that is the user's own, or else below /tmp;
    /// `keep` if what is in it shall stay (DisableCleanup).
    ///
    /// # Errors
    /// Neither of them takes it.
    pub fn make(keep: bool) -> Result<Self, RuntimeError> {
        let bases = own().into_iter().chain([COMMON.into()]);
        let mut failure = None;
        for base in bases {
            sweep(&base);
            match Self::below(&base, keep) {
                Ok(directory) => return Ok(directory),
                Err(error) => failure = Some((base, error)),
            }
        }
        let (base, error) = failure.unwrap_or_else(|| (COMMON.into(), io::ErrorKind::Other.into()));
        Err(RuntimeError::Prepare {
            verb: "make a directory below",
            path: base.display().to_string(),
            cause: files::cause(&error),
        })
    }

    fn below(base: &Path, keep: bool) -> io::Result<Self> {
        let path = mkdtemp(&base.join(format!("{NAME}XXXXXX")))?;
        let Some(lock) = locked(&path) else {
            return Err(io::Error::other("it cannot be locked"));
        };
        Ok(Self { path, keep, _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let path = self.path.display();
        match self.keep {
            true => log::warn!("'{path}' is kept (DisableCleanup in oci.conf)"),
            false => {
                if let Err(error) = empty_and_remove(&self.path) {
                    log::warn!("cannot clean up '{path}': {}", files::cause(&error));
                }
            }
        }
    }
}

/// Ends the containers that may be left of it, and removes it.
fn empty_and_remove(path: &Path) -> io::Result<()> {
    cleanup::step(path)?;
    fs::remove_dir(path)
}

/// The user's runtime directory. In one of another user's, that one could put another
/// config.json in the place of ours.
fn own() -> Option<PathBuf> {
    let path = PathBuf::from(env::var_os("XDG_RUNTIME_DIR")?);
    let found = fs::metadata(&path).ok()?;
    let is_own = found.uid() == geteuid().as_raw() && found.mode() & WRITABLE == 0;
    (path.is_absolute() && found.is_dir() && is_own).then_some(path)
}

/// Removes what the user's earlier tasks have left that were killed: containers too.
fn sweep(base: &Path) {
    let entries = fs::read_dir(base).into_iter().flatten().flatten();
    let ours = entries.filter(|entry| entry.file_name().as_bytes().starts_with(NAME.as_bytes()));
    for path in ours.map(|entry| entry.path()) {
        // It is locked before it has a record. One that was kept has none.
        let Some(_lock) = locked(&path).filter(|_| has_record(&path)) else { continue };
        match empty_and_remove(&path) {
            Ok(()) => {
                log::info!("removed what an earlier command has left in '{}'", path.display())
            }
            Err(error) => {
                log::warn!("cannot clean up '{}': {}", path.display(), files::cause(&error));
            }
        }
    }
}

/// The lock of a directory of this user's, if nobody has it.
fn locked(path: &Path) -> Option<File> {
    let directory = File::from(open(path, DIRECTORY, Mode::empty()).ok()?);
    let is_own = directory.metadata().is_ok_and(|found| found.uid() == geteuid().as_raw());
    (is_own && directory.try_lock().is_ok()).then_some(directory)
}

fn has_record(path: &Path) -> bool {
    let names = fs::read_dir(path).into_iter().flatten().flatten();
    names.map(|entry| entry.file_name()).any(|name| is_record(name.as_bytes()))
}

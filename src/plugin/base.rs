//! The directory below which steps have theirs; surely root's alone, as is the way to it,
//! before anything is made or looked for in it.
#![forbid(unsafe_code)]

use std::{
    ffi::OsStr,
    fs::{self, File},
    io,
    os::fd::OwnedFd,
    path::Path,
};

use nix::{
    fcntl::{OFlag, open, openat},
    sys::stat::{Mode, fchmod, fstat, mkdirat},
    unistd::geteuid,
};

use super::state::{DIRECTORY, PASS, StateError, error};
use crate::{
    files,
    trust::{self, Owner, TrustError},
};

/// The directory of a path, which plugstack.conf names.
pub(super) struct Base<'a> {
    path: &'a Path,
}

impl<'a> Base<'a> {
    pub(super) fn at(path: &'a Path) -> Self {
        Self { path }
    }

    /// Opens it, made if need be.
    pub(super) fn made(&self) -> Result<OwnedFd, StateError> {
        let parent = self.parent().map_err(|cause| self.distrusted(cause))?;
        let made = mkdirat(&parent, self.name(), PASS).is_ok();
        let open = || -> nix::Result<OwnedFd> {
            let fd = openat(&parent, self.name(), DIRECTORY, Mode::empty())?;
            if made {
                fchmod(&fd, PASS)?;
            }
            Ok(fd)
        };
        self.owned(open().map_err(|errno| error("open directory", self.path, errno))?)
    }

    /// Opens it, if there is one.
    pub(super) fn found(&self) -> Result<Option<OwnedFd>, StateError> {
        let looked = fs::symlink_metadata(self.path);
        if looked.is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            return Ok(None);
        }
        let parent = self.parent().map_err(|cause| self.distrusted(cause))?;
        match openat(&parent, self.name(), DIRECTORY, Mode::empty()) {
            Ok(fd) => self.owned(fd).map(Some),
            Err(errno) => Err(error("open directory", self.path, errno)),
        }
    }

    fn name(&self) -> &OsStr {
        self.path.file_name().unwrap_or_default()
    }

    /// The directory it is in.
    fn parent(&self) -> Result<File, TrustError> {
        let path = self.path.parent().unwrap_or(self.path);
        let fd = open(path, OFlag::O_DIRECTORY | OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty());
        let parent = File::from(fd.map_err(io::Error::from)?);
        trust::check(path, &parent, Owner::RootOrSelf)?;
        Ok(parent)
    }

    fn owned(&self, fd: OwnedFd) -> Result<OwnedFd, StateError> {
        let stat = fstat(&fd).map_err(|errno| error("open directory", self.path, errno))?;
        if stat.st_uid == geteuid().as_raw() && stat.st_mode & 0o022 == 0 {
            return Ok(fd);
        }
        let cause = format!(
            "owner {} and mode {:04o}, but it must be root's and writable by root only; run: chown root '{path}' && chmod 0711 '{path}'",
            stat.st_uid,
            stat.st_mode & 0o7777,
            path = self.path.display(),
        );
        Err(StateError { verb: "use directory", path: self.path.to_owned(), cause })
    }

    fn distrusted(&self, cause: TrustError) -> StateError {
        let (verb, cause) = match cause {
            TrustError::Io(cause) => {
                let hint = "; state= in plugstack.conf must name one in a directory that is there";
                ("open directory", files::cause(&cause) + hint)
            }
            changeable => ("use directory", changeable.to_string()),
        };
        StateError { verb, path: self.path.to_owned(), cause }
    }
}

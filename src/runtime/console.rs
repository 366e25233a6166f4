//! Where RunTimeCreate hands over the container's terminal.
//!
//! The runtime makes a pseudo-terminal in the container, connects to the socket
//! that `--console-socket` names and sends the master's descriptor (runc's
//! docs/terminals.md, "Detached").
#![forbid(unsafe_code)]

use std::{
    fs,
    fs::File,
    io::{self, IsTerminal},
    os::{fd::AsFd, unix::net::UnixListener},
    path::{Path, PathBuf},
    time::Duration,
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::RuntimeError;
use crate::{files, sys::terminal};

/// How long a runtime that has made the container may take to send its terminal.
const PATIENCE: Duration = Duration::from_secs(10);

/// The socket; its file is removed when the value is dropped.
pub struct ConsoleSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl ConsoleSocket {
    /// Makes the socket, in a directory that only the user can enter.
    ///
    /// # Errors
    /// The system refuses.
    pub fn listen(path: &Path) -> Result<Self, RuntimeError> {
        match UnixListener::bind(path) {
            Ok(listener) => Ok(Self { listener, path: path.to_owned() }),
            Err(error) => Err(RuntimeError::Prepare {
                verb: "make socket",
                path: path.display().to_string(),
                cause: files::cause(&error),
            }),
        }
    }

    /// The master of the container's terminal, once RunTimeCreate has succeeded.
    ///
    /// # Errors
    /// The runtime sends no terminal.
    pub fn receive(self) -> Result<File, RuntimeError> {
        let failed = |cause: &str| RuntimeError::Operation {
            operation: "RunTimeCreate",
            cause: format!("{cause} came to '{}'", self.path.display()),
        };
        match self.master() {
            Ok(Some(master)) if master.is_terminal() => Ok(master),
            Ok(_) => Err(failed("something else than the container's terminal")),
            Err(error) => Err(failed(&format!("no terminal ({})", files::cause(&error)))),
        }
    }

    fn master(&self) -> io::Result<Option<File>> {
        let mut connection = [PollFd::new(self.listener.as_fd(), PollFlags::POLLIN)];
        let patience = PollTimeout::try_from(PATIENCE).unwrap_or(PollTimeout::MAX);
        if poll(&mut connection, patience)? == 0 {
            return Err(io::Error::other(format!("nothing for {} s", PATIENCE.as_secs())));
        }
        let (connection, _) = self.listener.accept()?;
        connection.set_read_timeout(Some(PATIENCE))?;
        Ok(terminal::receive_descriptor(&connection)?.map(File::from))
    }
}

impl Drop for ConsoleSocket {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            log::warn!("cannot remove '{}': {}", self.path.display(), files::cause(&error));
        }
    }
}

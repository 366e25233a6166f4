//! Where RunTimeCreate, or `crun run`, hands over the container's terminal.
//!
//! The runtime makes a pseudo-terminal in the container, connects to the socket
//! that `--console-socket` names and sends the master's descriptor (runc's
//! docs/terminals.md, "Detached").
#![forbid(unsafe_code)]

use std::{
    fs,
    fs::File,
    io::{self, IsTerminal},
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixListener,
    },
    path::{Path, PathBuf},
    time::Duration,
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::RuntimeError;
use crate::{
    files,
    sys::{pidfd, terminal},
};

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

    /// The master of the container's terminal, once the operation that makes the
    /// container has succeeded.
    ///
    /// # Errors
    /// The runtime sends no terminal.
    pub fn receive(self, operation: &'static str) -> Result<File, RuntimeError> {
        let patience = PollTimeout::try_from(PATIENCE).unwrap_or(PollTimeout::MAX);
        match self.await_connection(None, patience) {
            Ok(true) => self.accept(operation),
            Ok(false) => {
                let cause = format!("nothing for {} s", PATIENCE.as_secs());
                Err(self.failed(operation, &format!("no terminal ({cause})")))
            }
            Err(error) => Err(self.failed(operation, &files::cause(&error))),
        }
    }

    /// The same from RunTimeRun while it runs; `None` if it ends before it has a
    /// container.
    ///
    /// # Errors
    /// The runtime sends something else.
    pub fn receive_from(self, runtime: u32) -> Result<Option<File>, RuntimeError> {
        // Before Linux 5.3 its end is no event here; then patience has to do.
        let end = pidfd::open(runtime);
        let patience = match end {
            Some(_) => PollTimeout::NONE,
            None => PollTimeout::try_from(PATIENCE).unwrap_or(PollTimeout::MAX),
        };
        match self.await_connection(end.as_ref(), patience) {
            Ok(true) => self.accept("RunTimeRun").map(Some),
            Ok(false) => Ok(None),
            Err(error) => Err(self.failed("RunTimeRun", &files::cause(&error))),
        }
    }

    /// Whether the runtime connects, before it ends and within `patience`.
    fn await_connection(&self, end: Option<&OwnedFd>, patience: PollTimeout) -> io::Result<bool> {
        let mut events = vec![PollFd::new(self.listener.as_fd(), PollFlags::POLLIN)];
        events.extend(end.map(|end| PollFd::new(end.as_fd(), PollFlags::POLLIN)));
        poll(&mut events, patience)?;
        Ok(events[0].any().unwrap_or(false))
    }

    fn accept(&self, operation: &'static str) -> Result<File, RuntimeError> {
        let received = || -> io::Result<_> {
            let (connection, _) = self.listener.accept()?;
            connection.set_read_timeout(Some(PATIENCE))?;
            Ok(terminal::receive_descriptor(&connection)?.map(File::from))
        };
        match received() {
            Ok(Some(master)) if master.is_terminal() => Ok(master),
            Ok(_) => Err(self.failed(operation, "something else than the container's terminal")),
            Err(error) => {
                Err(self.failed(operation, &format!("no terminal ({})", files::cause(&error))))
            }
        }
    }

    fn failed(&self, operation: &'static str, cause: &str) -> RuntimeError {
        let cause = format!("{cause} came to '{}'", self.path.display());
        RuntimeError::Console { operation, cause }
    }
}

impl Drop for ConsoleSocket {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            log::warn!("cannot remove '{}': {}", self.path.display(), files::cause(&error));
        }
    }
}

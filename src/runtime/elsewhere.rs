//! A container whose first process is no descendant of this one, because a daemon
//! made it: its end can be awaited, its status cannot be had.
#![forbid(unsafe_code)]

use std::{
    ffi::c_int,
    os::fd::{AsFd, OwnedFd},
};

use nix::{
    libc::SIGKILL,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        signal::SigSet,
        signalfd::{SfdFlags, SignalFd},
    },
};

use super::{
    RuntimeError,
    process::{self, UNKNOWN},
};
use crate::{
    files,
    sys::{children::Ended, parent, pidfd, signals},
    template::Command,
};

/// The process, and the signals that come while it is awaited.
pub struct Elsewhere {
    pid: u32,
    end: OwnedFd,
    signals: SignalFd,
}

impl Elsewhere {
    /// The process that an operation has named.
    ///
    /// # Errors
    /// There is no such process, or the system cannot tell its end (before Linux
    /// 5.3).
    pub fn of(pid: u32, operation: &'static str, command: &Command) -> Result<Self, RuntimeError> {
        let failed = |cause| process::failed(operation, command, cause);
        let cause = format!("there is no process {pid}, or its end cannot be awaited");
        let end = pidfd::open(pid).ok_or_else(|| failed(cause))?;
        let signals = SignalFd::with_flags(&SigSet::all(), SfdFlags::SFD_CLOEXEC);
        let signals = signals.map_err(|errno| failed(files::cause(&errno.into())))?;
        Ok(Self { pid, end, signals })
    }

    /// Waits for its end; signals that come meanwhile are given to `on_signal`.
    pub fn wait(self, on_signal: impl Fn(c_int)) -> Ended {
        loop {
            let (end, signals) = (self.end.as_fd(), self.signals.as_fd());
            let mut fds = [end, signals].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
            let ready = poll(&mut fds, PollTimeout::NONE);
            if ready.is_err() || fds[0].any().unwrap_or(true) {
                log::warn!("the container's exit status is unknown: its runtime keeps it from us");
                return UNKNOWN;
            }
            let signal = self.signals.read_signal().ok().flatten();
            match signal.map(|signal| signal.ssi_signo.cast_signed()) {
                Some(parent::SIGNAL) if parent::is_gone() => signals::send(self.pid, SIGKILL),
                Some(signal) => on_signal(signal),
                None => {}
            }
        }
    }
}

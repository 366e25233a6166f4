//! The end of a process as an event, whatever signals are blocked.

use std::{
    ffi::c_int,
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    time::Duration,
};

/// Waits for the end of a child that is not reaped yet, no longer than
/// `patience`; whether it has ended. True as well where a process cannot be
/// watched so (before Linux 5.3): reaping then waits without a bound.
pub fn ends_within(child: libc::pid_t, patience: Duration) -> bool {
    let Some(fd) = open(child) else { return true };
    let mut poll = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let milliseconds = c_int::try_from(patience.as_millis()).unwrap_or(c_int::MAX);
    loop {
        // SAFETY: one live pollfd with a descriptor that is open.
        match unsafe { libc::poll(&raw mut poll, 1, milliseconds) } {
            0 => return false,
            -1 if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
            _ => return true,
        }
    }
}

fn open(process: libc::pid_t) -> Option<OwnedFd> {
    // SAFETY: pidfd_open takes two numbers and returns a new descriptor or -1.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, process, 0) };
    let fd @ 0.. = c_int::try_from(fd).ok()? else { return None };
    // SAFETY: the descriptor was just made and has no other owner.
    Some(unsafe { OwnedFd::from_raw_fd(fd) })
}

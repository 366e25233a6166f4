//! This process's children, adopted ones included.

use std::{ffi::c_int, fmt, io, mem::MaybeUninit};

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this status.
    Exited(i32),
    /// By this signal, which may be a real-time one.
    Killed(i32),
}

impl Ended {
    /// Whether a signal ended it, or something below it as a shell tells it: by a
    /// status above 128 (sh(1), EXIT STATUS).
    pub fn was_killed(self) -> bool {
        match self {
            Self::Exited(status) => status > 128,
            Self::Killed(_) => true,
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(status) => write!(f, "exit status {status}"),
            Self::Killed(signal) => write!(f, "killed by signal {signal}"),
        }
    }
}

/// What [`reap`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaped {
    /// A child that has ended, and is now gone.
    Child(u32, Ended),
    /// There are children, all of them running.
    Nobody,
    /// There are no children.
    Childless,
}

/// From now on, processes below this one whose parent ends become its children:
/// the first process of a container when the runtime that created it exits.
///
/// # Errors
/// The system refuses.
pub fn adopt_orphans() -> io::Result<()> {
    // SAFETY: prctl with a number; it changes nothing in memory.
    match unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Takes the status of one child that has ended, without waiting for any.
pub fn reap() -> Reaped {
    let mut status: c_int = 0;
    loop {
        // SAFETY: the pointer is to a live local.
        let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
        match u32::try_from(pid) {
            Ok(0) => return Reaped::Nobody,
            Ok(pid) => return Reaped::Child(pid, ended(status)),
            Err(_) if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Reaped::Childless,
        }
    }
}

/// Whether a process is a child of this one, running or not yet reaped.
pub fn is_own(pid: u32) -> bool {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let how = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: the pointer is to a live local of the type that waitid writes.
    unsafe { libc::waitid(libc::P_PID, pid, info.as_mut_ptr(), how) == 0 }
}

/// The meaning of a wait status of a process that is gone.
pub fn ended(status: c_int) -> Ended {
    match libc::WIFEXITED(status) {
        true => Ended::Exited(libc::WEXITSTATUS(status)),
        false => Ended::Killed(libc::WTERMSIG(status)),
    }
}

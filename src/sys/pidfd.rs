//! The end of a process as an event, whatever signals are blocked.

use std::{
    ffi::c_int,
    io,
    mem::MaybeUninit,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    thread,
    time::{Duration, Instant},
};

/// Waits for the end of a process, no longer than `patience`; whether it has ended.
/// A child must not be reaped yet. Before Linux 5.3 others are not waited for.
pub fn ends_within(process: u32, patience: Duration) -> bool {
    match open(process) {
        Some(fd) => readable_within(&fd, patience),
        None => looked_at_until(process, Instant::now() + patience),
    }
}

/// A descriptor that becomes readable at the end of a process; `None` before Linux
/// 5.3, or if there is no such process.
pub fn open(process: u32) -> Option<OwnedFd> {
    // SAFETY: pidfd_open takes two numbers and returns a new descriptor or -1.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, process, 0) };
    let fd @ 0.. = c_int::try_from(fd).ok()? else { return None };
    // SAFETY: the descriptor was just made and has no other owner.
    Some(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn readable_within(fd: &OwnedFd, patience: Duration) -> bool {
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

/// Before Linux 5.3 a process cannot be waited for with a bound in any better way.
fn looked_at_until(child: u32, deadline: Instant) -> bool {
    while Instant::now() < deadline {
        let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
        let how = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        // SAFETY: the pointer is to a live local, all zero as waitid wants it to
        // tell "nothing yet" by.
        let ended = unsafe {
            libc::waitid(libc::P_PID, child, info.as_mut_ptr(), how) != 0
                || info.assume_init_ref().si_pid() != 0
        };
        if ended {
            return true;
        }
        thread::sleep(Duration::from_millis(10));
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn both_ways_see_a_process_end_and_give_up_on_one_that_does_not() {
        let second = Duration::from_secs(1);
        let ways: [fn(u32, Duration) -> bool; 2] =
            [ends_within, |child, patience| looked_at_until(child, Instant::now() + patience)];
        for way in ways {
            let mut child = Command::new("sleep").arg("0.05").spawn().unwrap();
            assert!(way(child.id(), 60 * second));
            assert!(child.wait().unwrap().success());
            let mut child = Command::new("sleep").arg("60").spawn().unwrap();
            assert!(!way(child.id(), second / 50));
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

//! Which descriptors go on to executed programs.

use std::{ffi::c_uint, fs, os::fd::RawFd};

/// The descriptors that no program is given.
const FIRST: c_uint = 3;

/// Keeps all descriptors but standard input and outputs from the programs that
/// this process executes.
pub fn keep_private() {
    let flag = libc::CLOSE_RANGE_CLOEXEC;
    // SAFETY: sets a flag on descriptors; none is closed, so no owner is affected.
    if unsafe { libc::syscall(libc::SYS_close_range, FIRST, c_uint::MAX, flag) } != 0 {
        each_open(|fd| {
            // SAFETY: as above; a number that is no descriptor is an error only.
            unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
        });
    }
}

/// Before Linux 5.11.
fn each_open(act: impl Fn(RawFd)) {
    let entries = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.filter(|&fd: &RawFd| fd >= FIRST.cast_signed()).for_each(act);
}

/// Closes all descriptors but standard input and outputs. Async-signal-safe.
///
/// # Safety
/// Nothing in this process uses another descriptor any more: it is a forked
/// child about to execute a program.
pub unsafe fn close_others() {
    // SAFETY: plain calls with numbers; by the contract no owner is left.
    unsafe {
        if libc::syscall(libc::SYS_close_range, FIRST, c_uint::MAX, 0) != 0 {
            // Before Linux 5.9. The limit may be huge, an open number is not.
            let limit = libc::sysconf(libc::_SC_OPEN_MAX).clamp(0, 65_536);
            for fd in FIRST.cast_signed()..i32::try_from(limit).unwrap_or(0) {
                libc::close(fd);
            }
        }
    }
}

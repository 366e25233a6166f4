//! Which descriptors go on to executed programs.

/// Keeps all descriptors but standard input and outputs from the programs that
/// this process executes (Linux 5.11; before that, nothing is left open here by
/// slurmstepd but what it means to hand down).
pub fn keep_private() {
    // SAFETY: sets a flag on descriptors; none is closed, so no owner is affected.
    unsafe { libc::syscall(libc::SYS_close_range, 3u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
}

//! Whether the process that started this one is still there.

use std::{
    ffi::c_int,
    os::unix::process::CommandExt,
    process::Command,
    sync::atomic::{AtomicI32, Ordering},
};

/// What tells the parent's end: the last real-time signal. Users may send it, too.
pub const SIGNAL: c_int = 64;

/// The parent when it began to be watched; 0 before that.
static PARENT: AtomicI32 = AtomicI32::new(0);

/// Asks for [`SIGNAL`] at the parent's end (prctl(2), `PR_SET_PDEATHSIG`).
pub fn watch() {
    // SAFETY: numbers only.
    PARENT.store(unsafe { libc::getppid() }, Ordering::Relaxed);
    // SAFETY: numbers only; it cannot fail with a valid signal.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, SIGNAL) };
}

/// Whether the parent is gone since it was watched. The signal alone does not tell:
/// it also comes when the parent's thread ends that had started this process.
pub fn is_gone() -> bool {
    let parent = PARENT.load(Ordering::Relaxed);
    // SAFETY: no arguments.
    parent != 0 && parent != unsafe { libc::getppid() }
}

/// Has a process that is about to be started killed at the end of this one, which has one
/// thread.
pub fn end_with_this(process: &mut Command) {
    // SAFETY: prctl(2) with numbers is async-signal-safe, as what runs between fork and
    // exec has to be.
    unsafe {
        process.pre_exec(|| {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            Ok(())
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_that_lives_is_not_gone() {
        assert!(!is_gone());
        watch();
        assert!(!is_gone());
    }
}

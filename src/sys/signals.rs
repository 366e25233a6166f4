//! Signals as events: they are blocked, and waited for one at a time. No handler
//! ever runs.

use std::{
    ffi::c_int, io, mem::MaybeUninit, os::unix::process::CommandExt, process::Command, ptr,
    time::Duration,
};

/// Highest signal number, real-time signals included.
const LAST: c_int = 64;

/// Blocks all signals for this process, which has one thread, so that [`wait`]
/// gets them. Threads and children inherit that: see [`start_clean`].
pub fn block_all() {
    let all = full_set();
    // SAFETY: a live, initialised set; the old mask is not asked for.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const all, ptr::null_mut()) };
}

/// Waits for the next blocked signal and takes it.
///
/// # Errors
/// The system refuses.
pub fn wait() -> io::Result<c_int> {
    let all = full_set();
    let mut signal = 0;
    // SAFETY: a live, initialised set and a pointer to a live local.
    match unsafe { libc::sigwait(&raw const all, &raw mut signal) } {
        0 => Ok(signal),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

/// Takes a blocked signal that is here already.
pub fn poll() -> Option<c_int> {
    taken(&full_set(), Duration::ZERO)
}

/// Takes one of these blocked signals if it comes within `patience`. Others stay.
pub fn wait_within(signals: &[c_int], patience: Duration) -> Option<c_int> {
    taken(&set_of(signals), patience)
}

fn taken(set: &libc::sigset_t, patience: Duration) -> Option<c_int> {
    let patience = libc::timespec {
        tv_sec: patience.as_secs().try_into().unwrap_or(libc::time_t::MAX),
        tv_nsec: patience.subsec_nanos().into(),
    };
    // SAFETY: a live, initialised set and a live timespec; what is told of the signal
    // beside its number is not asked for.
    let signal = unsafe { libc::sigtimedwait(set, ptr::null_mut(), &raw const patience) };
    (signal > 0).then_some(signal)
}

/// Sends a signal to a process; one that is gone needs none.
pub fn send(process: u32, signal: c_int) {
    if let Ok(process @ 1..) = libc::pid_t::try_from(process) {
        // SAFETY: two numbers.
        unsafe { libc::kill(process, signal) };
    }
}

/// Ends this process by a signal, as its child was ended, so that whoever waits
/// for it sees the same; returns only if the signal cannot end a process.
pub fn die_of(signal: c_int) {
    // SAFETY: plain calls with numbers and a live set; no handler of ours is
    // installed that the default action could bypass.
    unsafe {
        // A core dump would be the helper's, not the program's.
        let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        libc::setrlimit(libc::RLIMIT_CORE, &raw const none);
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
    }
    reset();
}

/// Lets a child begin as a task of slurmstepd does, with no signal blocked or
/// ignored. By itself `std` hands the mask of this process down, and glibc's
/// posix_spawn ignores two signals; runc passes both on to the container.
pub fn start_clean(process: &mut Command) {
    // SAFETY: `reset` is async-signal-safe, as what runs between fork and exec has
    // to be.
    unsafe {
        process.pre_exec(|| {
            reset();
            Ok(())
        });
    }
}

/// Every signal back to its default action, none blocked. Async-signal-safe.
pub fn reset() {
    // SAFETY: async-signal-safe calls with numbers and a live, initialised set.
    // Changing the two signals that cannot be changed fails, harmlessly.
    unsafe {
        for signal in 1..=LAST {
            libc::signal(signal, libc::SIG_DFL);
        }
        let mut none = MaybeUninit::uninit();
        libc::sigemptyset(none.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), ptr::null_mut());
    }
}

fn set_of(signals: &[c_int]) -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigemptyset initialises the set it is given; a number that is no signal
    // changes nothing.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        signals.iter().for_each(|&signal| _ = libc::sigaddset(set.as_mut_ptr(), signal));
        set.assume_init()
    }
}

fn full_set() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigfillset initialises the set it is given.
    unsafe {
        libc::sigfillset(set.as_mut_ptr());
        set.assume_init()
    }
}

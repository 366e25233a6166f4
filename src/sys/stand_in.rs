//! A process that stays in this one's process group.
//!
//! Who signals the group is heard by the *stand-in*, which stays there. What can be caught
//! it sends on to this process, which has left the group, so that each signal arrives once.
//! That a process was stopped, goes on or was killed is told to its parent only: between
//! the two there is a *watcher*, to be that parent. Both end with this process.

use std::{
    convert::Infallible,
    io::{self, Read, Write},
    mem::MaybeUninit,
    process,
    sync::atomic::{AtomicU32, Ordering},
};

use super::{exit, fds, signals};

/// The watcher; 0 without one.
static WATCHER: AtomicU32 = AtomicU32::new(0);

/// What was done to the process group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    /// It was stopped (SIGSTOP).
    Stopped,
    /// It goes on (SIGCONT).
    Continued,
    /// It was killed (SIGKILL).
    Killed,
}

/// Starts a stand-in and leaves the process group to it; whether this process has left. One
/// that leads a session cannot (setpgid(2)). What happens is given to `on`, in the watcher.
/// All signals are blocked in this process ([`signals::block_all`]), which has one thread.
///
/// # Errors
/// The system refuses a process.
pub fn start(on: impl FnMut(Happened)) -> io::Result<bool> {
    let (mut ready, tell) = io::pipe()?;
    let this = process::id();
    // SAFETY: a number; nothing is written.
    let leaves = unsafe { libc::getsid(0) }.cast_unsigned() != this;
    // SAFETY: this process has one thread, so that its child may go on as any process.
    let watcher = match unsafe { libc::fork() } {
        -1 => return Err(io::Error::last_os_error()),
        0 => {
            let Err(_) = watch(this, leaves, tell, on);
            exit::now(1);
        }
        watcher => watcher.cast_unsigned(),
    };
    drop(tell);
    ready.read_exact(&mut [0])?;
    WATCHER.store(watcher, Ordering::Relaxed);
    if leaves {
        // The watcher leads a group; this process may lead the one that it leaves, and
        // could not have a new one of its own.
        set_group(watcher)?;
    }
    Ok(leaves)
}

/// Whether a process is the watcher of this one's stand-in.
pub fn is_watcher(pid: u32) -> bool {
    WATCHER.load(Ordering::Relaxed) == pid
}

/// The watcher: has a stand-in, leaves the group, tells that it is ready, and gives what
/// happens to `on` until it was killed.
fn watch(
    watched: u32,
    relays: bool,
    mut tell: impl Write,
    mut on: impl FnMut(Happened),
) -> io::Result<Infallible> {
    end_with(watched);
    let this = process::id();
    // SAFETY: the process is a copy of one with one thread.
    let stand_in = match unsafe { libc::fork() } {
        -1 => return Err(io::Error::last_os_error()),
        0 => stand(this, relays.then_some(watched)),
        stand_in => stand_in.cast_unsigned(),
    };
    set_group(0)?;
    tell.write_all(&[0])?;
    // SAFETY: nothing but the above has used a descriptor, and `tell` is never dropped.
    unsafe { fds::close_others() };
    loop {
        let happened = next(stand_in)?;
        on(happened);
        if happened == Happened::Killed {
            exit::now(0);
        }
    }
}

/// The stand-in: sends each signal on, if there is somebody to have it.
fn stand(watcher: u32, relayed_to: Option<u32>) -> ! {
    end_with(watcher);
    // SAFETY: a copy of the watcher, whose `tell` is never dropped here.
    unsafe { fds::close_others() };
    loop {
        if let (Ok(signal), Some(process)) = (signals::wait(), relayed_to) {
            signals::send(process, signal);
        }
    }
}

/// Waits until something happens to a child.
fn next(child: u32) -> io::Result<Happened> {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let what = libc::WSTOPPED | libc::WCONTINUED | libc::WEXITED;
    // SAFETY: the pointer is to a live local of the type that waitid writes.
    if unsafe { libc::waitid(libc::P_PID, child, info.as_mut_ptr(), what) } == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: zeroes are a siginfo_t, and waitid has succeeded.
    match unsafe { info.assume_init() }.si_code {
        libc::CLD_STOPPED => Ok(Happened::Stopped),
        libc::CLD_CONTINUED => Ok(Happened::Continued),
        _ => Ok(Happened::Killed),
    }
}

/// Has this process killed when its parent ends.
fn end_with(parent: u32) {
    // SAFETY: numbers only; it cannot fail with a valid signal.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    // SAFETY: no arguments.
    if unsafe { libc::getppid() }.cast_unsigned() != parent {
        exit::now(1);
    }
}

/// Moves this process to a group; to one of its own for 0.
fn set_group(group: u32) -> io::Result<()> {
    // SAFETY: numbers only.
    match unsafe { libc::setpgid(0, group.cast_signed()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::{
        fs,
        os::unix::process::CommandExt,
        process::{Child, Command},
        thread::yield_now,
    };

    use super::*;

    /// Starts a shell that leads a group and has left it to its stand-in.
    pub fn shell_that_left(script: &str, on: fn(Happened, u32)) -> Child {
        let mut shell = Command::new("sh");
        shell.args(["-c", script]).process_group(0);
        // SAFETY: what is executed between fork and exec is more than a program with
        // threads may do by the book, and works with glibc, which leaves its locks free.
        unsafe {
            shell.pre_exec(move || {
                signals::block_all();
                let helper = process::id();
                assert!(start(|happened| on(happened, helper))?);
                Ok(())
            });
        }
        shell.spawn().unwrap()
    }

    /// Signals the group that a shell has led.
    pub fn signal_group(shell: &Child, signal: i32) {
        // SAFETY: numbers only.
        assert_eq!(unsafe { libc::killpg(shell.id().cast_signed(), signal) }, 0);
    }

    fn field(process: &Child, name: &str) -> String {
        let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().to_owned()
    }

    fn nothing(_: Happened, _: u32) {}

    #[test]
    fn a_signal_for_the_group_still_arrives() {
        let mut shell = shell_that_left("sleep 600", nothing);
        // SAFETY: a number.
        let group = unsafe { libc::getpgid(shell.id().cast_signed()) };
        assert_ne!(group.cast_unsigned(), shell.id());
        signal_group(&shell, libc::SIGUSR1);
        // It is blocked there, so that it stays.
        let expected = format!("{:016x}", 1 << (libc::SIGUSR1 - 1));
        while field(&shell, "ShdPnd:") != expected {
            yield_now();
        }
        shell.kill().unwrap();
        shell.wait().unwrap();
    }

    #[test]
    fn the_stand_in_ends_with_the_process() {
        let mut shell = shell_that_left("sleep 600", nothing);
        let group = shell.id().cast_signed();
        shell.kill().unwrap();
        shell.wait().unwrap();
        // SAFETY: numbers only; there is such a group until the stand-in is gone.
        while unsafe { libc::killpg(group, 0) } == 0 {
            yield_now();
        }
    }
}

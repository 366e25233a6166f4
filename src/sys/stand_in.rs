//! A process that stays in this one's process group.
//!
//! Who signals the group is heard by the *stand-in*, which stays there. What can be caught
//! it sends on to this process, which has left the group, so that each signal arrives once.
//! That a process was stopped, goes on or was killed is told to its parent only: between
//! the two there is a *watcher*, to be that parent. Both end with this process.

use std::{
    convert::Infallible,
    io::{self, Read, Write},
    sync::atomic::{AtomicI32, Ordering},
};

use nix::{
    sys::{
        prctl::set_pdeathsig,
        signal::{Signal, kill},
        wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid},
    },
    unistd::{ForkResult, Pid, fork, getpid, getppid, getsid, setpgid},
};

use super::{exit, fds, signals};

/// The watcher; 0 without one.
static WATCHER: AtomicI32 = AtomicI32::new(0);

/// For the calls that take a process: this one, or for a group, one of its own.
const NOBODY: Pid = Pid::from_raw(0);

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
    let this = getpid();
    let leaves = getsid(None)? != this;
    // SAFETY: this process has one thread, so that its child may go on as any process.
    let watcher = match unsafe { fork() }? {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            let Err(_) = watch(this, leaves, tell, on);
            exit::now(1);
        }
    };
    drop(tell);
    let begun = ready.read_exact(&mut [0]).and_then(|()| match leaves {
        // The watcher leads a group; this process may lead the one that it leaves, and
        // could not have a new one of its own.
        true => Ok(setpgid(NOBODY, watcher)?),
        false => Ok(()),
    });
    match begun {
        Ok(()) => WATCHER.store(watcher.as_raw(), Ordering::Relaxed),
        // Whoever stays in the group is to hear its signals once.
        Err(_) => _ = kill(watcher, Signal::SIGKILL).and_then(|()| waitpid(watcher, None)),
    }
    begun.map(|()| leaves)
}

/// Whether a process is the watcher of this one's stand-in.
pub fn is_watcher(pid: u32) -> bool {
    WATCHER.load(Ordering::Relaxed).cast_unsigned() == pid
}

/// The watcher: has a stand-in, leaves the group, tells that it is ready, and gives what
/// happens to `on` until it was killed.
fn watch(
    watched: Pid,
    relays: bool,
    mut tell: impl Write,
    mut on: impl FnMut(Happened),
) -> io::Result<Infallible> {
    end_with(watched);
    let this = getpid();
    // SAFETY: the process is a copy of one with one thread.
    let stand_in = match unsafe { fork() }? {
        ForkResult::Parent { child } => child,
        ForkResult::Child => stand(this, relays.then_some(watched)),
    };
    setpgid(NOBODY, NOBODY)?;
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
fn stand(watcher: Pid, relayed_to: Option<Pid>) -> ! {
    end_with(watcher);
    // SAFETY: a copy of the watcher, whose `tell` is never dropped here.
    unsafe { fds::close_others() };
    loop {
        if let (Ok(signal), Some(process)) = (signals::wait(), relayed_to) {
            signals::send(process.as_raw().cast_unsigned(), signal);
        }
    }
}

/// Waits until something happens to a child.
fn next(child: Pid) -> nix::Result<Happened> {
    let what = WaitPidFlag::WSTOPPED | WaitPidFlag::WCONTINUED | WaitPidFlag::WEXITED;
    Ok(match waitid(Id::Pid(child), what)? {
        WaitStatus::Stopped(..) => Happened::Stopped,
        WaitStatus::Continued(_) => Happened::Continued,
        _ => Happened::Killed,
    })
}

/// Has this process killed when its parent ends.
fn end_with(parent: Pid) {
    let asked = set_pdeathsig(Signal::SIGKILL);
    if asked.is_err() || getppid() != parent {
        exit::now(1);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::{
        fs,
        os::unix::process::CommandExt,
        process::{self, Child, Command},
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
        let mut shell = shell_that_left("exec sleep 600", nothing);
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
        let mut shell = shell_that_left("exec sleep 600", nothing);
        let group = shell.id().cast_signed();
        shell.kill().unwrap();
        shell.wait().unwrap();
        // SAFETY: numbers only; there is such a group until the stand-in is gone.
        while unsafe { libc::killpg(group, 0) } == 0 {
            yield_now();
        }
    }
}

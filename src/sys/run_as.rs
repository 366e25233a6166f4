//! One program, run by root as a user, from a process with threads.

use std::{
    ffi::{CString, OsStr, OsString, c_char, c_int},
    fmt, io,
    os::unix::ffi::OsStrExt,
    path::Path,
    ptr,
    time::Duration,
};

use super::{
    children::{self, Ended},
    fds, pidfd,
};

/// How the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As processes do.
    Ended(Ended),
    /// It took too long and was killed.
    TimedOut,
    /// Another part of the process took the status away.
    Unknown,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended(Ended::Exited(status)) => write!(f, "exited with status {status}"),
            Self::Ended(Ended::Killed(signal)) => write!(f, "was killed by signal {signal}"),
            Self::TimedOut => write!(f, "took too long and was killed"),
            Self::Unknown => write!(f, "ended, its status is unknown"),
        }
    }
}

/// Status of the child when it could not become the user or execute.
const NOT_EXECUTED: c_int = 127;

/// Runs `program` with the rights of `uid` and `gid` and no other group, in `/`,
/// with standard input and outputs on /dev/null and no other descriptor, the
/// environment holding PATH alone, in a session of its own; waits for it, but no
/// longer than `patience`.
///
/// # Errors
/// The process could not be made.
pub fn run(
    program: &Path,
    arguments: &[OsString],
    uid: u32,
    gid: u32,
    patience: Duration,
) -> io::Result<Outcome> {
    let c_string = |text: &OsStr| CString::new(text.as_bytes());
    let program = c_string(program.as_os_str())?;
    let arguments = arguments.iter().map(|text| c_string(text)).collect::<Result<Vec<_>, _>>()?;
    let mut argv = vec![program.as_ptr()];
    argv.extend(arguments.iter().map(|text| text.as_ptr()));
    argv.push(ptr::null());
    let path = c"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let env = [path.as_ptr(), ptr::null()];

    // SAFETY: the child calls nothing but async-signal-safe functions on memory
    // prepared before the fork, and ends in exec or _exit.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => become_and_execute(&argv, &env, uid, gid),
        child => Ok(wait(child, patience)),
    }
}

fn become_and_execute(argv: &[*const c_char], env: &[*const c_char], uid: u32, gid: u32) -> ! {
    // SAFETY: async-signal-safe calls only; `argv` and `env` are NULL-terminated
    // arrays of C strings, whose owners live in the caller. The user's rights
    // are taken before exec, the groups first, since that needs root's.
    unsafe {
        let as_root = libc::geteuid() == 0;
        let became = libc::setsid() != -1
            && libc::chdir(c"/".as_ptr()) == 0
            && (!as_root
                || libc::setgroups(1, &raw const gid) == 0
                    && libc::setresgid(gid, gid, gid) == 0
                    && libc::setresuid(uid, uid, uid) == 0);
        if became && on_dev_null() {
            super::signals::reset();
            libc::execve(argv[0], argv.as_ptr(), env.as_ptr());
        }
        libc::_exit(NOT_EXECUTED)
    }
}

/// Descriptors 0 to 2 on /dev/null, all others closed.
fn on_dev_null() -> bool {
    // SAFETY: async-signal-safe calls on descriptors of the forked child alone;
    // it owns all of them and uses none after this.
    unsafe {
        let null = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR);
        let done = null != -1 && (0..=2).all(|fd| libc::dup2(null, fd) == fd);
        fds::close_others();
        done
    }
}

fn wait(child: libc::pid_t, patience: Duration) -> Outcome {
    if !pidfd::ends_within(child.cast_unsigned(), patience) {
        // SAFETY: `child` is our own and not reaped yet, so the pid is still its.
        unsafe { libc::kill(child, libc::SIGKILL) };
        reap(child);
        return Outcome::TimedOut;
    }
    reap(child).map_or(Outcome::Unknown, |status| Outcome::Ended(children::ended(status)))
}

fn reap(child: libc::pid_t) -> Option<c_int> {
    let mut status = 0;
    loop {
        // SAFETY: the pointer is to a live local.
        match unsafe { libc::waitpid(child, &raw mut status, 0) } {
            -1 if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
            -1 => return None,
            _ => return Some(status),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::unistd::{getegid, geteuid};

    fn sh(script: &str, patience: Duration) -> Outcome {
        let arguments = ["-c".into(), script.into()];
        let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
        run(Path::new("/bin/sh"), &arguments, uid, gid, patience).unwrap()
    }

    #[test]
    fn the_outcome_is_the_programs_own() {
        let patience = Duration::from_secs(10);
        assert_eq!(sh("exit 0", patience), Outcome::Ended(Ended::Exited(0)));
        assert_eq!(sh("exit 7", patience), Outcome::Ended(Ended::Exited(7)));
        assert_eq!(sh("kill -TERM $$", patience), Outcome::Ended(Ended::Killed(libc::SIGTERM)));
    }

    #[test]
    fn a_program_that_hangs_is_killed() {
        assert_eq!(sh("sleep 60", Duration::from_millis(50)), Outcome::TimedOut);
    }

    #[test]
    fn a_program_that_is_missing_is_status_127() {
        let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
        let outcome = run(Path::new("/missing"), &[], uid, gid, Duration::from_secs(10));
        assert_eq!(outcome.unwrap(), Outcome::Ended(Ended::Exited(NOT_EXECUTED)));
    }

    #[test]
    fn the_program_has_no_descriptor_but_the_three_and_no_environment_but_path() {
        let script = "test \"$(ls /proc/$$/fd | wc -w)\" -le 4 && test \"$(env | grep -vc '^\\(PATH\\|PWD\\|_\\|SHLVL\\|OLDPWD\\)=')\" = 0";
        assert_eq!(sh(script, Duration::from_secs(10)), Outcome::Ended(Ended::Exited(0)));
    }

    #[test]
    fn root_becomes_the_user_for_good() {
        if !geteuid().is_root() {
            eprintln!("not run: needs root");
            return;
        }
        let script = "test \"$(id -u):$(id -g):$(id -G)\" = 12345:54321:54321 && test \"$(awk '/^Uid/{print $2$3$4$5}' /proc/self/status)\" = 12345123451234512345";
        let arguments = ["-c".into(), script.into()];
        let outcome = run(Path::new("/bin/sh"), &arguments, 12345, 54321, Duration::from_secs(10));
        assert_eq!(outcome.unwrap(), Outcome::Ended(Ended::Exited(0)));
    }
}

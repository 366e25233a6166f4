//! One program, run by root as a user, from a process with threads.

use std::{
    ffi::{CString, OsStr, OsString, c_char, c_int},
    io,
    os::{
        fd::{AsRawFd, RawFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
    ptr,
    time::{Duration, Instant},
};

use super::fds;
use crate::pipe;

/// Status of the child when it could not become the user or execute.
const NOT_EXECUTED: c_int = 127;
/// How much longer than the program may take its end is waited for.
const MOMENT: Duration = Duration::from_secs(1);

/// Runs `program` with the rights of `uid` and `gid` and no other group, in `/`,
/// with no descriptor but /dev/null as standard input and a pipe as outputs, the
/// environment holding PATH alone, in a session of its own, and as likely as any to be
/// killed when memory is short. What it writes is returned once it has ended, or closed its
/// outputs. It is killed (alarm(2)) when it takes longer than `patience`.
///
/// It is no descendant of this process: slurmstepd, under proctrack/linuxproc,
/// signals all of its own.
///
/// # Errors
/// The process could not be made, or its outputs are still open after `patience`.
pub fn run(
    program: &Path,
    arguments: &[OsString],
    uid: u32,
    gid: u32,
    patience: Duration,
) -> io::Result<Vec<u8>> {
    let c_string = |text: &OsStr| CString::new(text.as_bytes());
    let program = c_string(program.as_os_str())?;
    let arguments = arguments.iter().map(|text| c_string(text)).collect::<Result<Vec<_>, _>>()?;
    let mut argv = vec![program.as_ptr()];
    argv.extend(arguments.iter().map(|text| text.as_ptr()));
    argv.push(ptr::null());
    let path = c"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let env = [path.as_ptr(), ptr::null()];
    let (told, telling) = io::pipe()?;

    // SAFETY: the child calls nothing but async-signal-safe functions on memory
    // prepared before the fork, and ends in exec or _exit.
    match unsafe { libc::fork() } {
        -1 => return Err(io::Error::last_os_error()),
        0 => {
            let task = Task { uid, gid, patience, output: telling.as_raw_fd() };
            leave_and_execute(&argv, &env, &task)
        }
        child => reap(child),
    }
    drop(telling);
    pipe::read_until(Instant::now() + patience + MOMENT, told)
}

/// What the child becomes.
struct Task {
    uid: u32,
    gid: u32,
    patience: Duration,
    output: RawFd,
}

/// Forks once more, so that the process that goes on is nobody's child.
fn leave_and_execute(argv: &[*const c_char], env: &[*const c_char], task: &Task) -> ! {
    // SAFETY: async-signal-safe calls only, as in `run`.
    unsafe {
        match libc::fork() {
            0 => become_and_execute(argv, env, task),
            -1 => libc::_exit(NOT_EXECUTED),
            _ => libc::_exit(0),
        }
    }
}

fn become_and_execute(argv: &[*const c_char], env: &[*const c_char], task: &Task) -> ! {
    let Task { uid, gid, patience, output } = task;
    // SAFETY: async-signal-safe calls only; `argv` and `env` are NULL-terminated
    // arrays of C strings, whose owners live in the caller. The user's rights
    // are taken before exec, the groups first, since that needs root's.
    unsafe {
        spare_no_more();
        let as_root = libc::geteuid() == 0;
        let became = libc::setsid() != -1
            && libc::chdir(c"/".as_ptr()) == 0
            && (!as_root
                || libc::setgroups(1, gid) == 0
                    && libc::setresgid(*gid, *gid, *gid) == 0
                    && libc::setresuid(*uid, *uid, *uid) == 0);
        if became && with_outputs(*output) {
            super::signals::reset();
            // Of 0 s it would be none.
            libc::alarm(patience.as_secs().try_into().unwrap_or(0).max(1));
            libc::execve(argv[0], argv.as_ptr(), env.as_ptr());
        }
        libc::_exit(NOT_EXECUTED)
    }
}

/// slurmd and slurmstepd are spared when the kernel looks for somebody to kill for memory;
/// what a user has made of the program must not be. While this is root's process still:
/// afterwards its files in /proc are not the user's before it executes something.
fn spare_no_more() {
    let (path, likely) = (c"/proc/self/oom_score_adj", b"0");
    // SAFETY: async-signal-safe calls on a descriptor of the forked child's own; the text
    // has the length that is told. Without such a file there is nothing to change.
    unsafe {
        let fd = libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
        if fd != -1 {
            libc::write(fd, likely.as_ptr().cast(), likely.len());
            libc::close(fd);
        }
    }
}

/// Descriptor 0 on /dev/null, 1 and 2 on `output`, all others closed.
fn with_outputs(output: RawFd) -> bool {
    // SAFETY: async-signal-safe calls on descriptors of the forked child alone;
    // it owns all of them and uses none after this. `output` may be one of the three
    // that are replaced, so it is duplicated to a number above them first.
    unsafe {
        let output = libc::fcntl(output, libc::F_DUPFD, 3);
        let null = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR);
        let done = output != -1
            && null != -1
            && libc::dup2(null, 0) == 0
            && (1..=2).all(|fd| libc::dup2(output, fd) == fd);
        fds::close_others();
        done
    }
}

fn reap(child: libc::pid_t) {
    loop {
        // SAFETY: `child` is our own; its status is not asked for.
        match unsafe { libc::waitpid(child, ptr::null_mut(), 0) } {
            -1 if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::unistd::{getegid, geteuid};

    const PATIENCE: Duration = Duration::from_secs(10);

    fn sh(script: &str, patience: Duration) -> io::Result<String> {
        let arguments = ["-c".into(), script.into()];
        let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
        let told = run(Path::new("/bin/sh"), &arguments, uid, gid, patience)?;
        Ok(String::from_utf8(told).unwrap())
    }

    #[test]
    fn what_the_program_writes_is_told() {
        assert_eq!(sh("echo out; echo err >&2", PATIENCE).unwrap(), "out\nerr\n");
        assert_eq!(sh("true", PATIENCE).unwrap(), "");
    }

    #[test]
    fn a_program_that_hangs_is_killed() {
        let told = sh("echo $$; exec sleep 600", Duration::from_secs(1)).unwrap();
        assert!(!Path::new(&format!("/proc/{}/exe", told.trim())).exists(), "{told}");
    }

    #[test]
    fn one_that_keeps_its_outputs_open_elsewhere_is_not_waited_for() {
        let error = sh("sleep 5 &", Duration::from_millis(50)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn a_program_that_is_missing_tells_nothing() {
        let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
        assert_eq!(run(Path::new("/missing"), &[], uid, gid, PATIENCE).unwrap(), b"");
    }

    #[test]
    fn it_is_no_descendant_of_this_process() {
        let parent: u32 = sh("echo $PPID", PATIENCE).unwrap().trim().parse().unwrap();
        assert_ne!(parent, std::process::id());
    }

    #[test]
    fn the_program_has_no_descriptor_but_the_three_and_no_environment_but_path() {
        let script = "ls /proc/$$/fd; env | grep -v '^\\(PWD\\|_\\|SHLVL\\|OLDPWD\\)='";
        let expected =
            "0\n1\n2\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n";
        assert_eq!(sh(script, PATIENCE).unwrap(), expected);
    }

    #[test]
    fn the_program_is_as_likely_as_any_to_be_killed_when_memory_is_short() {
        // slurmstepd's is -1000, which not every root may set.
        let own = "/proc/self/oom_score_adj";
        let before = std::fs::read_to_string(own).unwrap();
        std::fs::write(own, "500").unwrap();
        let told = sh("cat /proc/self/oom_score_adj", PATIENCE);
        std::fs::write(own, before).unwrap();
        assert_eq!(told.unwrap(), "0\n");
    }

    #[test]
    fn root_becomes_the_user_for_good() {
        if !geteuid().is_root() {
            eprintln!("not run: needs root");
            return;
        }
        let script =
            "id -u; id -g; id -G; grep -E '^(Uid|Gid)' /proc/self/status | tr -s '\\t' ' '";
        let arguments = ["-c".into(), script.into()];
        let told = run(Path::new("/bin/sh"), &arguments, 12345, 54321, PATIENCE).unwrap();
        let expected =
            "12345\n54321\n54321\nUid: 12345 12345 12345 12345\nGid: 54321 54321 54321 54321\n";
        assert_eq!(String::from_utf8(told).unwrap(), expected);
    }
}

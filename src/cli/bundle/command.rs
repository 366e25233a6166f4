//! One program at its work. Signals are events meanwhile, so that Ctrl-C ends it first.
#![forbid(unsafe_code)]

use std::{
    cell::Cell,
    ffi::c_int,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    os::{fd::AsFd, unix::process::CommandExt},
    process::{Command as Process, Stdio},
};

use nix::{
    libc::{SIGALRM, SIGCONT, SIGHUP, SIGINT, SIGKILL, SIGQUIT, SIGSTOP, SIGTERM, SIGTSTP},
    sys::{
        memfd::{MFdFlags, memfd_create},
        signal::{Signal, killpg},
    },
    unistd::Pid,
};

use super::{
    programs::Program,
    progress::{self, Progress},
    recipe::Command,
};
use crate::{
    files,
    runtime::process::supervise,
    sys::{children::Ended, signals},
};

/// What ends this program.
const ENDING: [c_int; 4] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];
/// The most lines that are shown of what a program says, and the most bytes read.
const LINES: usize = 10;
const LARGEST: u64 = 1 << 20;

/// Why a program did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// A signal for this program.
    #[error("interrupted by signal {0}")]
    Interrupted(c_int),
    /// It cannot be executed.
    #[error("cannot execute '{0}': {1}")]
    Start(&'static str, String),
    /// It failed. What it said is already to be seen, or comes here.
    #[error("{doing}: '{program}' failed: {how}{hint}{said}")]
    Failed {
        /// What it was to do.
        doing: String,
        /// Its name.
        program: &'static str,
        /// How it ended.
        how: Ended,
        /// What to do.
        hint: &'static str,
        /// What it said.
        said: String,
    },
}

/// Runs a program to its end. Tells what it left out.
///
/// # Errors
/// It cannot be executed, it fails, or a signal ends this program.
pub fn run(command: &Command) -> Result<Option<&'static str>, CommandError> {
    let lets_through = command.shows_progress && progress::is_seen();
    let progress = Progress::begin(&command.doing, !lets_through);
    let ended = at_work(command, &progress, lets_through);
    let done = ended.and_then(|(how, said)| judged(command, how, &said));
    progress.end(done.is_ok());
    done
}

/// How it ended, and what it said, if nobody has seen that.
fn at_work(
    command: &Command,
    progress: &Progress,
    lets_through: bool,
) -> Result<(Ended, String), CommandError> {
    // In memory: the file system may be full, and the program about to say so.
    let log = memfd_create("log", MFdFlags::MFD_CLOEXEC).map(File::from).map_err(io::Error::from);
    let started = log.and_then(|log| Ok((start(command, &log, lets_through)?, log)));
    let name = command.program.name();
    let (child, log) = started.map_err(|error| CommandError::Start(name, files::cause(&error)))?;
    Ok((wait(child, progress)?, said(&log)))
}

/// Whether it has done its work.
fn judged(command: &Command, how: Ended, said: &str) -> Result<Option<&'static str>, CommandError> {
    match how {
        Ended::Exited(0) => Ok(None),
        Ended::Exited(_) if command.program == Program::Tar && lacks_only_devices(said) => {
            Ok(Some("device nodes left out: a container has its own in /dev"))
        }
        how => Err(CommandError::Failed {
            doing: command.doing.clone(),
            program: command.program.name(),
            how,
            hint: hint(said),
            said: last_lines(said),
        }),
    }
}

/// Starts it, in a process group of its own, where each signal arrives once.
fn start(command: &Command, log: &File, lets_through: bool) -> io::Result<u32> {
    let output = || match lets_through {
        true => io::stderr().as_fd().try_clone_to_owned().map(Stdio::from),
        false => log.try_clone().map(Stdio::from),
    };
    let path = command.program.path().ok_or(io::ErrorKind::NotFound)?;
    let mut process = Process::new(path);
    process.args(&command.args).stdout(output()?).stderr(output()?);
    process.stdin(if command.reads_input { Stdio::inherit() } else { Stdio::null() });
    // What it says is looked at.
    process.env("LC_ALL", "C").process_group(0);
    signals::start_clean(&mut process);
    Ok(process.spawn()?.id())
}

/// Waits for its end, and passes on what ends or stops this program.
fn wait(child: u32, progress: &Progress) -> Result<Ended, CommandError> {
    let interrupted = Cell::new(None);
    let ended = supervise(child, |signal| match signal {
        SIGALRM => progress.draw(),
        SIGTSTP => {
            send(child, SIGSTOP);
            signals::send(std::process::id(), SIGSTOP);
        }
        SIGCONT => send(child, SIGCONT),
        // Whoever asks twice cannot wait.
        _ if ENDING.contains(&signal) => match interrupted.replace(Some(signal)) {
            None => send(child, signal),
            Some(_) => send(child, SIGKILL),
        },
        _ => {}
    });
    match interrupted.get() {
        Some(signal) => Err(CommandError::Interrupted(signal)),
        None => Ok(ended.unwrap_or(Ended::Exited(255))),
    }
}

fn send(group: u32, signal: c_int) {
    if let (Ok(group), Ok(signal)) = (i32::try_from(group), Signal::try_from(signal)) {
        let _ = killpg(Pid::from_raw(group), signal);
    }
}

/// Notices a signal that came while no program ran.
///
/// # Errors
/// It ends this program.
pub fn interruption() -> Result<(), CommandError> {
    while let Some(signal) = signals::poll() {
        match signal {
            SIGTSTP => signals::send(std::process::id(), SIGSTOP),
            _ if ENDING.contains(&signal) => return Err(CommandError::Interrupted(signal)),
            _ => {}
        }
    }
    Ok(())
}

/// The end of what it has said.
fn said(mut log: &File) -> String {
    let mut text = Vec::new();
    let length = log.metadata().map_or(0, |it| it.len());
    let start = SeekFrom::Start(length.saturating_sub(LARGEST));
    let _ = log.seek(start).and_then(|_| log.take(LARGEST).read_to_end(&mut text));
    String::from_utf8_lossy(&text).into_owned()
}

/// Whether GNU tar missed nothing but device nodes, which only root can make.
fn lacks_only_devices(said: &str) -> bool {
    let is_harmless = |line: &str| {
        line.ends_with(": Cannot mknod: Operation not permitted")
            || line.contains(": Removing leading ")
            || line.ends_with(": Exiting with failure status due to previous errors")
    };
    said.contains("Cannot mknod") && said.lines().all(is_harmless)
}

/// What to do about what was said.
fn hint(said: &str) -> &'static str {
    let known = [
        ("No space left on device", "; make room where the bundle is to be"),
        ("Disk quota exceeded", "; make room where the bundle is to be"),
        ("Wrote only ", "; make room where the bundle is to be"),
        (
            "Archive is compressed",
            "; decompress it, as in: gzip -dc FILE | spank-oci bundle DIR --from -",
        ),
        ("Member name contains '..'", "; the archive would write outside of the root file system"),
        ("does not look like a tar archive", "; the file is something else, or damaged"),
        ("Unexpected EOF", "; the archive ends too early"),
        ("newuidmap", "; ask for a line for you in /etc/subuid and /etc/subgid"),
    ];
    known.iter().find(|(text, _)| said.contains(text)).map_or("", |(_, hint)| hint)
}

/// As the end of a message.
fn last_lines(said: &str) -> String {
    let lines: Vec<_> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines[lines.len().saturating_sub(LINES)..].iter();
    last.map(|line| format!("\n  {}", line.trim_end())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_nodes_are_all_that_users_may_miss() {
        let end = "tar: Exiting with failure status due to previous errors\n";
        let node = "tar: ./dev/null: Cannot mknod: Operation not permitted\n";
        let slash = "tar: Removing leading `/' from member names\n";
        assert!(lacks_only_devices(&format!("{slash}{node}{node}{end}")));
        assert!(!lacks_only_devices(end));
        let file = "tar: ./etc/x: Cannot open: Permission denied\n";
        assert!(!lacks_only_devices(&format!("{node}{file}{end}")));
    }

    #[test]
    fn the_end_of_what_a_program_says_is_shown() {
        let text: String = (0..20).map(|number| format!("line {number}\n\n")).collect();
        let shown = last_lines(&text);
        assert!(shown.starts_with("\n  line 10\n"), "{shown}");
        assert!(shown.ends_with("\n  line 19"), "{shown}");
        assert_eq!(last_lines(""), "");
    }

    #[test]
    fn what_is_known_has_a_hint() {
        let full = "tar: ./x: Cannot write: No space left on device";
        assert_eq!(hint(full), "; make room where the bundle is to be");
        assert_eq!(hint("tar: something"), "");
    }
}

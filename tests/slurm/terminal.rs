//! `srun --pty`: each dialogue is held without a container first, then in one.

use std::{
    fs::File,
    io::{Read, Write},
    process::{Child, Command},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::{Duration, Instant},
};

use nix::pty::{Winsize, openpty};
use spank_oci::sys::terminal::set_size;

use crate::{
    cluster::{ALICE, AS_USER},
    leftovers::{self, Marker},
    site::{with_each_runtime_and_mode, with_each_runtime_by_create_and_start, with_site},
};

/// How long an expected text may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// What the shells of these tests say when they want a command.
const PROMPT: &str = "next> ";
const ROWS: u16 = 33;
const COLUMNS: u16 = 101;
const INTERRUPT: &str = "\x03";
const SUSPEND: &str = "\x1a";

/// Where a task runs.
#[derive(Clone, Copy, Debug)]
enum Place {
    Host,
    Container,
}

/// Holds a dialogue without a container, then in one made by each runtime in each
/// of the two ways.
fn everywhere(hold: impl Fn(Place)) {
    leftovers::after(|| hold(Place::Host));
    with_each_runtime_and_mode(|| hold(Place::Container));
}

impl Place {
    /// `srun --pty` of a command.
    fn srun(self, options: &[&str], command: &[&str]) -> Dialogue {
        let container = format!("--container={}", ALICE.bundle());
        let prompt = format!("--export=ALL,PS1={PROMPT}");
        let mut words = vec!["srun", "-wn1", "--pty", &prompt];
        if matches!(self, Self::Container) {
            words.push(&container);
        }
        Dialogue::begin(&[&words, options, command].concat())
    }

    /// A shell that has said that it wants a command.
    fn shell(self) -> Dialogue {
        // The same program in both places.
        let mut dialogue = self.srun(&[], &["busybox", "sh", "-i"]);
        dialogue.expect(PROMPT);
        dialogue
    }
}

/// A command of alice's on a terminal of its own, and who sits there.
struct Dialogue {
    terminal: File,
    command: Child,
    output: Receiver<Vec<u8>>,
    /// What was said since the last text that was expected.
    unread: Vec<u8>,
}

impl Dialogue {
    fn begin(words: &[&str]) -> Self {
        let pty = openpty(Some(&size(ROWS, COLUMNS)), None).unwrap();
        let terminal = File::from(pty.master);
        let slave = || pty.slave.try_clone().unwrap();
        // `setsid --ctty`: the terminal tells srun of ^C and of new sizes.
        let mut command = Command::new("setsid");
        command.args(["--ctty", AS_USER, ALICE.0]).args(words);
        let command = command.stdin(slave()).stdout(slave()).stderr(slave()).spawn().unwrap();
        let (sender, output) = channel();
        let mut reader = terminal.try_clone().unwrap();
        std::thread::Builder::new()
            .spawn(move || {
                let mut buffer = vec![0; 1 << 16];
                // Fails when the last process on the terminal has ended.
                while let Ok(length @ 1..) = reader.read(&mut buffer) {
                    let _ = sender.send(plain(&buffer[..length]));
                }
            })
            .unwrap();
        Self { terminal, command, output, unread: Vec::new() }
    }

    fn types(&mut self, text: &str) {
        self.terminal.write_all(text.as_bytes()).unwrap();
    }

    /// Types a line. What it makes the shell say must not stand in it, because the
    /// terminal shows what is typed.
    fn enters(&mut self, line: &str) {
        self.types(line);
        self.types("\r");
    }

    fn resizes(&self, rows: u16, columns: u16) {
        set_size(&self.terminal, size(rows, columns)).unwrap();
    }

    /// Reads up to the end of a text, which must come.
    fn expect(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self.unread.windows(text.len()).position(|found| found == text.as_bytes());
            if let Some(place) = found {
                self.unread.drain(..place + text.len());
                return;
            }
            let patience = deadline.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(patience) {
                Ok(more) => self.unread.extend(more),
                Err(cause) => panic!("no '{text}' ({cause}) in: {}", self.unread.escape_ascii()),
            }
        }
    }

    /// Reads all that is still said, and the exit status.
    fn end(mut self) -> (String, i32) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.output.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(more) => self.unread.extend(more),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    panic!("it does not end: {}", self.unread.escape_ascii())
                }
            }
        }
        let status = self.command.wait().unwrap().code().unwrap_or(-1);
        (String::from_utf8_lossy(&self.unread).into_owned(), status)
    }
}

impl Drop for Dialogue {
    fn drop(&mut self) {
        // For a test that fails; each program on the way was replaced by the next,
        // so this is srun.
        let _ = self.command.kill();
        let _ = self.command.wait();
    }
}

/// With plain ends of lines: a terminal puts a carriage return before each, and one
/// on the way that is not in raw mode yet another.
fn plain(output: &[u8]) -> Vec<u8> {
    output.iter().copied().filter(|&byte| byte != b'\r').collect()
}

fn size(rows: u16, columns: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

#[test]
fn the_task_has_a_controlling_terminal() {
    everywhere(|place| {
        let script = "tty; test -t 0 && test -t 1 && test -t 2 && echo controlling >/dev/tty";
        let (text, status) = place.srun(&[], &["sh", "-c", script]).end();
        assert!(text.contains("/dev/pts/") && text.contains("controlling\n"), "{place:?}: {text}");
        assert_eq!(status, 0, "{place:?}: {text}");
    });
}

#[test]
fn an_interrupt_ends_the_foreground_program_and_not_the_shell() {
    everywhere(|place| {
        let mut dialogue = place.shell();
        dialogue.enters("sh -c 'echo sleep\"ing\"; exec sleep 600'");
        dialogue.expect("sleeping");
        dialogue.types(INTERRUPT);
        dialogue.expect(PROMPT);
        dialogue.enters("echo status=$?");
        dialogue.expect("status=130");
        dialogue.enters("exit 0");
        assert_eq!(dialogue.end().1, 0);
    });
}

#[test]
fn a_program_is_stopped_and_brought_back_to_the_foreground() {
    everywhere(|place| {
        let mut dialogue = place.shell();
        dialogue.enters("sh -c 'echo ask\"ing\"; read word; echo got=$word'");
        dialogue.expect("asking");
        dialogue.types(SUSPEND);
        dialogue.expect("Stopped");
        dialogue.expect(PROMPT);
        dialogue.enters("jobs");
        dialogue.expect("Stopped");
        dialogue.expect(PROMPT);
        dialogue.enters("fg");
        dialogue.expect("read word");
        dialogue.enters("this");
        dialogue.expect("got=this");
        dialogue.expect(PROMPT);
        dialogue.enters("exit 0");
        assert_eq!(dialogue.end().1, 0);
    });
}

#[test]
fn the_window_has_the_size_of_the_users_at_the_start_and_after_a_change() {
    everywhere(|place| {
        let mut dialogue = place.shell();
        dialogue.enters("stty size");
        dialogue.expect("33 101\n");
        dialogue.expect(PROMPT);
        dialogue.enters(
            "sh -c 'trap \"stty size; kill \\$!; exit\" WINCH; sleep 600 & echo wait\"ing\"; wait'",
        );
        dialogue.expect("waiting");
        dialogue.resizes(44, 77);
        dialogue.expect("44 77\n");
        dialogue.expect(PROMPT);
        dialogue.enters("exit 0");
        assert_eq!(dialogue.end().1, 0);
    });
}

#[test]
fn the_exit_status_is_the_shells() {
    everywhere(|place| {
        let mut dialogue = place.shell();
        dialogue.enters("exit 7");
        assert_eq!(dialogue.end().1, 7, "{place:?}");
    });
}

#[test]
fn megabytes_of_output_arrive_complete() {
    everywhere(|place| {
        let (text, status) = place.srun(&[], &["seq", "500000"]).end();
        assert_eq!(status, 0, "{place:?}");
        let numbers = text.find("1\n2\n").map_or("", |start| &text[start..]);
        let expected: String = (1..=500_000).map(|number| format!("{number}\n")).collect();
        assert!(numbers.starts_with(&expected), "{place:?}: {} bytes", text.len());
    });
}

#[test]
fn only_the_first_of_two_tasks_has_the_terminal() {
    everywhere(|place| {
        // The other's output goes nowhere, but srun's status is the highest.
        let script = "test -t 0 && tty && exit $SLURM_PROCID; exit $((10 + SLURM_PROCID))";
        let (text, status) = place.srun(&["-n2"], &["sh", "-c", script]).end();
        assert!(text.contains("/dev/pts/"), "{place:?}: {text}");
        assert_eq!(status, 11, "{place:?}: {text}");
    });
}

#[test]
fn a_helper_that_is_killed_takes_the_container_and_its_socket_along() {
    with_each_runtime_and_mode(|| {
        let dialogue = Place::Container.shell();
        let killed = Command::new("pkill").args(["-KILL", "-x", "spank-oci"]).status();
        assert!(killed.unwrap().success());
        let (text, status) = dialogue.end();
        assert_eq!(status, 137, "{text}");
    });
}

#[test]
fn a_step_that_is_cancelled_takes_its_container_along() {
    with_each_runtime_and_mode(|| {
        let dialogue = Place::Container.shell();
        let cancelled = ALICE.sh("scancel $(squeue --noheader --format=%i)");
        assert_eq!(cancelled.status, 0, "{}", cancelled.story());
        let (text, status) = dialogue.end();
        assert_ne!(status, 0, "{text}");
    });
}

#[test]
fn a_command_that_the_image_lacks_is_named() {
    with_each_runtime_by_create_and_start(|| {
        let (text, status) = Place::Container.srun(&[], &["no-such-command"]).end();
        assert!(text.contains("no-such-command"), "{text}");
        assert_ne!(status, 0, "{text}");
    });
}

#[test]
fn a_create_command_that_needs_a_shell_is_refused_before_anything_is_started() {
    let site = "RunTimeCreate=\"cd / && crun create %j\"\nRunTimeStart=\"crun start %j\"\nRunTimeQuery=\"crun state %j\"\nRunTimeKill=\"true\"\nRunTimeDelete=\"true\"\n";
    with_site(site, || {
        let (text, status) = Place::Container.srun(&[], &["touch", &Marker::path()]).end();
        Marker::assert_absent(&text);
        let message = "spank-oci: n1: task 0: the task has a terminal, but RunTimeCreate in oci.conf needs a shell, so '--console-socket' cannot be put into it: 'cd / && crun create ";
        assert!(text.contains(message), "{text}");
        assert_eq!(status, 125, "{text}");
    });
}

//! The task's terminal and the container's, joined.
//!
//! Everything that a terminal does beyond carrying bytes (line editing, echo, ^C,
//! job control) is done by the container's; the task's own is in raw mode
//! meanwhile. Its window size is passed on. One thread for each direction waits in
//! read(2) or poll(2); all signals stay blocked in both, so that the main thread
//! gets them.
#![forbid(unsafe_code)]

use std::{
    fs::File,
    io::{self, PipeReader, PipeWriter, Read, Write},
    os::fd::AsFd,
    sync::{Arc, Weak},
    thread::{Builder, JoinHandle},
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr},
};

use super::RuntimeError;
use crate::{files, sys::terminal};

/// How long the container's terminal may stay silent after the container's end, if
/// something holds it open: milliseconds.
const SILENCE: u16 = 1000;
/// How much may be read from it after that end. The kernel holds less.
const REMAINDER: usize = 1 << 20;
/// How much is read at once.
const CHUNK: usize = 1 << 14;

/// A running relay.
pub struct Relay {
    own: Arc<File>,
    // The threads own it, so that the container's terminal is hung up with ours.
    container: Weak<File>,
    output: JoinHandle<()>,
    /// Closed to tell the end of the container.
    running: PipeWriter,
    // Dropped last.
    _raw: RawMode,
}

impl Relay {
    /// Joins this process's terminal, its standard input and output, with the
    /// container's, whose master is given.
    ///
    /// # Errors
    /// Standard input is no terminal, or the system refuses a pipe or a thread.
    pub fn start(container: File) -> Result<Self, RuntimeError> {
        Self::started(container)
            .map_err(|error| RuntimeError::Terminal { cause: files::cause(&error) })
    }

    fn started(container: File) -> io::Result<Self> {
        let input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        let output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        Self::between(Arc::new(input), output, Arc::new(container))
    }

    fn between(own: Arc<File>, to: File, container: Arc<File>) -> io::Result<Self> {
        let raw = RawMode::set(Arc::clone(&own))?;
        copy_size(&own, &container);
        let (ended, running) = io::pipe()?;
        let output =
            Output { from: Arc::clone(&container), to, ended: Some(ended), remainder: REMAINDER };
        let output = Builder::new().name("output".into()).spawn(|| output.copy())?;
        let relay = Self { container: Arc::downgrade(&container), own, output, running, _raw: raw };
        let own = Arc::clone(&relay.own);
        Builder::new().name("input".into()).spawn(move || {
            // Ends when this process does, or when its terminal is hung up.
            let _ = io::copy(&mut &*own, &mut &*container);
        })?;
        Ok(relay)
    }

    /// Passes the window size on (SIGWINCH).
    pub fn resize(&self) {
        if let Some(container) = self.container.upgrade() {
            copy_size(&self.own, &container);
        }
    }

    /// Passes on what is left of the output of a container that has ended, and
    /// gives the terminal its mode back.
    pub fn finish(self) {
        drop(self.running);
        let _ = self.output.join();
    }
}

fn copy_size(from: &File, to: &File) {
    if let Err(error) = terminal::size(from).and_then(|size| terminal::set_size(to, size)) {
        log::debug!("cannot pass the window size on: {}", files::cause(&error));
    }
}

/// The way from the container to the user.
struct Output {
    from: Arc<File>,
    to: File,
    /// Hung up at the container's end; `None` after that.
    ended: Option<PipeReader>,
    /// How much may be read after that.
    remainder: usize,
}

impl Output {
    /// Copies until nobody holds the container's terminal open any more (the
    /// master's read(2) fails with EIO), or one of the bounds is reached.
    fn copy(mut self) {
        let mut buffer = vec![0; CHUNK];
        while self.wait().unwrap_or(false) && self.remainder > 0 {
            let Ok(length @ 1..) = (&*self.from).read(&mut buffer) else { return };
            let Ok(()) = self.to.write_all(&buffer[..length]) else { return };
            if self.ended.is_none() {
                self.remainder = self.remainder.saturating_sub(length);
            }
        }
    }

    /// Waits for output; whether there may be some, or its end.
    fn wait(&mut self) -> io::Result<bool> {
        loop {
            let mut fds = vec![
                PollFd::new(self.from.as_fd(), PollFlags::POLLIN),
                // Asked for nothing, they tell when they are hung up.
                PollFd::new(self.to.as_fd(), PollFlags::empty()),
            ];
            let ended = self.ended.as_ref();
            fds.extend(ended.map(|ended| PollFd::new(ended.as_fd(), PollFlags::empty())));
            let patience = ended.map_or(PollTimeout::from(SILENCE), |_| PollTimeout::NONE);
            poll(&mut fds, patience)?;
            let happened: Vec<_> = fds.iter().map(|fd| fd.any().unwrap_or(true)).collect();
            match happened[..] {
                [_, true, ..] => return Ok(false),
                [true, ..] => return Ok(true),
                [false, false, true] => self.ended = None,
                _ => return Ok(false),
            }
        }
    }
}

/// A terminal that passes every byte on as it is, until the value is dropped.
struct RawMode {
    terminal: Arc<File>,
    before: Termios,
}

impl RawMode {
    fn set(terminal: Arc<File>) -> io::Result<Self> {
        let before = tcgetattr(&*terminal)?;
        let mut raw = before.clone();
        cfmakeraw(&mut raw);
        tcsetattr(&*terminal, SetArg::TCSANOW, &raw)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // Not TCSADRAIN, which waits for a user who does not read. A terminal that
        // is gone needs no mode.
        let _ = tcsetattr(&*self.terminal, SetArg::TCSANOW, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader},
        time::{Duration, Instant},
    };

    use nix::{
        pty::{OpenptyResult, Winsize, openpty},
        sys::termios::{LocalFlags, OutputFlags},
    };

    use super::*;

    const SIZE: Winsize = Winsize { ws_row: 33, ws_col: 101, ws_xpixel: 0, ws_ypixel: 0 };

    /// A user at a terminal that is joined with a container's.
    struct Joined {
        user: File,
        own: File,
        container: File,
        relay: Relay,
    }

    fn joined() -> Joined {
        let OpenptyResult { master: user, slave: own } = openpty(Some(&SIZE), None).unwrap();
        let OpenptyResult { master, slave: container } = openpty(None, None).unwrap();
        let own = File::from(own);
        let input = Arc::new(own.try_clone().unwrap());
        let master = Arc::new(File::from(master));
        let relay = Relay::between(input, own.try_clone().unwrap(), master).unwrap();
        Joined { user: user.into(), own, container: container.into(), relay }
    }

    fn line(from: &File) -> String {
        let mut line = String::new();
        // One byte at a time, so that the next line stays.
        BufReader::with_capacity(1, from).read_line(&mut line).unwrap();
        line
    }

    fn echoes(terminal: &File) -> bool {
        tcgetattr(terminal).unwrap().local_flags.contains(LocalFlags::ECHO)
    }

    #[test]
    fn bytes_and_sizes_pass_and_only_the_containers_terminal_edits() {
        let mut joined = joined();
        assert_eq!(terminal::size(&joined.container).unwrap(), SIZE);
        assert!(!echoes(&joined.own) && echoes(&joined.container));
        let output = tcgetattr(&joined.own).unwrap().output_flags;
        assert!(!output.contains(OutputFlags::OPOST));

        // ^U takes back what was typed before.
        joined.user.write_all(b"wrong\x15right\r").unwrap();
        assert_eq!(line(&joined.container), "right\n");
        joined.container.write_all(b"said\n").unwrap();
        assert!(line(&joined.user).ends_with("right\r\n"));
        assert_eq!(line(&joined.user), "said\r\n");

        let larger = Winsize { ws_row: 50, ..SIZE };
        terminal::set_size(&joined.user, larger).unwrap();
        joined.relay.resize();
        assert_eq!(terminal::size(&joined.container).unwrap(), larger);

        drop(joined.container);
        joined.relay.finish();
        assert!(echoes(&joined.own));
    }

    #[test]
    fn the_last_output_arrives_although_the_container_is_gone() {
        let Joined { mut user, mut container, relay, .. } = joined();
        let reader = Builder::new().spawn(move || {
            let mut seen = vec![0; 100_000];
            user.read_exact(&mut seen).unwrap();
            seen
        });
        container.write_all(&[b'x'; 100_000]).unwrap();
        drop(container);
        relay.finish();
        assert_eq!(reader.unwrap().join().unwrap(), [b'x'; 100_000]);
    }

    #[test]
    fn a_process_that_keeps_the_terminal_open_is_not_waited_for() {
        let Joined { user: _user, container: _silent, relay, .. } = joined();
        let before = Instant::now();
        relay.finish();
        assert!(before.elapsed() < 10 * Duration::from_millis(SILENCE.into()));

        let Joined { mut user, mut container, relay, own } = joined();
        let _reader = Builder::new().spawn(move || io::copy(&mut user, &mut io::sink()));
        let _writer = Builder::new().spawn(move || while container.write(&[b'x'; 999]).is_ok() {});
        relay.finish();
        assert!(echoes(&own));
    }

    #[test]
    fn a_container_whose_users_terminal_is_hung_up_is_hung_up_too() {
        let Joined { user, mut container, own, relay } = joined();
        drop((user, own));
        // As after SIGHUP; it fails in the end.
        let mut ends = || container.read(&mut [0; 64]).is_ok_and(|length| length > 0);
        while ends() {}
        relay.finish();
    }
}

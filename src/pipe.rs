//! Reading what another process writes, who may write without end, or never close.
#![forbid(unsafe_code)]

use std::{
    io::{self, ErrorKind, Read},
    os::fd::AsFd,
    time::Instant,
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// The most that is read: bytes.
const LARGEST: usize = 1 << 20;

/// Reads to the end, which must come before `deadline`.
///
/// # Errors
/// The end does not come (`TimedOut`), or not within 1 MiB (`FileTooLarge`), or the
/// system refuses.
pub fn read_until(deadline: Instant, from: impl Read + AsFd) -> io::Result<Vec<u8>> {
    read(deadline, from, |_| false)
}

/// Reads a line, or to the end where there is none.
///
/// # Errors
/// As [`read_until`].
pub fn read_line_until(deadline: Instant, from: impl Read + AsFd) -> io::Result<Vec<u8>> {
    read(deadline, from, |text| text.ends_with(b"\n"))
}

fn read(
    deadline: Instant,
    mut from: impl Read + AsFd,
    enough: impl Fn(&[u8]) -> bool,
) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let mut chunk = [0; 4096];
    while text.len() < LARGEST {
        let patience = deadline.saturating_duration_since(Instant::now());
        let patience = PollTimeout::try_from(patience).unwrap_or(PollTimeout::MAX);
        let mut fds = [PollFd::new(from.as_fd(), PollFlags::POLLIN)];
        if poll(&mut fds, patience)? == 0 {
            return Err(ErrorKind::TimedOut.into());
        }
        match from.read(&mut chunk)? {
            0 => return Ok(text),
            length => text.extend_from_slice(&chunk[..length]),
        }
        if enough(&text) {
            return Ok(text);
        }
    }
    Err(ErrorKind::FileTooLarge.into())
}

#[cfg(test)]
mod tests {
    use std::{io::Write, time::Duration};

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(50)
    }

    #[test]
    fn what_is_written_is_read_to_the_end() {
        let (from, mut to) = io::pipe().unwrap();
        to.write_all(b"text").unwrap();
        drop(to);
        assert_eq!(read_until(soon(), from).unwrap(), b"text");
    }

    #[test]
    fn a_line_is_read_without_the_end() {
        let (from, mut to) = io::pipe().unwrap();
        to.write_all(b"ready\n").unwrap();
        assert_eq!(read_line_until(soon(), &from).unwrap(), b"ready\n");
        drop(to);
        assert_eq!(read_line_until(soon(), &from).unwrap(), b"");
    }

    #[test]
    fn a_pipe_that_stays_open_is_given_up() {
        let (from, _to) = io::pipe().unwrap();
        assert_eq!(read_until(soon(), from).unwrap_err().kind(), ErrorKind::TimedOut);
    }

    #[test]
    fn text_without_end_is_given_up() {
        let without_end = std::fs::File::open("/dev/zero").unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        let error = read_until(deadline, without_end).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::FileTooLarge);
    }
}

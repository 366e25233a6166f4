//! The window size of terminals, and a terminal that another process sends.

use std::{
    io::{self, IoSliceMut},
    os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd},
    os::unix::net::UnixStream,
};

use nix::{
    cmsg_space,
    pty::Winsize,
    sys::socket::{ControlMessageOwned, MsgFlags, recvmsg},
};

/// The window size of a terminal.
///
/// # Errors
/// The descriptor is not one of a terminal.
pub fn size(terminal: impl AsFd) -> io::Result<Winsize> {
    let mut size = Winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    let fd = terminal.as_fd().as_raw_fd();
    // SAFETY: the descriptor is borrowed, so open; TIOCGWINSZ writes one winsize,
    // to a live local.
    match unsafe { libc::ioctl(fd, libc::TIOCGWINSZ, &raw mut size) } {
        0 => Ok(size),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Gives a terminal a window size; its foreground process group gets SIGWINCH if
/// that is a change.
///
/// # Errors
/// The descriptor is not one of a terminal.
pub fn set_size(terminal: impl AsFd, size: Winsize) -> io::Result<()> {
    let fd = terminal.as_fd().as_raw_fd();
    // SAFETY: the descriptor is borrowed, so open; TIOCSWINSZ reads one winsize,
    // from a live local.
    match unsafe { libc::ioctl(fd, libc::TIOCSWINSZ, &raw const size) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Takes the descriptor that comes with the next message of a socket; `None` if
/// none comes with it. What the message says is left out.
///
/// # Errors
/// The system refuses, or nothing comes within the socket's read timeout.
pub fn receive_descriptor(socket: &UnixStream) -> io::Result<Option<OwnedFd>> {
    let mut text = [0; 4096];
    let mut text = [IoSliceMut::new(&mut text)];
    let mut space = cmsg_space!([RawFd; 4]);
    let message =
        recvmsg::<()>(socket.as_raw_fd(), &mut text, Some(&mut space), MsgFlags::MSG_CMSG_CLOEXEC)?;
    let mut received = Vec::new();
    for part in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(fds) = part {
            // SAFETY: the kernel has just made these descriptors for this process,
            // and nothing else knows their numbers: this is their only owner.
            received.extend(fds.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }));
        }
    }
    Ok(received.into_iter().next())
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::{
        pty::openpty,
        sys::socket::{ControlMessage, sendmsg},
    };
    use std::io::{IoSlice, Write};

    #[test]
    fn a_size_that_is_set_is_seen_at_the_other_end() {
        let pty = openpty(None, None).unwrap();
        let given = Winsize { ws_row: 33, ws_col: 101, ws_xpixel: 1, ws_ypixel: 2 };
        set_size(&pty.master, given).unwrap();
        assert_eq!(size(&pty.slave).unwrap(), given);
        let (socket, _other) = UnixStream::pair().unwrap();
        assert!(size(&socket).is_err() && set_size(&socket, given).is_err());
    }

    #[test]
    fn a_descriptor_arrives_and_is_kept_from_other_programs() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let pty = openpty(None, None).unwrap();
        let fds = [pty.master.as_raw_fd(), pty.slave.as_raw_fd()];
        let rights = [ControlMessage::ScmRights(&fds)];
        let text = [IoSlice::new(b"/dev/pts/0")];
        sendmsg::<()>(theirs.as_raw_fd(), &text, &rights, MsgFlags::empty(), None).unwrap();
        let received = receive_descriptor(&ours).unwrap().unwrap();
        let flags = nix::fcntl::fcntl(&received, nix::fcntl::FcntlArg::F_GETFD).unwrap();
        assert_eq!(flags, libc::FD_CLOEXEC);
        assert!(size(&received).is_ok());
    }

    #[test]
    fn a_message_without_a_descriptor_and_a_closed_socket_bring_none() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(b"hello").unwrap();
        assert!(receive_descriptor(&ours).unwrap().is_none());
        drop(theirs);
        assert!(receive_descriptor(&ours).unwrap().is_none());
    }
}

//! A container around which no runtime waits: its first process is a child of this one,
//! which adopts orphans. So its end is an event, and its status the true one.
#![forbid(unsafe_code)]

use std::ffi::c_int;

use nix::libc::SIGWINCH;

use super::{elsewhere::Elsewhere, process, relay::Relay};
use crate::sys::{children::Ended, pages, signals};

/// A container that was started.
pub struct Container {
    /// The number of its first process.
    pub pid: u32,
    /// How the end of that is seen.
    pub first: First,
    /// What joins its terminal with ours.
    pub relay: Option<Relay>,
}

/// A container's first process.
pub enum First {
    /// A child of this process.
    Own,
    /// It was one, and has ended already.
    Ended(Ended),
    /// A daemon's.
    Elsewhere(Elsewhere),
}

impl Container {
    /// Waits for the container's end.
    pub fn wait(self, forward_signals: bool) -> Ended {
        let relay = self.relay;
        let on_signal = |signal: c_int| match &relay {
            // The container's terminal tells its programs itself.
            Some(relay) if signal == SIGWINCH => relay.resize(),
            _ if forward_signals => signals::send(self.pid, signal),
            _ => {}
        };
        pages::let_go_of_program();
        let ended = match self.first {
            First::Own => process::supervise(self.pid, on_signal).unwrap_or(process::UNKNOWN),
            First::Ended(ended) => ended,
            First::Elsewhere(elsewhere) => elsewhere.wait(on_signal),
        };
        if let Some(relay) = relay {
            relay.finish();
        }
        ended
    }
}

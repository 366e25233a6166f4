//! How far it is, for people at a terminal: a line for each thing that is done, with the
//! time it takes. Nothing is shown to anybody else.
#![forbid(unsafe_code)]

use std::{
    io::{self, IsTerminal, Write},
    time::Instant,
};

use nix::unistd::alarm;

use crate::cli::paint::{self, ASIDE, GOOD};

/// Goes to the beginning of a line and clears it.
const ANEW: &str = "\r\x1b[K";

/// One thing that is being done.
pub struct Progress {
    doing: String,
    since: Instant,
    own_line: bool,
}

/// Whether anybody looks.
pub fn is_seen() -> bool {
    io::stderr().is_terminal()
}

impl Progress {
    /// Begins. A program that shows its own progress gets the lines below.
    pub fn begin(doing: &str, own_line: bool) -> Self {
        let begun = Self { doing: doing.to_owned(), since: Instant::now(), own_line };
        if own_line {
            begun.draw();
        } else {
            begun.say(&format!("{doing}\n"));
        }
        begun
    }

    /// Shows the time that has passed. A signal asks for this every second
    /// (`SIGALRM`): no thread is needed, as signals are waited for anyway.
    pub fn draw(&self) {
        if self.own_line && is_seen() {
            self.say(&format!(
                "{ANEW}{} {ASIDE}{} s{ASIDE:#}",
                self.doing,
                self.since.elapsed().as_secs()
            ));
            alarm::set(1);
        }
    }

    /// It was done; if not, the line is left for a message.
    pub fn end(self, done: bool) {
        let anew = if self.own_line { ANEW } else { "" };
        let seconds = self.since.elapsed().as_secs_f32();
        match done {
            true => self.say(&format!(
                "{anew}{GOOD}done{GOOD:#} {} {ASIDE}{seconds:.1} s{ASIDE:#}\n",
                self.doing
            )),
            false => self.say(anew),
        }
    }

    fn say(&self, text: &str) {
        if is_seen() {
            let mut to = paint::err();
            let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
        }
    }
}

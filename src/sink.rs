//! Where the helper's messages go: standard error, and the system's log if the
//! site wants it. One line each.
#![forbid(unsafe_code)]

use std::{
    io::{Write, stderr},
    sync::RwLock,
};

use log::{LevelFilter, Log, Metadata, Record};

use crate::{config::Verbosity, sys::syslog};

struct Sink {
    /// Stands before every message: which node and task is speaking.
    speaker: RwLock<String>,
    levels: RwLock<Levels>,
}

/// How much goes where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Levels {
    stderr: LevelFilter,
    syslog: LevelFilter,
}

static SINK: Sink = Sink {
    speaker: RwLock::new(String::new()),
    levels: RwLock::new(Levels { stderr: LevelFilter::Warn, syslog: LevelFilter::Off }),
};

impl Log for Sink {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        let (Ok(levels), Ok(speaker)) = (self.levels.read(), self.speaker.read()) else { return };
        let line = format!("{speaker}: {}", record.args().to_string().replace('\n', " "));
        if record.level() <= levels.stderr {
            // Nobody is left to tell when standard error is gone.
            let _ = writeln!(stderr(), "spank-oci: {line}");
        }
        if record.level() <= levels.syslog {
            syslog::write(record.level(), &line);
        }
    }

    fn flush(&self) {}
}

/// Sends this process's messages to standard error, warnings and errors only.
pub fn install(speaker: &str) {
    if let Ok(mut current) = SINK.speaker.write() {
        *current = speaker.to_owned();
    }
    if log::set_logger(&SINK).is_ok() {
        log::set_max_level(LevelFilter::Warn);
    }
}

/// Says as much as the site wants.
pub fn set_verbosity(verbosity: &Verbosity) {
    let wanted = levels(verbosity);
    if let Ok(mut levels) = SINK.levels.write() {
        *levels = wanted;
    }
    log::set_max_level(wanted.stderr.max(wanted.syslog));
}

/// StdIODebug is for standard error. The helper is the user's process and cannot
/// write slurmd's log, so FileDebug counts for the system's log as SyslogDebug
/// does, and DebugFlags turns its details on.
fn levels(verbosity: &Verbosity) -> Levels {
    let flags = match verbosity.debug_flags.is_empty() {
        true => LevelFilter::Off,
        false => LevelFilter::Debug,
    };
    let off = LevelFilter::Off;
    let syslog = verbosity.syslog.unwrap_or(off).max(verbosity.file.unwrap_or(off)).max(flags);
    Levels { stderr: verbosity.stdio.unwrap_or(LevelFilter::Warn), syslog }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_debug_keys_only_warnings_and_errors_reach_standard_error() {
        let expected = Levels { stderr: LevelFilter::Warn, syslog: LevelFilter::Off };
        assert_eq!(levels(&Verbosity::default()), expected);
    }

    #[test]
    fn each_debug_key_raises_its_own_place() {
        let verbosity = Verbosity {
            stdio: Some(LevelFilter::Off),
            syslog: Some(LevelFilter::Error),
            file: Some(LevelFilter::Info),
            debug_flags: vec![],
        };
        let expected = Levels { stderr: LevelFilter::Off, syslog: LevelFilter::Info };
        assert_eq!(levels(&verbosity), expected);
        let flags = Verbosity { debug_flags: vec!["Steps".into()], ..verbosity };
        assert_eq!(levels(&flags).syslog, LevelFilter::Debug);
    }
}

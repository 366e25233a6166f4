//! Where the helper's messages go: standard error, as one line each.
#![forbid(unsafe_code)]

use std::io::{Write, stderr};

use log::{LevelFilter, Log, Metadata, Record};

use crate::config::Verbosity;

struct StandardError {
    /// Stands before every message: which node and task is speaking.
    speaker: String,
}

impl Log for StandardError {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let message = record.args().to_string().replace('\n', " ");
            // Nobody is left to tell when standard error is gone.
            let _ = writeln!(stderr(), "spank-oci: {}: {message}", self.speaker);
        }
    }

    fn flush(&self) {}
}

/// Sends this process's messages to standard error, warnings and errors only.
pub fn install(speaker: &str) {
    let sink = StandardError { speaker: speaker.to_owned() };
    if log::set_boxed_logger(Box::new(sink)).is_ok() {
        log::set_max_level(LevelFilter::Warn);
    }
}

/// Says as much as the site wants.
pub fn set_verbosity(verbosity: &Verbosity) {
    if let Some(level) = verbosity.stdio {
        log::set_max_level(level);
    }
}

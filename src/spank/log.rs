//! The `log` sink of the plugin: Slurm's own log functions.
//!
//! Where a message ends up is Slurm's business: slurmd's log, the user's
//! terminal, the task's standard error.

use std::ffi::CString;

use log::{Level, LevelFilter, Log, Metadata, Record};

use super::bindings;

struct SlurmLog;

impl Log for SlurmLog {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        write(record.level(), &record.args().to_string());
    }

    fn flush(&self) {}
}

/// Sends the messages of this process, and what a panic has to say, to Slurm.
pub fn install() {
    if log::set_logger(&SlurmLog).is_ok() {
        log::set_max_level(LevelFilter::Trace);
        std::panic::set_hook(Box::new(|panic| {
            log::error!("internal error, please report it: {panic}");
        }));
    }
}

fn write(level: Level, message: &str) {
    let line = format!("spank-oci: {}", message.replace(char::is_control, " "));
    let Ok(line) = CString::new(line) else { return };
    let level = match level {
        Level::Error => bindings::SHIM_ERROR,
        Level::Warn | Level::Info => bindings::SHIM_INFO,
        Level::Debug => bindings::SHIM_DEBUG,
        Level::Trace => bindings::SHIM_DEBUG2,
    };
    // SAFETY: `line` is NUL-terminated and lives until the call returns; the
    // shim passes it to Slurm as an argument of "%s", never as the format.
    unsafe { bindings::shim_log(level, line.as_ptr()) }
}

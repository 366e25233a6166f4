//! The system's log.

use std::ffi::{CString, c_int};

use log::Level;

/// Writes a line to the system's log, as from `spank-oci`.
pub fn write(level: Level, line: &str) {
    let priority: c_int = match level {
        Level::Error => libc::LOG_ERR,
        Level::Warn => libc::LOG_WARNING,
        Level::Info => libc::LOG_INFO,
        Level::Debug | Level::Trace => libc::LOG_DEBUG,
    };
    let Ok(line) = CString::new(format!("spank-oci: {line}")) else { return };
    // SAFETY: a constant format with one argument, a live C string.
    unsafe { libc::syslog(libc::LOG_USER | priority, c"%s".as_ptr(), line.as_ptr()) };
}

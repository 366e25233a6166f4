//! The process environment of srun, sbatch and salloc.
//!
//! Rust's `std::env` keeps a lock that Slurm's C code does not know; these are
//! plain libc calls, as Slurm's own.

use std::{
    ffi::{CStr, CString, OsStr, OsString},
    io,
    os::unix::ffi::{OsStrExt, OsStringExt},
};

/// Value of a variable of this process.
pub fn get(name: &str) -> Option<OsString> {
    let name = CString::new(name).ok()?;
    // SAFETY: a live C string. Hooks run on the client's main thread, and Slurm
    // changes its environment on that thread alone, so the value stays in place
    // until it is copied.
    let value = unsafe {
        let value = libc::getenv(name.as_ptr());
        if value.is_null() {
            return None;
        }
        CStr::from_ptr(value)
    };
    Some(OsString::from_vec(value.to_bytes().to_vec()))
}

/// Sets a variable of this process.
///
/// # Errors
/// The name or the value cannot be, or there is no memory.
pub fn set(name: &str, value: &OsStr) -> io::Result<()> {
    let (name, value) = (CString::new(name)?, CString::new(value.as_bytes())?);
    // SAFETY: two live C strings, which libc copies; the thread as in `get`.
    match unsafe { libc::setenv(name.as_ptr(), value.as_ptr(), 1) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Removes a variable of this process.
pub fn unset(name: &str) {
    if let Ok(name) = CString::new(name) {
        // SAFETY: a live C string; the thread as in `get`. It fails only for
        // names that no variable can have.
        unsafe { libc::unsetenv(name.as_ptr()) };
    }
}

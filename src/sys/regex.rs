//! POSIX extended regular expressions, as `EnvExclude` and `RunTimeEnvExclude` have them.
//!
//! Slurm compiles both with `regcomp(REG_EXTENDED)`; using the same functions of the C library
//! gives the same dialect and the same matches. Only "does it match" is offered, no groups.

use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;

/// A compiled expression.
///
/// It is neither `Clone` nor `Sync`: the C library keeps its state behind a pointer.
pub struct Regex {
    // Boxed because the C library may keep pointers into the structure.
    compiled: Box<libc::regex_t>,
}

impl Regex {
    /// Compiles an extended regular expression (`REG_EXTENDED | REG_NOSUB`).
    ///
    /// # Errors
    /// The text of `regerror(3)`, or a line about the NUL byte no C string can hold.
    pub fn new(expression: &str) -> Result<Self, String> {
        let pattern = CString::new(expression)
            .map_err(|_| "the expression contains a NUL byte".to_owned())?;
        let mut compiled = Box::new(MaybeUninit::<libc::regex_t>::zeroed());
        let flags = libc::REG_EXTENDED | libc::REG_NOSUB;
        // SAFETY: the destination is owned and large enough for a regex_t, the source is a NUL
        // terminated string that outlives the call.
        let code = unsafe { libc::regcomp(compiled.as_mut_ptr(), pattern.as_ptr(), flags) };
        if code != 0 {
            return Err(error_text(code, compiled.as_ptr()));
        }
        // SAFETY: regcomp returned 0, so it filled the structure in.
        let compiled = unsafe { compiled.assume_init() };
        Ok(Self { compiled })
    }

    /// Whether the expression matches anywhere in `text`.
    ///
    /// An error of `regexec(3)` (out of memory) counts as no match, as it does in Slurm.
    pub fn is_match(&self, text: &CStr) -> bool {
        // SAFETY: `compiled` came from a successful regcomp and is freed only in drop; the text is
        // NUL terminated; no match array is passed, and its length is given as 0.
        let code =
            unsafe { libc::regexec(&*self.compiled, text.as_ptr(), 0, std::ptr::null_mut(), 0) };
        code == 0
    }
}

impl Drop for Regex {
    fn drop(&mut self) {
        // SAFETY: `compiled` came from a successful regcomp and this is the only regfree.
        unsafe { libc::regfree(&mut *self.compiled) };
    }
}

/// The text of `regerror(3)` for the failed compilation that left `compiled` behind.
fn error_text(code: libc::c_int, compiled: *const libc::regex_t) -> String {
    let mut buffer = [0_u8; 256];
    // SAFETY: the buffer is writable for the length given, regerror terminates it with NUL, and it
    // reads nothing of a structure that regcomp rejected but its error state.
    unsafe { libc::regerror(code, compiled, buffer.as_mut_ptr().cast(), buffer.len()) };
    CStr::from_bytes_until_nul(&buffer)
        .map(|text| text.to_string_lossy().into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_as_slurm_does() {
        let regex = Regex::new("^(SLURM_CONF|SLURM_CONF_SERVER)=").unwrap();
        assert!(regex.is_match(c"SLURM_CONF=/etc/slurm/slurm.conf"));
        assert!(regex.is_match(c"SLURM_CONF_SERVER=ctl:6817"));
        assert!(!regex.is_match(c"MY_SLURM_CONF=1"));
        assert!(!regex.is_match(c"SLURM_CONFIG=1"));
    }

    #[test]
    fn matches_anywhere_and_any_bytes() {
        let regex = Regex::new("secret").unwrap();
        assert!(regex.is_match(c"A=my secret\nB"));
        assert!(!regex.is_match(c""));
        let _ = regex.is_match(c"A=\xff\xfe");
    }

    #[test]
    fn says_what_is_wrong() {
        let text = Regex::new("^(A").err().unwrap();
        assert!(text.contains('('), "{text}");
        assert!(Regex::new("a\0b").err().unwrap().contains("NUL"));
    }
}

//! Extended attributes of files.

use std::{ffi::CString, os::unix::ffi::OsStrExt, path::Path, ptr};

/// Whether a program has file capabilities (capabilities(7)): some right of root's,
/// which setcap(8) gave it.
pub fn has_capabilities(path: &Path) -> bool {
    let Ok(path) = CString::new(path.as_os_str().as_bytes()) else { return false };
    // SAFETY: two C strings; with a length of 0 nothing is written, the size is told.
    unsafe {
        libc::getxattr(path.as_ptr(), c"security.capability".as_ptr(), ptr::null_mut(), 0) > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordinary_program_has_none() {
        assert!(!has_capabilities(Path::new("/bin/sh")));
        assert!(!has_capabilities(Path::new("/missing")));
    }
}

//! Which shared libraries this process has loaded.

use std::ffi::{CStr, c_int, c_void};

/// Whether a library with this file name is loaded.
pub fn library(file_name: &str) -> bool {
    let mut search = Search { file_name: file_name.as_bytes(), found: false };
    // SAFETY: `visit` matches the callback's type and gets back the pointer to
    // `search`, which outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut search).cast()) };
    search.found
}

struct Search<'a> {
    file_name: &'a [u8],
    found: bool,
}

unsafe extern "C" fn visit(info: *mut libc::dl_phdr_info, _: usize, search: *mut c_void) -> c_int {
    // SAFETY: dl_iterate_phdr passes a valid description of one object, and the
    // pointer it was given, to the live `Search` that nothing else uses meanwhile.
    let (search, path) = unsafe { (&mut *search.cast::<Search<'_>>(), (*info).dlpi_name) };
    if !path.is_null() {
        // SAFETY: not NULL, so a C string that lives as long as the object.
        let path = unsafe { CStr::from_ptr(path) }.to_bytes();
        search.found = path.rsplit(|&byte| byte == b'/').next() == Some(search.file_name);
    }
    c_int::from(search.found)
}

#[cfg(test)]
mod tests {
    use super::library;

    #[test]
    fn a_library_is_known_by_its_file_name() {
        assert!(library("libc.so.6"));
        assert!(!library("c.so.6"));
        assert!(!library("proctrack_cgroup.so"));
    }
}

//! Memory that this process no longer needs.

use std::ffi::{c_int, c_void};

/// Lets go of the pages of this program's own file: the kernel has mapped most of them,
/// and of a process that waits for hours needs none. Those that are used again come
/// back from the page cache by themselves.
pub fn let_go_of_program() {
    // SAFETY: `visit` matches the callback's type and needs no data.
    unsafe { libc::dl_iterate_phdr(Some(visit), std::ptr::null_mut()) };
}

/// Gives the memory of what was freed back to the system: of a large config.json that is
/// more than all the rest. Before a child is begun, which would otherwise share it, so that
/// each page is copied when it is used again.
pub fn let_go_of_freed() {
    // SAFETY: it takes no pointer, and touches only what nobody has allocated.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::malloc_trim(0);
    }
}

/// The program is the first object that is visited.
unsafe extern "C" fn visit(info: *mut libc::dl_phdr_info, _: usize, _: *mut c_void) -> c_int {
    // SAFETY: dl_iterate_phdr passes a valid description of one object, whose headers
    // live as long as it does.
    let (base, headers) = unsafe {
        let info = &*info;
        (info.dlpi_addr, std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()))
    };
    let parts = headers.iter().filter(|header| header.p_type == libc::PT_LOAD);
    for part in parts.filter(|part| part.p_flags & libc::PF_W == 0) {
        let start = (base + part.p_vaddr) & !(PAGE - 1);
        let end = (base + part.p_vaddr + part.p_memsz) & !(PAGE - 1);
        // SAFETY: the pages hold what the file holds, which nobody can have changed,
        // since they cannot be written; the kernel reads them again when they are used.
        unsafe {
            libc::madvise(start as *mut c_void, (end - start) as usize, libc::MADV_DONTNEED);
        }
    }
    1
}

/// No system of this kind has smaller ones; with larger ones nothing is let go of.
const PAGE: u64 = 4096;

#[cfg(test)]
mod tests {
    #[test]
    fn the_program_goes_on_without_its_pages() {
        let resident = || {
            let text = std::fs::read_to_string("/proc/self/smaps").unwrap();
            let mut lines = text.lines().skip_while(|line| !line.contains(" r-xp "));
            let line = lines.find_map(|line| line.strip_prefix("Rss:")).unwrap();
            line.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
        };
        let before = resident();
        super::let_go_of_program();
        let after = resident();
        assert!(after < before, "{before} kB before, {after} kB after");
    }
}

//! Options of srun, sbatch and salloc that are the plugin's own.
//!
//! Slurm calls back while it reads a command line, and keeps nothing that could
//! be asked for in `slurm_spank_init_post_opt` (spank(8), Slurm 20.11 to 26.05);
//! so what was given is kept here.

use std::{
    ffi::{CStr, OsStr, OsString, c_char, c_int},
    os::unix::ffi::OsStrExt,
    sync::{Mutex, PoisonError},
};

use super::bindings as shim;
use crate::plugin::host::OwnOption;

/// The last value of each option, by its number.
static GIVEN: Mutex<[Option<OsString>; 3]> = Mutex::new([const { None }; 3]);

/// Makes an option known to the process that loaded the plugin. Slurm's code.
///
/// # Safety
/// `handle` is the one that Slurm passed to the running `slurm_spank_init`.
pub unsafe fn register(handle: shim::shim_handle, option: OwnOption) -> c_int {
    let (name, argument, usage) = match option {
        OwnOption::Container => {
            (c"container", c"PATH", c"run the tasks in the OCI container of this bundle directory")
        }
        OwnOption::OciBundle => (
            c"oci-bundle",
            c"PATH",
            c"as --container, without Slurm's own container field being set (needed for PMIx)",
        ),
        OwnOption::Runtime => (
            c"container-runtime",
            c"NAME",
            c"run containers in another of the ways that the site has set up",
        ),
    };
    let mut description = shim::abi_option {
        name: name.as_ptr().cast_mut(),
        argument: argument.as_ptr().cast_mut(),
        usage: usage.as_ptr().cast_mut(),
        has_argument: 1,
        value: option as c_int,
        given: Some(given),
    };
    // SAFETY: a valid handle by the contract; Slurm copies the description and the
    // strings, which are static, and writes to none of them.
    unsafe { shim::shim_option_register(handle, &mut description) }
}

/// The option's value, once Slurm has read it.
pub fn value(option: OwnOption) -> Option<OsString> {
    GIVEN.lock().unwrap_or_else(PoisonError::into_inner)[option as usize].clone()
}

/// Slurm has read an option of ours.
extern "C" fn given(number: c_int, argument: *const c_char, _remote: c_int) -> c_int {
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let slot = usize::try_from(number).ok().and_then(|number| given.get_mut(number));
    if let (Some(slot), false) = (slot, argument.is_null()) {
        // SAFETY: not NULL, so the C string that Slurm passes to the callback of an
        // option with an argument; copied before this returns.
        let text = unsafe { CStr::from_ptr(argument) };
        *slot = Some(OsStr::from_bytes(text.to_bytes()).to_owned());
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_of_each_option_counts_and_nonsense_is_passed_over() {
        given(OwnOption::OciBundle as c_int, c"/a".as_ptr(), 0);
        given(OwnOption::OciBundle as c_int, c"/b".as_ptr(), 0);
        given(OwnOption::OciBundle as c_int, std::ptr::null(), 0);
        given(7, c"/c".as_ptr(), 0);
        given(-1, c"/c".as_ptr(), 0);
        assert_eq!(value(OwnOption::OciBundle), Some("/b".into()));
        assert_eq!(value(OwnOption::Container), None);
    }
}

//! What Slurm finds in the library: four data symbols and the hooks.
//!
//! Each hook is guarded, so no panic unwinds into Slurm. What a failed hook means
//! is decided here: only the clients and `task_init` may fail. A failing hook
//! elsewhere would drain the node or be ignored, by release (Slurm 20.11 to
//! 26.05), and the node is not to blame for a container that cannot start.

use std::{
    ffi::{CStr, OsStr, OsString, c_char, c_int},
    os::unix::ffi::OsStrExt,
    panic::{AssertUnwindSafe, catch_unwind},
};

use super::{
    bindings::{self, spank_handle},
    handle::Handle,
    log,
};
use crate::{
    plugin::{self, Refusal},
    sys::exit,
    task,
};

const NAME: &CStr = c"spank_oci";
const TYPE: &CStr = c"spank";

/// The plugin's name, as Slurm's messages and option variables spell it.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
pub static plugin_name: [c_char; NAME.count_bytes() + 1] = c_array(NAME);

/// Slurm loads plugins of type "spank" from plugstack.conf.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
pub static plugin_type: [c_char; TYPE.count_bytes() + 1] = c_array(TYPE);

/// Our own revision number; Slurm does not compare it.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
pub static spank_plugin_version: u32 = 1;

/// Slurm 25.05 and newer: should `slurm_spank_init` fail after all, fail the job
/// (`ESPANK_JOB_FAILURE`) instead of draining the node.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
pub static slurm_spank_init_failure_mode: c_int = 3012;

macro_rules! hooks {
    ($($(#[$doc:meta])* $symbol:ident => $hook:path, $failure:expr;)*) => {$(
        $(#[$doc])*
        ///
        /// # Safety
        /// Only Slurm calls this, with its handle and the words of the plugin's
        /// line in plugstack.conf.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $symbol(
            handle: *mut spank_handle,
            argc: c_int,
            argv: *mut *mut c_char,
        ) -> c_int {
            guard(|| {
                // SAFETY: Slurm passes its valid handle, which is used only
                // until this hook returns.
                let host = unsafe { Handle::new(handle) };
                // SAFETY: Slurm passes argc strings that outlive the hook.
                let words = unsafe { words(argc, argv) };
                $hook(&host, &words)
            }, $failure)
        }
    )*};
}

/// What Slurm is told when a hook failed.
enum Failure {
    /// Nothing: the message in the log is all.
    Ignored,
    /// Nobody: this process would have become the task, and ends instead. Slurm
    /// would add two lines to ours, and with `optional` in plugstack.conf, or a
    /// code it does not expect, execute the command on the host.
    Task,
    /// Nobody: this srun, sbatch or salloc ends, having asked for nothing yet. Told
    /// about it, Slurm would add two lines to ours, and with `optional` go on
    /// without the container.
    Client,
    /// srun, which ends in good order: it may hold an allocation.
    Launch,
}

impl Failure {
    fn code(&self) -> c_int {
        match self {
            Self::Ignored => 0,
            Self::Task => exit::now(task::NOT_STARTED),
            Self::Client => exit::now(1),
            Self::Launch => -1,
        }
    }
}

/// What a failed `slurm_spank_init_post_opt` means. slurmstepd calls it too, where
/// the tasks fail one by one in `task_init` instead.
fn after_options() -> Failure {
    // SAFETY: no arguments; the shim tests the weak symbol.
    match unsafe { bindings::shim_context() } {
        bindings::ABI_CTX_LOCAL | bindings::ABI_CTX_ALLOCATOR => Failure::Client,
        _ => Failure::Ignored,
    }
}

hooks! {
    /// Called when a program has loaded the plugin.
    slurm_spank_init => plugin::init, Failure::Ignored;
    /// Called after options were read: srun, sbatch, salloc; slurmstepd as root.
    slurm_spank_init_post_opt => plugin::init_post_opt, after_options();
    /// Called in srun when the step has its nodes, before its tasks are launched.
    slurm_spank_local_user_init => plugin::local_user_init, Failure::Launch;
    /// Called in each task's process as the user, before the command is executed.
    slurm_spank_task_init => plugin::task_init, Failure::Task;
    /// Called in slurmstepd as root when a task has ended.
    slurm_spank_task_exit => plugin::task_exit, Failure::Ignored;
    /// Called in slurmstepd as root when all tasks of the step have ended.
    slurm_spank_exit => plugin::exit, Failure::Ignored;
    /// Called as root on the node when the job has ended.
    slurm_spank_job_epilog => plugin::job_epilog, Failure::Ignored;
    /// Called when slurmd ends. Its presence is what makes Slurm 20.11 call
    /// `slurm_spank_init` when slurmd starts.
    slurm_spank_slurmd_exit => plugin::slurmd_exit, Failure::Ignored;
}

fn guard(hook: impl FnOnce() -> Result<(), Refusal>, failure: Failure) -> c_int {
    log::install();
    match catch_unwind(AssertUnwindSafe(hook)) {
        Ok(Ok(())) => 0,
        Ok(Err(refusal)) => {
            ::log::error!("{refusal}");
            failure.code()
        }
        // The panic hook has told what happened.
        Err(_) => failure.code(),
    }
}

/// The words of the plugin's line in plugstack.conf, without the first two.
///
/// # Safety
/// `argv` points to `argc` C strings that stay unchanged while the hook runs.
unsafe fn words(argc: c_int, argv: *mut *mut c_char) -> Vec<OsString> {
    let count = if argv.is_null() { 0 } else { usize::try_from(argc).unwrap_or(0) };
    let word = |index| {
        // SAFETY: `index` is below argc; the entry is a C string by the contract.
        let text = unsafe { CStr::from_ptr(*argv.add(index)) };
        OsStr::from_bytes(text.to_bytes()).to_owned()
    };
    (0..count).map(word).collect()
}

/// A C string as the array that C's `char name[] = "…"` would be: Slurm looks
/// the symbol up and reads the characters in place.
const fn c_array<const N: usize>(text: &CStr) -> [c_char; N] {
    let bytes = text.to_bytes_with_nul();
    assert!(bytes.len() == N);
    let mut array = [0; N];
    let mut index = 0;
    while index < N {
        array[index] = bytes[index].cast_signed();
        index += 1;
    }
    array
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::panic, reason = "it is the point")]
    fn a_panic_or_a_refusal_becomes_what_the_hook_may_return() {
        for (failure, code) in [(Failure::Ignored, 0), (Failure::Launch, -1)] {
            assert_eq!(guard(|| panic!("a defect"), failure), code);
        }
        assert_eq!(guard(|| Err(Refusal::Unprepared), Failure::Launch), -1);
        assert_eq!(guard(|| Ok(()), Failure::Launch), 0);
    }
}

//! A hook's `spank_t` as a safe [`Host`].

use std::{
    ffi::{CStr, CString, OsStr, OsString, c_char, c_int},
    fs,
    marker::PhantomData,
    os::unix::ffi::{OsStrExt, OsStringExt},
    ptr,
};

use super::{bindings as shim, options};
use crate::{
    plugin::host::{Context, Front, Host, HostError, OwnOption, StepIds},
    slurm,
    sys::environ,
};

// The header, compared with Slurm's by tests/abi, and the pure modules agree.
const _: () = {
    assert!(shim::ABI_STEP_INTERACTIVE == slurm::INTERACTIVE_STEP);
    assert!(shim::ABI_STEP_BATCH == slurm::BATCH_STEP);
    assert!(shim::ABI_STEP_EXTERN == slurm::EXTERN_STEP);
};

/// The handle Slurm passes to one hook, valid until that hook returns.
pub struct Handle<'hook> {
    raw: shim::shim_handle,
    hook: PhantomData<&'hook ()>,
}

impl Handle<'_> {
    /// Wraps the handle of the hook that is running.
    ///
    /// # Safety
    /// `raw` is the `spank_t` Slurm passed to a hook that has not returned yet,
    /// and the value does not outlive that hook.
    pub unsafe fn new(raw: *mut shim::spank_handle) -> Self {
        Self { raw, hook: PhantomData }
    }

    fn number(
        &self,
        call: &'static str,
        get: unsafe extern "C" fn(shim::shim_handle, *mut u32) -> c_int,
    ) -> Result<u32, HostError> {
        let mut value = 0;
        // SAFETY: the handle is valid by the contract of `new`; every `get`
        // passed here is a shim getter that stores one u32 through the pointer.
        check(call, unsafe { get(self.raw, &mut value) })?;
        Ok(value)
    }

    /// Slurm's array of the step's command line.
    fn raw_argv(&self) -> Result<(*mut *mut c_char, usize), HostError> {
        let (mut argc, mut argv) = (0, ptr::null_mut());
        // SAFETY: the handle is valid; both pointers are to live locals.
        check("spank_get_item(S_JOB_ARGV)", unsafe {
            shim::shim_argv(self.raw, &mut argc, &mut argv)
        })?;
        let count = if argv.is_null() { 0 } else { usize::try_from(argc).unwrap_or(0) };
        Ok((argv, count))
    }

    fn step_variable(&self, name: &str) -> Option<OsString> {
        let mut environment = ptr::null_mut();
        // SAFETY: the handle is valid; the pointer is to a live local.
        let code = unsafe { shim::shim_environment(self.raw, &mut environment) };
        if code != 0 || environment.is_null() {
            return None;
        }
        let mut entry = environment.cast_const();
        loop {
            // SAFETY: S_JOB_ENV is a NULL-terminated array of C strings owned by
            // slurmstepd, which changes it only through calls on this thread.
            // `entry` has not passed the terminator.
            let text = unsafe {
                let text = *entry;
                if text.is_null() {
                    return None;
                }
                CStr::from_ptr(text)
            };
            if let Some(value) = value_of(text.to_bytes(), name) {
                return Some(OsString::from_vec(value.to_vec()));
            }
            // SAFETY: the entry was not the terminator, so another follows it.
            entry = unsafe { entry.add(1) };
        }
    }

    fn set_step_variable(&self, name: &str, value: &OsStr) -> Result<(), HostError> {
        const CALL: &str = "spank_setenv";
        let (name, value) = (c_string(CALL, name.as_ref())?, c_string(CALL, value)?);
        // SAFETY: valid handle and two live C strings, which Slurm copies.
        check(CALL, unsafe { shim::shim_setenv(self.raw, name.as_ptr(), value.as_ptr()) })
    }

    fn unset_step_variable(&self, name: &str) {
        if let Ok(name) = CString::new(name) {
            // SAFETY: valid handle and a live C string. The only failure is that
            // there is no such variable, which is what is wanted.
            unsafe { shim::shim_unsetenv(self.raw, name.as_ptr()) };
        }
    }
}

impl Host for Handle<'_> {
    fn context(&self) -> Context {
        // SAFETY: no arguments; the shim tests the weak symbol.
        match unsafe { shim::shim_context() } {
            shim::ABI_CTX_LOCAL => Context::Srun,
            shim::ABI_CTX_ALLOCATOR => Context::Allocator,
            shim::ABI_CTX_REMOTE => Context::Stepd,
            shim::ABI_CTX_SLURMD => Context::Slurmd,
            shim::ABI_CTX_JOB_SCRIPT => Context::JobScript,
            _ => Context::Other,
        }
    }

    fn release(&self) -> u32 {
        // SAFETY: no arguments; the shim tests the weak symbol.
        unsafe { shim::shim_api_release() }
    }

    fn command_line(&self) -> Vec<OsString> {
        let text = fs::read("/proc/self/cmdline").unwrap_or_default();
        let words = text.strip_suffix(b"\0").unwrap_or(&text).split(|&byte| byte == 0);
        words.map(|word| OsString::from_vec(word.to_vec())).collect()
    }

    fn register(&self, option: OwnOption) -> Result<(), HostError> {
        // SAFETY: the handle is valid by the contract of `new`; Slurm itself
        // refuses it outside slurm_spank_init.
        check("spank_option_register", unsafe { options::register(self.raw, option) })
    }

    fn option(&self, option: OwnOption) -> Option<OsString> {
        options::value(option)
    }

    fn ids(&self) -> Result<StepIds, HostError> {
        Ok(StepIds {
            uid: self.number("spank_get_item(S_JOB_UID)", shim::shim_job_uid)?,
            gid: self.number("spank_get_item(S_JOB_GID)", shim::shim_job_gid)?,
            job: self.number("spank_get_item(S_JOB_ID)", shim::shim_job_id)?,
            step: self.number("spank_get_item(S_JOB_STEPID)", shim::shim_step_id)?,
            node_rank: self.number("spank_get_item(S_JOB_NODEID)", shim::shim_node_rank)?,
        })
    }

    fn job_id(&self) -> Result<u32, HostError> {
        self.number("spank_get_item(S_JOB_ID)", shim::shim_job_id)
    }

    fn local_task(&self) -> Result<u32, HostError> {
        const CALL: &str = "spank_get_item(S_TASK_ID)";
        let mut task = 0;
        // SAFETY: the handle is valid; the pointer is to a live local.
        check(CALL, unsafe { shim::shim_local_task(self.raw, &mut task) })?;
        u32::try_from(task)
            .map_err(|_| HostError { call: CALL, cause: format!("task id {task} is negative") })
    }

    fn command(&self) -> Result<Vec<OsString>, HostError> {
        let (argv, count) = self.raw_argv()?;
        let mut command = Vec::with_capacity(count);
        for index in 0..count {
            // SAFETY: S_JOB_ARGV has `count` entries, each a C string or NULL.
            let text = unsafe { *argv.add(index) };
            if text.is_null() {
                break;
            }
            // SAFETY: not NULL, so a C string that slurmstepd owns.
            let text = unsafe { CStr::from_ptr(text) };
            command.push(OsStr::from_bytes(text.to_bytes()).to_owned());
        }
        Ok(command)
    }

    fn put_in_front(&self, helper: &CStr) -> Result<Front, HostError> {
        let mut front = [helper.as_ptr()];
        // SAFETY: valid handle, an array of one live C string; Slurm copies it.
        let code = unsafe { shim::shim_prepend_argv(self.raw, 1, front.as_mut_ptr()) };
        if code != shim::SHIM_NOT_AVAILABLE {
            return check("spank_prepend_task_argv", code).map(|()| Front::Prepended);
        }
        self.replace_argument(0, helper)?;
        Ok(Front::Replaced)
    }

    fn can_prepend(&self) -> bool {
        // SAFETY: no arguments; the shim tests the weak symbol.
        unsafe { shim::shim_can_prepend() != 0 }
    }

    fn replace_argument(&self, index: usize, text: &CStr) -> Result<(), HostError> {
        let (argv, count) = self.raw_argv()?;
        if index >= count {
            let cause = format!("the step's command has {count} words");
            return Err(HostError { call: "spank_get_item(S_JOB_ARGV)", cause });
        }
        // SAFETY: the array has an entry `index` in this process's own memory. The
        // string is given away for good, so that it is valid whenever Slurm reads
        // it, and Slurm frees no entry of this array: not slurmstepd between
        // task_init and exec, nor srun after local_user_init (20.11 to 23.02; only
        // what MEMORY_LEAK_DEBUG adds to 23.02 would).
        unsafe { *argv.add(index) = text.to_owned().into_raw() };
        Ok(())
    }

    fn variable(&self, name: &str) -> Option<OsString> {
        match self.context() {
            Context::Stepd => self.step_variable(name),
            _ => environ::get(name),
        }
    }

    fn set_variable(&self, name: &str, value: &OsStr) -> Result<(), HostError> {
        match self.context() {
            Context::Stepd => self.set_step_variable(name, value),
            _ => environ::set(name, value)
                .map_err(|error| HostError { call: "setenv", cause: error.to_string() }),
        }
    }

    fn set_job_variable(&self, name: &str, value: &OsStr) -> Result<(), HostError> {
        const CALL: &str = "spank_job_control_setenv";
        let (name, value) = (c_string(CALL, name.as_ref())?, c_string(CALL, value)?);
        // SAFETY: valid handle and two live C strings, which Slurm copies.
        check(CALL, unsafe {
            shim::shim_job_control_setenv(self.raw, name.as_ptr(), value.as_ptr())
        })
    }

    fn unset_variable(&self, name: &str) {
        match self.context() {
            Context::Stepd => self.unset_step_variable(name),
            _ => environ::unset(name),
        }
    }
}

/// The value of `NAME=value` if its name is `name`.
fn value_of<'a>(entry: &'a [u8], name: &str) -> Option<&'a [u8]> {
    entry.strip_prefix(name.as_bytes())?.strip_prefix(b"=")
}

fn c_string(call: &'static str, text: &OsStr) -> Result<CString, HostError> {
    CString::new(text.as_bytes())
        .map_err(|_| HostError { call, cause: "the text contains a NUL byte".to_owned() })
}

fn check(call: &'static str, code: c_int) -> Result<(), HostError> {
    if code == 0 {
        return Ok(());
    }
    // SAFETY: the shim never returns NULL, and Slurm's error texts are static.
    let text = unsafe { CStr::from_ptr(shim::shim_strerror(code)) };
    Err(HostError { call, cause: text.to_string_lossy().into_owned() })
}

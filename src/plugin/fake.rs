//! A [`Host`] for tests: variables in a map, hooks' answers as fields.
#![forbid(unsafe_code)]

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    ffi::{CStr, OsStr, OsString},
    os::unix::ffi::OsStrExt,
};

use nix::unistd::{getegid, geteuid};

use super::host::{Context, Front, Host, HostError, OwnOption, StepIds};

pub(super) struct FakeHost {
    context: Context,
    variables: RefCell<BTreeMap<String, OsString>>,
    options: RefCell<Vec<(OwnOption, OsString)>>,
    pub(super) registered: RefCell<Vec<OwnOption>>,
    pub(super) release: u32,
    pub(super) command_line: Vec<OsString>,
    pub(super) step: u32,
    pub(super) command: RefCell<Vec<OsString>>,
    /// How this Slurm puts the helper in front.
    pub(super) front: Front,
    /// Whether it did.
    pub(super) helped: Cell<bool>,
}

impl FakeHost {
    pub(super) fn new(context: Context) -> Self {
        Self {
            context,
            variables: RefCell::default(),
            options: RefCell::default(),
            registered: RefCell::default(),
            release: 45,
            command_line: vec!["srun".into(), "echo".into(), "hello".into()],
            step: 0,
            command: RefCell::new(vec!["echo".into(), "hello".into()]),
            front: Front::Prepended,
            helped: Cell::new(false),
        }
    }

    pub(super) fn with_variables(self, variables: &[(&str, &str)]) -> Self {
        let entries = variables.iter().map(|&(name, value)| (name.to_owned(), value.into()));
        self.variables.borrow_mut().extend(entries);
        self
    }

    pub(super) fn with_option(self, option: OwnOption, value: &str) -> Self {
        self.options.borrow_mut().push((option, value.into()));
        self
    }

    pub(super) fn variables(&self) -> BTreeMap<String, OsString> {
        self.variables.borrow().clone()
    }
}

impl Host for FakeHost {
    fn context(&self) -> Context {
        self.context
    }

    fn release(&self) -> u32 {
        self.release
    }

    fn command_line(&self) -> Vec<OsString> {
        self.command_line.clone()
    }

    fn register(&self, option: OwnOption) -> Result<(), HostError> {
        self.registered.borrow_mut().push(option);
        Ok(())
    }

    fn option(&self, option: OwnOption) -> Option<OsString> {
        let options = self.options.borrow();
        options.iter().rfind(|given| given.0 == option).map(|given| given.1.clone())
    }

    fn ids(&self) -> Result<StepIds, HostError> {
        let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
        Ok(StepIds { uid, gid, job: 7, step: self.step, node_rank: 1 })
    }

    fn job_id(&self) -> Result<u32, HostError> {
        Ok(7)
    }

    fn local_task(&self) -> Result<u32, HostError> {
        Ok(3)
    }

    fn command(&self) -> Result<Vec<OsString>, HostError> {
        Ok(self.command.borrow().clone())
    }

    fn can_prepend(&self) -> bool {
        self.front == Front::Prepended
    }

    fn replace_argument(&self, index: usize, text: &CStr) -> Result<(), HostError> {
        let text = OsStr::from_bytes(text.to_bytes()).to_owned();
        self.command.borrow_mut()[index] = text;
        Ok(())
    }

    fn put_in_front(&self, _: &CStr) -> Result<Front, HostError> {
        self.helped.set(true);
        Ok(self.front)
    }

    fn variable(&self, name: &str) -> Option<OsString> {
        self.variables.borrow().get(name).cloned()
    }

    fn set_variable(&self, name: &str, value: &OsStr) -> Result<(), HostError> {
        self.variables.borrow_mut().insert(name.to_owned(), value.to_owned());
        Ok(())
    }

    fn set_job_variable(&self, name: &str, value: &OsStr) -> Result<(), HostError> {
        self.set_variable(&format!("SLURM_SPANK_{name}"), value)
    }

    fn unset_variable(&self, name: &str) {
        self.variables.borrow_mut().remove(name);
    }
}

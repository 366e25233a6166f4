//! A [`Host`] for tests: variables in a map, hooks' answers as fields.
#![forbid(unsafe_code)]

use std::{
    cell::RefCell,
    collections::BTreeMap,
    ffi::{CStr, OsStr, OsString},
};

use super::host::{Context, Front, Host, HostError, StepIds};

pub(super) struct FakeHost {
    context: Context,
    variables: RefCell<BTreeMap<String, OsString>>,
}

impl FakeHost {
    pub(super) fn new(context: Context) -> Self {
        Self { context, variables: RefCell::default() }
    }

    pub(super) fn with_variables(self, variables: &[(&str, &str)]) -> Self {
        let entries = variables.iter().map(|&(name, value)| (name.to_owned(), value.into()));
        self.variables.borrow_mut().extend(entries);
        self
    }

    pub(super) fn variables(&self) -> BTreeMap<String, OsString> {
        self.variables.borrow().clone()
    }
}

fn unavailable(call: &'static str) -> HostError {
    HostError { call, cause: "not available in this process".to_owned() }
}

impl Host for FakeHost {
    fn context(&self) -> Context {
        self.context
    }

    fn ids(&self) -> Result<StepIds, HostError> {
        Err(unavailable("ids"))
    }

    fn job_id(&self) -> Result<u32, HostError> {
        Err(unavailable("job_id"))
    }

    fn local_task(&self) -> Result<u32, HostError> {
        Err(unavailable("local_task"))
    }

    fn command(&self) -> Result<Vec<OsString>, HostError> {
        Err(unavailable("command"))
    }

    fn put_in_front(&self, _: &CStr) -> Result<Front, HostError> {
        Err(unavailable("put_in_front"))
    }

    fn variable(&self, name: &str) -> Option<OsString> {
        self.variables.borrow().get(name).cloned()
    }

    fn set_variable(&self, name: &str, value: &OsStr) -> Result<(), HostError> {
        self.variables.borrow_mut().insert(name.to_owned(), value.to_owned());
        Ok(())
    }

    fn unset_variable(&self, name: &str) {
        self.variables.borrow_mut().remove(name);
    }
}

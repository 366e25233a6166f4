//! What a rule has found, by the field it is about.
#![forbid(unsafe_code)]

use crate::diagnostic::{Place, Severity};

use super::{Case, Runtime, pointer};

/// Which runtimes fail on something; the others take no notice of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fails {
    /// crun and runc.
    Both,
    /// runc alone.
    Runc,
    /// crun alone.
    Crun,
}

/// A mistake, and the field it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    /// The field as a JSON pointer; what is missing is missing in what this finds.
    pub(super) at: String,
    /// Its name is meant, not its value.
    pub(super) name: bool,
    pub(super) severity: Severity,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Finding {
    pub(super) fn hint(&mut self, hint: impl Into<String>) -> &mut Self {
        self.hint = Some(hint.into());
        self
    }

    /// The place in the text; of a value over several lines, its name.
    pub(super) fn place(&self, text: &str) -> Option<Place> {
        let mut at = self.at.as_str();
        let spot = loop {
            match pointer::find(text, at) {
                Some(spot) => break spot,
                None => at = at.rsplit_once('/')?.0,
            }
        };
        if at.is_empty() {
            return None;
        }
        let long = text.get(spot.value.clone()).is_some_and(|value| value.contains('\n'));
        let span = match spot.name {
            Some(name) if long || self.name => name,
            _ => spot.value,
        };
        Some(Place::of(text, span))
    }
}

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Finding>);

impl Findings {
    pub(super) fn error(
        &mut self,
        at: impl Into<String>,
        message: impl Into<String>,
    ) -> &mut Finding {
        self.push(Severity::Error, at.into(), message.into())
    }

    pub(super) fn warning(
        &mut self,
        at: impl Into<String>,
        message: impl Into<String>,
    ) -> &mut Finding {
        self.push(Severity::Warning, at.into(), message.into())
    }

    pub(super) fn note(
        &mut self,
        at: impl Into<String>,
        message: impl Into<String>,
    ) -> &mut Finding {
        self.push(Severity::Note, at.into(), message.into())
    }

    /// What some runtimes refuse: an error only if the site has one of them.
    pub(super) fn refused(
        &mut self,
        fails: Fails,
        case: &Case,
        at: impl Into<String>,
        message: &str,
    ) -> &mut Finding {
        let (known, who) = match fails {
            Fails::Both => return self.error(at, message),
            Fails::Runc => (case.runtime == Runtime::Runc, "runc"),
            Fails::Crun => (case.runtime == Runtime::Crun, "crun"),
        };
        let severity = if known { Severity::Error } else { Severity::Warning };
        self.push(severity, at.into(), format!("{message}: {who} refuses that"))
    }

    pub(super) fn append(&mut self, mut others: Self) {
        self.0.append(&mut others.0);
    }

    /// The worst first, so that they are told if there are too many.
    pub(super) fn into_sorted(mut self) -> Vec<Finding> {
        self.0.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        self.0
    }

    fn push(&mut self, severity: Severity, at: String, message: String) -> &mut Finding {
        let index = self.0.len();
        self.0.push(Finding { at, name: false, severity, message, hint: None });
        &mut self.0[index]
    }
}

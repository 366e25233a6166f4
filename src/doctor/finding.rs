//! What was looked at, how it is, and what to do about it.
#![forbid(unsafe_code)]

use serde::{Deserialize, Serialize};

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Not looked at.
    Skip,
    /// Containers run, but not everything is as it should be.
    Warn,
    /// Containers do not run, or not safely.
    Fail,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What it is about, in a word or two.
    pub subject: String,
    /// How it is.
    pub verdict: Verdict,
    /// What was seen, or why nobody looked.
    pub seen: String,
    /// What to do; there where something is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Finding {
    /// As it should be.
    pub fn ok(subject: impl Into<String>, seen: impl Into<String>) -> Self {
        Self::new(subject, Verdict::Ok, seen, None)
    }

    /// Not looked at, and why.
    pub fn skip(subject: impl Into<String>, seen: impl Into<String>) -> Self {
        Self::new(subject, Verdict::Skip, seen, None)
    }

    /// Not as it should be.
    pub fn warn(
        subject: impl Into<String>,
        seen: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::new(subject, Verdict::Warn, seen, Some(remedy.into()))
    }

    /// In the way of containers.
    pub fn fail(
        subject: impl Into<String>,
        seen: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::new(subject, Verdict::Fail, seen, Some(remedy.into()))
    }

    fn new(
        subject: impl Into<String>,
        verdict: Verdict,
        seen: impl Into<String>,
        remedy: Option<String>,
    ) -> Self {
        Self { subject: subject.into(), verdict, seen: seen.into(), remedy }
    }
}

/// Findings that belong together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Section {
    /// What they are about.
    pub title: String,
    /// In the order in which one depends on another.
    pub findings: Vec<Finding>,
}

/// The worst verdict of all.
pub fn worst(sections: &[Section]) -> Verdict {
    let findings = sections.iter().flat_map(|section| &section.findings);
    findings.map(|finding| finding.verdict).max().unwrap_or(Verdict::Ok)
}

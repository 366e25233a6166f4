//! What the helper changes by itself: nothing to do, but good to know.
#![forbid(unsafe_code)]

use super::{Case, finding::Findings};
use crate::bundle::{Object, rootless};

pub(super) fn check(config: &Object, case: &Case) -> Findings {
    let mut findings = Findings::default();
    if !case.privileged {
        for change in rootless::adapt(&mut config.clone(), &case.facts.user) {
            findings.note(change.at, change.told);
        }
    }
    let process = config.get("process");
    let terminal = process.and_then(|process| process.get("terminal"));
    if terminal.is_some_and(|terminal| terminal == true) {
        findings.note("/process/terminal", "'srun --pty' decides whether the task has a terminal");
    }
    let arguments = process.and_then(|process| process.get("args")?.as_array());
    if arguments.is_none_or(Vec::is_empty) {
        findings.note("/process/args", "no command: that of the job is run in any case");
    }
    findings
}

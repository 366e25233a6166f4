//! `hooks`: programs that the runtime executes around the container.
#![forbid(unsafe_code)]

use std::path::Path;

use serde_json::Value;

use super::{
    Case,
    finding::{Fails, Findings},
    host::Seen,
    pointer::escaped,
};
use crate::{
    bundle::Object,
    config::{self, HOOKS},
};

pub(super) fn check(config: &Object, case: &Case) -> Findings {
    let mut findings = Findings::default();
    for (kind, hooks) in config.get("hooks").and_then(Value::as_object).into_iter().flatten() {
        let at = format!("/hooks/{}", escaped(kind));
        if !HOOKS.contains(&kind.as_str()) {
            unknown(&mut findings, at, kind);
            continue;
        }
        for (index, hook) in hooks.as_array().into_iter().flatten().enumerate() {
            one(&mut findings, &format!("{at}/{index}/path"), kind, hook, case);
        }
    }
    findings
}

fn unknown(findings: &mut Findings, at: String, kind: &str) {
    let meant = HOOKS.iter().find(|known| config::distance(kind, known) <= 2);
    let hint = match meant {
        Some(meant) => format!("did you mean '{meant}'?"),
        None => format!("the hooks are {}", HOOKS.join(", ")),
    };
    let finding = findings.warning(at, format!("no runtime executes hooks called '{kind}'"));
    finding.name = true;
    finding.hint(hint);
}

fn one(findings: &mut Findings, at: &str, kind: &str, hook: &Value, case: &Case) {
    let Some(path) = hook.get("path") else {
        findings.error(at, format!("a hook ({kind}) without 'path'"));
        return;
    };
    let Some(path) = path.as_str() else { return };
    if !path.starts_with('/') {
        let message = format!("the hook ({kind}) '{path}' is not an absolute path");
        findings.refused(Fails::Runc, case, at, &message);
        return;
    }
    let cause = if kind == "startContainer" {
        // It is looked for in the container.
        return;
    } else {
        match case.facts.seen(Path::new(path)) {
            Some(Seen::Nothing(cause)) => cause.clone(),
            Some(Seen::Something { directory: true, .. }) => "it is a directory".to_owned(),
            Some(Seen::Something { executable: false, .. }) => "you may not execute it".to_owned(),
            _ => return,
        }
    };
    let message = format!("the hook ({kind}) '{path}' cannot be executed: {cause}");
    let finding = match kind {
        // Too late for a failure.
        "poststop" => findings.warning(at, message),
        _ => findings.error(at, message),
    };
    finding.hint("it must be on every node, unless the site leaves it out (DisableHooks)");
}

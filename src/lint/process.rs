//! `process`: what is left of it when the job's command has taken its place.
#![forbid(unsafe_code)]

use serde_json::Value;

use super::{
    Case,
    finding::{Fails, Findings},
    namespaces::Mapping,
};
use crate::bundle::{Object, rootless};

pub(super) fn check(config: &Object, case: &Case) -> Findings {
    let mut findings = Findings::default();
    if !config.contains_key("ociVersion") {
        findings
            .refused(Fails::Crun, case, "/ociVersion", "'ociVersion' is missing")
            .hint("add: \"ociVersion\": \"1.0.2\"");
    }
    let Some(process) = config.get("process").and_then(Value::as_object) else { return findings };
    directory(&mut findings, process, case);
    environment(&mut findings, process, case);
    limits(&mut findings, process, case);
    user(&mut findings, config, case);
    findings
}

fn directory(findings: &mut Findings, process: &Object, case: &Case) {
    let directory = process.get("cwd").and_then(Value::as_str);
    if let Some(relative) = directory.filter(|path| !path.starts_with('/')) {
        let message = format!("the directory '{relative}' is not an absolute path");
        findings
            .refused(Fails::Runc, case, "/process/cwd", &message)
            .hint(format!("write: \"/{relative}\""));
    }
}

fn environment(findings: &mut Findings, process: &Object, case: &Case) {
    let entries = process.get("env").and_then(Value::as_array);
    for (index, entry) in entries.into_iter().flatten().enumerate() {
        let Some(text) = entry.as_str().filter(|text| !text.contains('=')) else { continue };
        let message = format!("the variable '{text}' has no value");
        findings
            .refused(Fails::Runc, case, format!("/process/env/{index}"), &message)
            .hint("write: NAME=value");
    }
}

fn limits(findings: &mut Findings, process: &Object, case: &Case) {
    let limits = process.get("rlimits").and_then(Value::as_array);
    for (index, limit) in limits.into_iter().flatten().enumerate() {
        let at = |key| format!("/process/rlimits/{index}/{key}");
        let name = limit.get("type").and_then(Value::as_str).unwrap_or_default();
        let Some((_, most)) = case.facts.user.limits.iter().find(|(known, _)| *known == name)
        else {
            findings
                .error(at("type"), format!("there is no limit '{name}'"))
                .hint("see getrlimit(2)");
            continue;
        };
        // As the helper lowers them.
        let most = if case.privileged { u64::MAX } else { *most };
        let value = |key| limit.get(key).and_then(Value::as_u64).map(|value| value.min(most));
        if let (Some(soft), Some(hard)) = (value("soft"), value("hard"))
            && soft > hard
        {
            findings
                .error(at("soft"), format!("{name}: the soft limit is above the hard one, {hard}"));
        }
    }
}

/// Who is not mapped is root in the end, if root is mapped.
fn user(findings: &mut Findings, config: &Object, case: &Case) {
    if case.privileged || !rootless::has_namespace(config, "user") {
        return;
    }
    let mut config = config.clone();
    rootless::adapt(&mut config, &case.facts.user);
    let user = config.get("process").and_then(|process| process.get("user"));
    let Some(user) = user.and_then(Value::as_object) else { return };
    for (key, field) in [("uid", "uidMappings"), ("gid", "gidMappings")] {
        let Some(mappings) = Mapping::of_container(&config, field) else { continue };
        let id = user.get(key).and_then(Value::as_u64).unwrap_or_default();
        if !mappings.iter().any(|mapping| mapping.contains(id)) {
            findings
                .error(
                    format!("/process/user/{key}"),
                    format!("{key} {id} is not mapped into the user namespace"),
                )
                .hint(format!("write 0, which is you, or map it in linux.{field}"));
        }
    }
    if user.get("additionalGids").and_then(Value::as_array).is_some_and(|list| !list.is_empty()) {
        findings
            .refused(
                Fails::Runc,
                case,
                "/process/user/additionalGids",
                "more groups for a container that its user starts",
            )
            .hint("remove the field: the groups of the job stay");
    }
}

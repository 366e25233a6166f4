//! What is asked of the kernel: devices, its settings, security modules.
#![forbid(unsafe_code)]

use std::path::Path;

use serde_json::Value;

use super::{
    Case,
    finding::{Fails, Findings},
    pointer::escaped,
};
use crate::bundle::{Object, rootless::has_namespace};

pub(super) fn check(config: &Object, case: &Case) -> Findings {
    let mut findings = Findings::default();
    let linux = config.get("linux");
    let field = |name| linux.and_then(|linux| linux.get(name));
    if !case.privileged {
        devices(&mut findings, field("devices"), case);
        settings(&mut findings, field("sysctl"), config);
    }
    if let Some(process) = config.get("process").and_then(Value::as_object) {
        security(&mut findings, process, case);
    }
    findings
}

/// A user cannot make devices: those of the host are mounted.
fn devices(findings: &mut Findings, devices: Option<&Value>, case: &Case) {
    for (index, device) in devices.and_then(Value::as_array).into_iter().flatten().enumerate() {
        let path = device.get("path").and_then(Value::as_str).unwrap_or_default();
        if let Some(cause) = case.facts.missing(Path::new(path)) {
            findings
                .error(
                    format!("/linux/devices/{index}/path"),
                    format!("cannot mount the device '{path}' of the host: {cause}"),
                )
                .hint("it must be on every node of the step");
        }
    }
}

fn settings(findings: &mut Findings, settings: Option<&Value>, config: &Object) {
    for (name, _) in settings.and_then(Value::as_object).into_iter().flatten() {
        if name.starts_with("net.") && !has_namespace(config, "network") {
            findings
                .error(
                    format!("/linux/sysctl/{}", escaped(name)),
                    format!("'{name}' would be set for the network of the host"),
                )
                .hint("remove it: the job uses the network of the host");
        }
    }
}

fn security(findings: &mut Findings, process: &Object, case: &Case) {
    let named = |field: &str| {
        process.get(field).and_then(Value::as_str).is_some_and(|text| !text.is_empty())
    };
    if named("selinuxLabel") && !case.facts.selinux {
        findings
            .error("/process/selinuxLabel", "there is no SELinux on this machine")
            .hint("remove the field");
    }
    if named("apparmorProfile") && !case.facts.apparmor {
        let message = "there is no AppArmor on this machine";
        findings
            .refused(Fails::Runc, case, "/process/apparmorProfile", message)
            .hint("remove the field");
    }
    let priority = process.get("oomScoreAdj").and_then(Value::as_i64);
    if !case.privileged && priority.is_some_and(|priority| priority < 0) {
        findings
            .error("/process/oomScoreAdj", "a user may not lower the own score for being killed")
            .hint("remove the field: Slurm has set the task's");
    }
}

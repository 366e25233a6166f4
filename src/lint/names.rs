//! Names of fields that are almost those of the OCI runtime specification.
//!
//! The specification lets runtimes pass over fields they do not know, so only what
//! differs by a letter, or by case, is taken for a mistake.
#![forbid(unsafe_code)]

use serde_json::Value;

use super::{finding::Findings, pointer::escaped};
use crate::{bundle::Object, config};

const TOP: [&str; 13] = [
    "annotations",
    "domainname",
    "hooks",
    "hostname",
    "linux",
    "mounts",
    "ociVersion",
    "process",
    "root",
    "solaris",
    "vm",
    "windows",
    "zos",
];
const ROOT: [&str; 2] = ["path", "readonly"];
const PROCESS: [&str; 16] = [
    "apparmorProfile",
    "args",
    "capabilities",
    "commandLine",
    "consoleSize",
    "cwd",
    "env",
    "execCPUAffinity",
    "ioPriority",
    "noNewPrivileges",
    "oomScoreAdj",
    "rlimits",
    "scheduler",
    "selinuxLabel",
    "terminal",
    "user",
];
const MOUNT: [&str; 6] = ["destination", "gidMappings", "options", "source", "type", "uidMappings"];
const LINUX: [&str; 17] = [
    "cgroupsPath",
    "devices",
    "gidMappings",
    "intelRdt",
    "maskedPaths",
    "mountLabel",
    "namespaces",
    "netDevices",
    "personality",
    "readonlyPaths",
    "resources",
    "rootfsPropagation",
    "seccomp",
    "sysctl",
    "timeOffsets",
    "uidMappings",
    "memoryPolicy",
];
const NAMESPACE: [&str; 2] = ["path", "type"];
const HOOK: [&str; 4] = ["args", "env", "path", "timeout"];

pub(super) fn check(config: &Object) -> Findings {
    let mut findings = Findings::default();
    names(&mut findings, "", config, &TOP);
    for (name, known) in [("root", &ROOT[..]), ("process", &PROCESS), ("linux", &LINUX)] {
        inside(&mut findings, &format!("/{name}"), config.get(name), known);
    }
    let linux = config.get("linux");
    each(&mut findings, "/mounts", config.get("mounts"), &MOUNT);
    each(
        &mut findings,
        "/linux/namespaces",
        linux.and_then(|linux| linux.get("namespaces")),
        &NAMESPACE,
    );
    for (kind, hooks) in config.get("hooks").and_then(Value::as_object).into_iter().flatten() {
        each(&mut findings, &format!("/hooks/{}", escaped(kind)), Some(hooks), &HOOK);
    }
    findings
}

fn each(findings: &mut Findings, at: &str, list: Option<&Value>, known: &[&str]) {
    for (index, entry) in list.and_then(Value::as_array).into_iter().flatten().enumerate() {
        inside(findings, &format!("{at}/{index}"), Some(entry), known);
    }
}

fn inside(findings: &mut Findings, at: &str, value: Option<&Value>, known: &[&str]) {
    if let Some(object) = value.and_then(Value::as_object) {
        names(findings, at, object, known);
    }
}

fn names(findings: &mut Findings, at: &str, object: &Object, known: &[&str]) {
    for name in object.keys().filter(|name| !known.contains(&name.as_str())) {
        let Some(meant) = known.iter().find(|known| config::distance(name, known) <= 1) else {
            continue;
        };
        let (message, hint) = if name.eq_ignore_ascii_case(meant) {
            (
                format!("'{name}' is '{meant}' for runc, and nothing for crun"),
                format!("write: \"{meant}\""),
            )
        } else if object.contains_key(*meant) {
            continue;
        } else {
            (format!("'{name}' is no field of config.json"), format!("did you mean '{meant}'?"))
        };
        let finding = findings.warning(format!("{at}/{}", escaped(name)), message);
        finding.name = true;
        finding.hint(hint);
    }
}

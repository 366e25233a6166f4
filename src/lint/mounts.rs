//! `mounts`: what a user's runtime can mount, and whether it is there.
#![forbid(unsafe_code)]

use std::path::Path;

use serde_json::Value;

use super::{
    Case,
    finding::{Fails, Findings},
    namespaces::Mapping,
};
use crate::bundle::{Object, rootless::has_namespace};

/// File systems that the kernel lets users mount in their own namespaces.
const FOR_USERS: [&str; 9] =
    ["cgroup", "cgroup2", "devpts", "mqueue", "overlay", "proc", "ramfs", "sysfs", "tmpfs"];
/// Options with which something is changed that is mounted already.
const CHANGES: [&str; 10] = [
    "remount",
    "private",
    "rprivate",
    "shared",
    "rshared",
    "slave",
    "rslave",
    "unbindable",
    "runbindable",
    "bind",
];

/// One entry of `mounts`.
struct Mount<'a> {
    at: String,
    kind: Option<&'a str>,
    source: Option<&'a str>,
    options: Vec<&'a str>,
}

impl<'a> Mount<'a> {
    fn of(index: usize, entry: &'a Value) -> Self {
        let text = |key| entry.get(key).and_then(Value::as_str);
        let options = entry.get("options").and_then(Value::as_array);
        Self {
            at: format!("/mounts/{index}"),
            kind: text("type"),
            source: text("source"),
            options: options
                .into_iter()
                .flatten()
                .map(|it| it.as_str().unwrap_or_default())
                .collect(),
        }
    }

    fn at(&self, key: &str) -> String {
        format!("{}/{key}", self.at)
    }

    fn is_bind(&self) -> bool {
        self.options.iter().any(|option| ["bind", "rbind"].contains(option))
    }
}

pub(super) fn check(config: &Object, case: &Case) -> Findings {
    let mut findings = Findings::default();
    let mounts = config.get("mounts").and_then(Value::as_array);
    for (index, entry) in mounts.into_iter().flatten().enumerate() {
        if entry.is_object() {
            let mount = Mount::of(index, entry);
            destination(&mut findings, &mount, entry);
            match mount.is_bind() {
                true => bind(&mut findings, &mount, case),
                // Of another type: that was told already.
                false if entry.get("type").is_some_and(|kind| !kind.is_string()) => {}
                false => other(&mut findings, &mount, config, case),
            }
            owners(&mut findings, &mount, config, case);
        }
    }
    findings
}

fn destination(findings: &mut Findings, mount: &Mount, entry: &Value) {
    match entry.get("destination") {
        None => {
            findings.error(mount.at("destination"), "a mount without 'destination'");
        }
        Some(Value::String(place)) if !place.starts_with('/') => {
            findings
                .warning(mount.at("destination"), format!("'{place}' is not an absolute path"))
                .hint(format!("write: \"/{place}\""));
        }
        Some(_) => {}
    }
}

fn bind(findings: &mut Findings, mount: &Mount, case: &Case) {
    let at = mount.at("source");
    let Some(source) = mount.source else {
        if !mount.options.contains(&"remount") {
            findings.refused(Fails::Crun, case, at, "a bind mount without 'source'");
        }
        return;
    };
    if let Some(cause) = case.facts.missing(Path::new(source)) {
        findings
            .error(at, format!("cannot mount '{source}': {cause}"))
            .hint("it must be on every node of the step");
    }
}

fn other(findings: &mut Findings, mount: &Mount, config: &Object, case: &Case) {
    let changes = mount.options.iter().any(|option| CHANGES.contains(option));
    match mount.kind {
        None if !changes => {
            findings
                .error(mount.at("type"), "a mount without 'type'")
                .hint("a file or directory of the host needs the option \"bind\" or \"rbind\"");
        }
        Some("bind" | "none") if !changes => {
            findings
                .error(
                    mount.at("type"),
                    "a mount of a file or directory needs the option \"rbind\"",
                )
                .hint("write: \"options\": [\"rbind\"], or [\"rbind\", \"ro\"]");
        }
        Some(kind) if !changes && !case.privileged => for_user(findings, mount, kind, config, case),
        _ => {}
    }
}

/// The kernel's rules for those who are root only in a user namespace.
fn for_user(findings: &mut Findings, mount: &Mount, kind: &str, config: &Object, case: &Case) {
    let at = mount.at("type");
    if !FOR_USERS.contains(&kind) {
        findings
            .error(at, format!("a file system of type '{kind}' cannot be mounted by a user"))
            .hint("have it mounted on the host, and mount that place with \"rbind\"");
        return;
    }
    for (needs_it, namespace) in [("proc", "pid"), ("mqueue", "ipc")] {
        if kind == needs_it && !has_namespace(config, namespace) {
            findings.error(&at, format!("'{kind}' needs a namespace of type '{namespace}'")).hint(
                format!("add it to linux.namespaces, or mount /{} with \"rbind\"", of_host(kind)),
            );
        }
    }
    // Without a user namespace the helper adds one and takes the host's /sys.
    if kind == "sysfs" && has_namespace(config, "user") && !has_namespace(config, "network") {
        findings
            .refused(Fails::Runc, case, &at, "a new sysfs with the network of the host")
            .hint("as runc spec --rootless has it: \"type\": \"none\", \"source\": \"/sys\", \"options\": [\"rbind\", \"ro\"]");
    }
}

fn of_host(kind: &str) -> &str {
    if kind == "mqueue" { "dev/mqueue" } else { kind }
}

/// Options that give a file system to somebody who is nobody in the container.
fn owners(findings: &mut Findings, mount: &Mount, config: &Object, case: &Case) {
    if case.privileged || !has_namespace(config, "user") {
        return;
    }
    for (index, option) in mount.options.iter().enumerate() {
        for (prefix, field) in [("uid=", "uidMappings"), ("gid=", "gidMappings")] {
            let Some(id) = option.strip_prefix(prefix).and_then(|id| id.parse().ok()) else {
                continue;
            };
            let Some(mappings) = Mapping::of_container(config, field) else { continue };
            if !mappings.iter().any(|mapping| mapping.contains(id)) {
                let (kind, number) = (&prefix[..3], id);
                findings
                    .error(
                        format!("{}/{index}", mount.at("options")),
                        format!("{kind} {number} is not mapped into the user namespace"),
                    )
                    .hint("remove the option");
            }
        }
    }
}

//! `linux.namespaces`, and who is mapped into the user namespace.
#![forbid(unsafe_code)]

use std::path::Path;

use serde_json::Value;

use super::{
    Case,
    finding::{Fails, Findings},
    host::Subordinate,
};
use crate::{
    bundle::{Object, rootless::has_namespace},
    config,
};

const NAMESPACES: &str = "/linux/namespaces";
const KINDS: [&str; 8] = ["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"];

/// Some ids of a container and those of the host they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mapping {
    pub(super) container: u64,
    pub(super) host: u64,
    pub(super) size: u64,
}

impl Mapping {
    /// Those in `linux.uidMappings` or `linux.gidMappings`.
    pub(super) fn all(config: &Object, field: &str) -> Vec<Self> {
        let list = config.get("linux").and_then(|linux| linux.get(field)?.as_array());
        let number =
            |entry: &Value, key| entry.get(key).and_then(Value::as_u64).unwrap_or_default();
        let mapping = |entry: &Value| Self {
            container: number(entry, "containerID"),
            host: number(entry, "hostID"),
            size: number(entry, "size"),
        };
        list.into_iter().flatten().map(mapping).collect()
    }

    /// Those the container will have, as far as that is known.
    pub(super) fn of_container(config: &Object, field: &str) -> Option<Vec<Self>> {
        let list = config.get("linux").and_then(|linux| linux.get("namespaces")?.as_array());
        let joined =
            |it: &Value| it.get("type").is_some_and(|it| it == "user") && it.get("path").is_some();
        if list.into_iter().flatten().any(joined) {
            return None;
        }
        // Where no user is mapped the helper maps the one who runs it to root.
        if Self::all(config, "uidMappings").is_empty() {
            return Some(vec![Self { container: 0, host: 0, size: 1 }]);
        }
        Some(Self::all(config, field)).filter(|mappings| !mappings.is_empty())
    }

    /// Whether an id of the container is mapped.
    pub(super) fn contains(&self, id: u64) -> bool {
        id >= self.container && id - self.container < self.size
    }

    /// Whether its ids of the host are the user's, or ones that newuidmap may map.
    fn is_allowed(&self, own: u64, subordinate: &[(u64, u64)]) -> bool {
        let within = |&(first, count): &(u64, u64)| {
            self.host >= first && self.host.saturating_add(self.size) <= first.saturating_add(count)
        };
        within(&(own, 1)) || subordinate.iter().any(within)
    }
}

pub(super) fn check(config: &Object, case: &Case) -> Findings {
    let mut findings = Findings::default();
    let list = config.get("linux").and_then(|linux| linux.get("namespaces"));
    let list = list.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if !case.privileged && !has_namespace(config, "mount") {
        findings
            .error(NAMESPACES, "no mount namespace: a user cannot mount anything without one")
            .hint("add: {\"type\": \"mount\"}");
    }
    for (index, namespace) in list.iter().enumerate() {
        let Some(kind) = namespace.get("type").and_then(Value::as_str) else { continue };
        let at = format!("{NAMESPACES}/{index}");
        let earlier = &list[..index];
        one(&mut findings, &at, kind, case);
        if earlier.iter().any(|other| other.get("type").is_some_and(|other| other == kind)) {
            findings.error(format!("{at}/type"), format!("a second namespace of type '{kind}'"));
        }
        match namespace.get("path").and_then(Value::as_str) {
            Some(path) => existing(&mut findings, &at, path, case),
            None if kind == "network" => network(&mut findings, &at, config, case),
            None => {}
        }
    }
    mappings(&mut findings, config, case);
    findings
}

fn one(findings: &mut Findings, at: &str, kind: &str, case: &Case) {
    let at = format!("{at}/type");
    if !KINDS.contains(&kind) {
        let meant = KINDS.iter().find(|known| config::distance(kind, known) <= 2);
        let hint = match meant {
            Some(meant) => format!("did you mean '{meant}'?"),
            None => format!("the types are {}", KINDS.join(", ")),
        };
        findings.error(at, format!("there is no namespace of type '{kind}'")).hint(hint);
    } else if kind == "time" && case.runtime != super::Runtime::Crun {
        findings.warning(at, "runc before 1.2 knows no time namespace");
    }
}

fn existing(findings: &mut Findings, at: &str, path: &str, case: &Case) {
    if let Some(cause) = case.facts.missing(Path::new(path)) {
        findings
            .error(format!("{at}/path"), format!("cannot join the namespace '{path}': {cause}"));
    }
}

/// The helper takes it out together with adding a user namespace.
fn network(findings: &mut Findings, at: &str, config: &Object, case: &Case) {
    let at = format!("{at}/type");
    if !case.privileged && !has_namespace(config, "user") {
        findings.note(at, "the container uses the network of the host instead of one of its own");
        return;
    }
    findings
        .warning(at, "a network of its own has no way out: nothing reaches the job through it")
        .hint("remove the entry, and the container uses the network of the host");
}

fn mappings(findings: &mut Findings, config: &Object, case: &Case) {
    let own = &case.facts.user;
    if case.privileged || !has_namespace(config, "user") {
        return;
    }
    if Mapping::all(config, "uidMappings").is_empty() {
        return;
    }
    if Mapping::all(config, "gidMappings").is_empty() {
        let message = "no group is mapped into the user namespace";
        findings.refused(Fails::Runc, case, "/linux/gidMappings", message).hint(format!(
            "map your own: {{\"containerID\": 0, \"hostID\": {}, \"size\": 1}}",
            own.gid
        ));
    }
    let ids = &case.facts.subordinate_uids;
    of_one_kind(findings, config, case, ("uidMappings", "/etc/subuid", own.uid, ids));
    let ids = &case.facts.subordinate_gids;
    of_one_kind(findings, config, case, ("gidMappings", "/etc/subgid", own.gid, ids));
}

/// A field, the file with the user's other ids, the own one, and the others.
type Ids<'a> = (&'a str, &'a str, u32, &'a Subordinate);

fn of_one_kind(findings: &mut Findings, config: &Object, case: &Case, ids: Ids) {
    let (field, file, own, subordinate) = ids;
    let own = u64::from(own);
    let mappings = Mapping::all(config, field);
    let alone = mappings.len() <= 1 && mappings.iter().all(|it| it.is_allowed(own, &[]));
    if !alone && case.no_new_privileges {
        let message = "oci.conf says NoNewPrivileges, so that nobody can be mapped but yourself";
        findings.error(format!("/linux/{field}"), message).hint(format!(
            "leave one entry: {{\"containerID\": 0, \"hostID\": {own}, \"size\": 1}}"
        ));
        return;
    }
    if !alone && !case.facts.can_map {
        findings
            .error(
                format!("/linux/{field}"),
                "newuidmap and newgidmap are missing, which map more than yourself",
            )
            .hint("install them (Debian: uidmap, Fedora: shadow-utils), or map yourself alone");
        return;
    }
    let Some(subordinate) = subordinate else { return };
    for (index, mapping) in mappings.iter().enumerate() {
        if !mapping.is_allowed(own, subordinate) {
            let (first, last) =
                (mapping.host, mapping.host.saturating_add(mapping.size).saturating_sub(1));
            let message = match first == last {
                true => format!("id {first} of the host is not yours to map"),
                false => format!("the ids {first} to {last} of the host are not yours to map"),
            };
            findings.error(format!("/linux/{field}/{index}/hostID"), message).hint(allowed(
                file,
                own,
                subordinate,
            ));
        }
    }
}

fn allowed(file: &str, own: u64, subordinate: &[(u64, u64)]) -> String {
    let ranges: Vec<_> = subordinate
        .iter()
        .map(|(first, count)| {
            format!("{first} to {}", first.saturating_add(*count).saturating_sub(1))
        })
        .collect();
    match ranges.is_empty() {
        true => format!("you may map {own}, yourself; {file} gives you no others"),
        false => format!("you may map {own}, yourself, and by {file} {}", ranges.join(", ")),
    }
}

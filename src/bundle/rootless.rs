//! What a runtime without privileges cannot do, taken out of a config.json that was
//! written for root, or by a tool that did not know who would run it.
//!
//! The rules are those by which `runc spec --rootless` differs from `runc spec`, and
//! those the kernel has for users: a limit is never raised, a control group never
//! left.
#![forbid(unsafe_code)]

use serde_json::{Value, json};

use super::{Object, edit::change};

/// Who runs the container, and within which bounds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rootless {
    /// The user's id, which root in the container stands for.
    pub uid: u32,
    /// The id of the user's group.
    pub gid: u32,
    /// The task's hard limits, by their names in config.json.
    pub limits: Vec<(&'static str, u64)>,
}

/// Something that could not stay as the bundle has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The field of the bundle's config.json, as a JSON pointer (RFC 6901). What is not
    /// there is meant to be in what is.
    pub at: String,
    /// What was done, in words.
    pub told: String,
}

impl Change {
    fn new(at: impl Into<String>, told: impl Into<String>) -> Self {
        Self { at: at.into(), told: told.into() }
    }
}

/// Makes a container of it that `user` may run; tells what was changed.
pub fn adapt(config: &mut Object, user: &Rootless) -> Vec<Change> {
    let mut told = Vec::new();
    let namespaces = "/linux/namespaces";
    if !has_namespace(config, "user") {
        add_user_namespace(config, user);
        told.push(Change::new(namespaces, "no user namespace: added one, in which you are root"));
    } else if lacks_mappings(config) {
        map_to_root(config, user);
        let change = "nobody is mapped into the user namespace: you are root in it";
        told.push(Change::new(namespaces, change));
    }
    told.extend(be_somebody_mapped(config));
    told.extend(lower_limits(config, &user.limits));
    told.extend(leave_control_groups(config));
    told.extend(leave_host_name(config));
    told
}

fn linux(config: &Object) -> Option<&Object> {
    config.get("linux")?.as_object()
}

/// Whether the container is to have a namespace of this kind.
pub fn has_namespace(config: &Object, kind: &str) -> bool {
    let list = linux(config).and_then(|linux| linux.get("namespaces")?.as_array());
    list.into_iter().flatten().any(|namespace| is_of(namespace, kind))
}

fn is_of(entry: &Value, kind: &str) -> bool {
    entry.get("type").is_some_and(|value| value == kind)
}

/// `crun spec --rootless` leaves the mappings to crun. runc refuses to run that.
fn lacks_mappings(config: &Object) -> bool {
    let Some(linux) = linux(config) else { return false };
    let namespaces = linux.get("namespaces").and_then(Value::as_array);
    let of_its_own = |entry: &Value| is_of(entry, "user") && entry.get("path").is_none();
    let mappings = linux.get("uidMappings").and_then(Value::as_array);
    mappings.is_none_or(Vec::is_empty) && namespaces.into_iter().flatten().any(of_its_own)
}

fn map_to_root(config: &mut Object, user: &Rootless) {
    change(config, "linux", |linux| {
        for (key, id) in [("uidMappings", user.uid), ("gidMappings", user.gid)] {
            linux.insert(key.into(), json!([{"containerID": 0, "hostID": id, "size": 1}]));
        }
    });
}

/// An image may name a user of its own (`USER` of a Dockerfile), which `umoci unpack
/// --rootless` leaves as it is. Nobody but root is mapped: no runtime can be another.
fn be_somebody_mapped(config: &mut Object) -> Vec<Change> {
    somebody_mapped(config).unwrap_or_default()
}

/// `None` where there is nothing to be done.
fn somebody_mapped(config: &mut Object) -> Option<Vec<Change>> {
    let linux = linux(config)?;
    let (uids, gids) = (mapped(linux, "uidMappings")?, mapped(linux, "gidMappings")?);
    let is_in = |ranges: &[(u64, u64)], id: &Value| {
        let id = id.as_u64().unwrap_or_default();
        ranges.iter().any(|&(first, count)| id >= first && id - first < count)
    };
    let user = config.get_mut("process")?.get_mut("user")?.as_object_mut()?;
    let mut told = Vec::new();
    if let Some(Value::Array(groups)) = user.get_mut("additionalGids") {
        let many = groups.len();
        groups.retain(|group| is_in(&gids, group));
        if groups.len() < many {
            let change = "process.user: groups that are not mapped left out";
            told.push(Change::new("/process/user/additionalGids", change));
        }
    }
    for (key, ranges) in [("uid", &uids), ("gid", &gids)] {
        let id = user.get(key).unwrap_or(&Value::Null);
        if !is_in(ranges, id) && is_in(ranges, &Value::Null) {
            let change = format!("process.user: {key} {id} is not mapped: you are root");
            told.push(Change::new(format!("/process/user/{key}"), change));
            user.insert(key.into(), 0.into());
        }
    }
    Some(told)
}

/// First ids and sizes of a user namespace's mappings, where there are any.
fn mapped(linux: &Object, key: &str) -> Option<Vec<(u64, u64)>> {
    let list = linux.get(key)?.as_array()?;
    let range =
        |entry: &Value| Some((entry.get("containerID")?.as_u64()?, entry.get("size")?.as_u64()?));
    list.iter().map(range).collect()
}

/// Only the user can be mapped without help, so everybody in the container is the
/// user, called root. The network stays the host's: one of its own has no way out.
fn add_user_namespace(config: &mut Object, user: &Rootless) {
    change(config, "linux", |linux| {
        let namespaces = linux.entry("namespaces").or_insert_with(|| json!([]));
        if let Value::Array(list) = namespaces {
            list.retain(|namespace| !is_of(namespace, "network"));
            list.push(json!({"type": "user"}));
        }
    });
    map_to_root(config, user);
    change(config, "process", |process| {
        change(process, "user", |user| {
            user.insert("uid".into(), 0.into());
            user.insert("gid".into(), 0.into());
            user.shift_remove("additionalGids");
        });
    });
    if let Some(Value::Array(mounts)) = config.get_mut("mounts") {
        mounts.retain(|mount| !is_of(mount, "cgroup"));
        mounts.iter_mut().filter_map(Value::as_object_mut).for_each(adapt_mount);
    }
}

/// A file system for a group that is not mapped cannot be mounted, nor a new sysfs
/// where the network is the host's. The host's brings its control groups with it,
/// which runc 1.0 fails to mount for users.
fn adapt_mount(mount: &mut Object) {
    if mount.get("type").is_some_and(|kind| kind == "sysfs") {
        mount.insert("type".into(), "none".into());
        mount.insert("source".into(), "/sys".into());
        let options = json!(["rbind", "nosuid", "noexec", "nodev", "ro"]);
        mount.insert("options".into(), options);
    }
    if let Some(Value::Array(options)) = mount.get_mut("options") {
        let names_owner = |text: &str| text.starts_with("uid=") || text.starts_with("gid=");
        options.retain(|option| !option.as_str().is_some_and(names_owner));
    }
}

/// Limits above the task's own cannot be set.
fn lower_limits(config: &mut Object, limits: &[(&str, u64)]) -> Vec<Change> {
    let process = config.get_mut("process").and_then(Value::as_object_mut);
    let list = process.and_then(|process| process.get_mut("rlimits")?.as_array_mut());
    let mut told = Vec::new();
    for (index, wanted) in list.into_iter().flatten().enumerate() {
        let Some(wanted) = wanted.as_object_mut() else { continue };
        let name = wanted.get("type").and_then(Value::as_str).unwrap_or_default();
        let Some(&(name, most)) = limits.iter().find(|(known, _)| *known == name) else { continue };
        for key in ["hard", "soft"] {
            // A number too large for 64 bits is too large for a limit.
            if wanted.get(key).is_some_and(|limit| limit.as_u64().is_none_or(|limit| limit > most))
            {
                wanted.insert(key.into(), most.into());
                let change = format!("{name}: {key} limit lowered to the task's {most}");
                told.push(Change::new(format!("/process/rlimits/{index}/{key}"), change));
            }
        }
    }
    told
}

/// The task's control groups are Slurm's.
fn leave_control_groups(config: &mut Object) -> Vec<Change> {
    let linux = config.get_mut("linux").and_then(Value::as_object_mut);
    let Some(linux) = linux else { return Vec::new() };
    let keys = ["cgroupsPath", "resources", "intelRdt"];
    let removed = keys.into_iter().filter(|key| linux.shift_remove(*key).is_some());
    let change = |key| format!("linux.{key} left out: Slurm has set the task's limits");
    removed.map(|key| Change::new(format!("/linux/{key}"), change(key))).collect()
}

/// The host keeps its name where the container has none of its own.
fn leave_host_name(config: &mut Object) -> Vec<Change> {
    if has_namespace(config, "uts") {
        return Vec::new();
    }
    let keys = ["hostname", "domainname"];
    let removed = keys.into_iter().filter(|key| config.shift_remove(*key).is_some());
    let change = |key| format!("{key} left out: there is no uts namespace");
    removed.map(|key| Change::new(format!("/{key}"), change(key))).collect()
}

#[cfg(test)]
mod tests;

//! What a task changes in a bundle's config.json, as Slurm 26.05's built-in
//! support does: command, environment, terminal, absolute rootfs, mounts of the
//! batch script and the spool directory, hooks the site disables. Nothing else.
#![forbid(unsafe_code)]

use std::path::Path;

use serde_json::{Value, json};

use super::{Bundle, Object};

/// Where a batch script is put when no temporary file system can take it. Slurm
/// uses the same place.
const SCRIPT: &str = "/tmp/slurm/startup";
/// Its name in a temporary file system of the container.
const SCRIPT_NAME: &str = "slurm-batch-script";

/// The changes, as values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Edit {
    /// `process.args`: the command and its arguments.
    pub args: Vec<String>,
    /// `process.env`: all of it.
    pub env: Vec<String>,
    /// `process.terminal`: the task has a terminal, and its window has this size.
    pub terminal: Option<WindowSize>,
    /// Whether `args[0]` is a batch script on the host, to be made visible.
    pub batch: bool,
    /// Directory on the host and the place in the container to mount it at.
    pub spool: Option<(String, String)>,
    /// Kinds of hooks to leave out.
    pub disable_hooks: Vec<String>,
    /// The task's own limit of open files, soft and hard, for a bundle that sets
    /// none: runc raises the soft one to the hard one unless it is told.
    pub open_files: Option<(u64, u64)>,
}

/// The size of a terminal's window in characters; 0 where it is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WindowSize {
    /// Rows.
    pub height: u16,
    /// Columns.
    pub width: u16,
}

/// The bundle's config.json as the task needs it.
pub fn edited(bundle: &Bundle, mut edit: Edit) -> Object {
    let mut config = bundle.config.clone();
    let rootfs = bundle.rootfs.to_string_lossy().into_owned();
    change(&mut config, "root", |root| {
        root.insert("path".into(), rootfs.into());
    });

    if let Some((source, destination)) = &edit.spool {
        add_mount(&mut config, source, destination, &["bind"]);
    }
    if let (true, Some(script)) = (edit.batch, edit.args.first_mut()) {
        let destination = script_place(&config);
        add_mount(&mut config, script, &destination, &["bind", "ro"]);
        *script = destination;
    }
    disable_hooks(&mut config, &edit.disable_hooks);

    change(&mut config, "process", |process| {
        process.insert("terminal".into(), edit.terminal.is_some().into());
        if let Some(size) = edit.terminal {
            set_console_size(process, size);
        }
        process.insert("args".into(), edit.args.into());
        process.insert("env".into(), edit.env.into());
        process.entry("cwd").or_insert_with(|| "/".into());
        if let Some(limit) = edit.open_files {
            limit_open_files(process, limit);
        }
    });
    config
}

/// Changes the object called `key`, made if it is missing. Reading the bundle has
/// made sure that it is nothing else.
fn change(parent: &mut Object, key: &str, change: impl FnOnce(&mut Object)) {
    let value = parent.entry(key).or_insert(Value::Null);
    let mut object = match value.take() {
        Value::Object(object) => object,
        _ => Object::new(),
    };
    change(&mut object);
    *value = Value::Object(object);
}

fn add_mount(config: &mut Object, source: &str, destination: &str, options: &[&str]) {
    let mount = json!({
        "destination": destination, "type": "none", "source": source, "options": options,
    });
    match config.entry("mounts").or_insert_with(|| Value::Array(Vec::new())) {
        Value::Array(mounts) => mounts.push(mount),
        other => *other = Value::Array(vec![mount]),
    }
}

/// A place for the batch script. The runtime makes the file to mount it on; in a
/// temporary file system of the container that leaves no trace in the user's
/// rootfs, and works when the rootfs cannot be written.
fn script_place(config: &Object) -> String {
    let mounts = config.get("mounts").and_then(Value::as_array);
    let writable_tmpfs = |mount: &&Value| {
        let options = mount.get("options").and_then(Value::as_array);
        let read_only = options.is_some_and(|list| list.iter().any(|option| option == "ro"));
        mount.get("type").is_some_and(|kind| kind == "tmpfs") && !read_only
    };
    let places = mounts.into_iter().flatten().filter(writable_tmpfs);
    let mut destinations = places.filter_map(|mount| mount.get("destination")?.as_str());
    let usable = |place: &&str| Path::new(place).is_absolute() && !hidden_later(config, place);
    match destinations.find(usable) {
        Some(place) => format!("{}/{SCRIPT_NAME}", place.trim_end_matches('/')),
        None => SCRIPT.to_owned(),
    }
}

/// Whether another mount stands over the place (mounts are done in order).
fn hidden_later(config: &Object, place: &str) -> bool {
    let mounts = config.get("mounts").and_then(Value::as_array).into_iter().flatten();
    let destinations = mounts.filter_map(|mount| mount.get("destination")?.as_str());
    let mut later = destinations.skip_while(|&destination| destination != place).skip(1);
    later.any(|destination| Path::new(place).starts_with(destination))
}

/// `process.consoleSize`: `crun run` (1.8) begins with a size of 0 otherwise.
fn set_console_size(process: &mut Object, WindowSize { height, width }: WindowSize) {
    if height > 0 && width > 0 {
        process.insert("consoleSize".into(), json!({"height": height, "width": width}));
    }
}

fn limit_open_files(process: &mut Object, (soft, hard): (u64, u64)) {
    let limits = process.entry("rlimits").or_insert_with(|| Value::Array(Vec::new()));
    let is_set = |limit: &Value| limit.get("type").is_some_and(|kind| kind == "RLIMIT_NOFILE");
    match limits {
        Value::Array(limits) if !limits.iter().any(is_set) => {
            limits.push(json!({"type": "RLIMIT_NOFILE", "hard": hard, "soft": soft}));
        }
        _ => {}
    }
}

fn disable_hooks(config: &mut Object, kinds: &[String]) {
    if let Some(Value::Object(hooks)) = config.get_mut("hooks") {
        for kind in kinds {
            hooks.shift_remove(kind);
        }
    }
}

#[cfg(test)]
mod tests;

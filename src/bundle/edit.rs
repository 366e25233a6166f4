//! What a task changes in a bundle's config.json, as Slurm 26.05's built-in
//! support does: command, environment, terminal, absolute rootfs, mounts of the
//! batch script and the spool directory, hooks the site disables. Beyond that only
//! what would keep a runtime from starting it.
#![forbid(unsafe_code)]

use std::{collections::HashSet, path::Path};

use serde_json::{Value, json};

use super::{
    Bundle, Object,
    rootless::{self, Rootless},
};

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
    /// `args[0]` is a batch script on the host, to be made visible at this place.
    pub script: Option<String>,
    /// Directory on the host and the place in the container to mount it at.
    pub spool: Option<(String, String)>,
    /// Kinds of hooks to leave out.
    pub disable_hooks: Vec<String>,
    /// The task's own limit of open files, soft and hard, for a bundle that sets
    /// none: runc raises the soft one to the hard one unless it is told.
    pub open_files: Option<(u64, u64)>,
    /// The task's own root, where the image cannot take all mount points, and what is
    /// mounted there: paths on the host and in the container.
    pub underlay: Option<(String, Vec<(String, String)>)>,
    /// The runtime has no more rights than this user.
    pub rootless: Option<Rootless>,
    /// `linux.cgroupsPath`, in place of the bundle's.
    pub cgroups_path: Option<String>,
}

/// The size of a terminal's window in characters; 0 where it is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WindowSize {
    /// Rows.
    pub height: u16,
    /// Columns.
    pub width: u16,
}

/// The bundle's config.json as the task needs it, and in words what of it could not
/// stay.
pub fn edited(bundle: Bundle, mut edit: Edit) -> (Object, Vec<String>) {
    let mut config = bundle.config;
    let rootfs = bundle.rootfs.to_string_lossy().into_owned();
    change(&mut config, "root", |root| {
        root.insert("path".into(), rootfs.into());
    });

    from_the_bundle(&mut config, &bundle.dir);
    let adapted = edit.rootless.map(|user| rootless::adapt(&mut config, &user));
    if let Some(path) = edit.cgroups_path {
        change(&mut config, "linux", |linux| _ = linux.insert("cgroupsPath".into(), path.into()));
    }
    if let Some((root, mounts)) = edit.underlay {
        put_under(&mut config, root, mounts);
    }
    if let Some((source, destination)) = &edit.spool {
        add_mount(&mut config, source, destination, &["bind"]);
    }
    if let (Some(destination), Some(script)) = (edit.script, edit.args.first_mut()) {
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
    let told = adapted.into_iter().flatten().map(|change| change.told);
    (config, told.collect())
}

/// Changes the object called `key`, made if it is missing. Reading the bundle has
/// made sure that it is nothing else.
pub fn change(parent: &mut Object, key: &str, change: impl FnOnce(&mut Object)) {
    let value = parent.entry(key).or_insert(Value::Null);
    let mut object = match value.take() {
        Value::Object(object) => object,
        _ => Object::new(),
    };
    change(&mut object);
    *value = Value::Object(object);
}

/// Sources of bind mounts that start from the bundle's directory, while the runtime is
/// given another one.
fn from_the_bundle(config: &mut Object, dir: &Path) {
    let mounts = config.get_mut("mounts").and_then(Value::as_array_mut);
    for mount in mounts.into_iter().flatten().filter_map(Value::as_object_mut) {
        let options = mount.get("options").and_then(Value::as_array).into_iter().flatten();
        let bound = options.into_iter().any(|option| option == "bind" || option == "rbind");
        match mount.get_mut("source") {
            Some(Value::String(source)) if bound && !source.is_empty() => {
                *source = dir.join(&*source).to_string_lossy().into_owned();
            }
            _ => {}
        }
    }
}

/// Another root, with the image's parts mounted there before anything else. They are
/// as read-only as the root.
fn put_under(config: &mut Object, path: String, mounts: Vec<(String, String)>) {
    let mut options = vec!["rbind"];
    change(config, "root", |root| {
        root.insert("path".into(), path.into());
        if root.get("readonly") == Some(&Value::Bool(true)) {
            options.push("ro");
        }
    });
    let of_the_image = |(source, place): (String, String)| mount(&source, &place, &options);
    let mut all: Vec<_> = mounts.into_iter().map(of_the_image).collect();
    if let Some(Value::Array(others)) = config.get_mut("mounts") {
        all.append(others);
    }
    config.insert("mounts".into(), all.into());
}

fn mount(source: &str, destination: &str, options: &[&str]) -> Value {
    json!({"destination": destination, "type": "none", "source": source, "options": options})
}

fn add_mount(config: &mut Object, source: &str, destination: &str, options: &[&str]) {
    let mount = mount(source, destination, options);
    match config.entry("mounts").or_insert_with(|| Value::Array(Vec::new())) {
        Value::Array(mounts) => mounts.push(mount),
        other => *other = Value::Array(vec![mount]),
    }
}

/// A place for the batch script. The runtime makes the file to mount it on; in a
/// temporary file system of the container that leaves no trace in the user's
/// rootfs, and works when the rootfs cannot be written. `spool` is mounted before it.
pub fn script_place(config: &Object, spool: Option<&str>) -> String {
    // Mounts are done in order, so from the last to the first: a place is hidden when a
    // later mount stands over it.
    let mut later: HashSet<&Path> = spool.map(Path::new).into_iter().collect();
    let mut usable = None;
    for mount in mounts(config).iter().rev() {
        let Some(destination) = destination(mount) else { continue };
        let place = Path::new(destination);
        if is_writable_tmpfs(mount) && place.is_absolute() && !is_inside(place, &later) {
            usable = Some(destination);
        }
        later.insert(place);
    }
    match usable {
        Some(place) => format!("{}/{SCRIPT_NAME}", place.trim_end_matches('/')),
        None => SCRIPT.to_owned(),
    }
}

fn is_writable_tmpfs(mount: &Value) -> bool {
    let options = mount.get("options").and_then(Value::as_array);
    let read_only = options.is_some_and(|list| list.iter().any(|option| option == "ro"));
    mount.get("type").is_some_and(|kind| kind == "tmpfs") && !read_only
}

/// The places at which something is mounted in the image itself: not those in what
/// another mount brings.
pub fn mount_points<'a>(config: &'a Object, more: &[&'a str]) -> Vec<&'a Path> {
    let destinations = mounts(config).iter().filter_map(destination);
    let mut earlier = HashSet::new();
    let mut places = Vec::new();
    for place in destinations.chain(more.iter().copied()).map(Path::new) {
        if !is_inside(place, &earlier) {
            earlier.insert(place);
            places.push(place);
        }
    }
    places
}

fn mounts(config: &Object) -> &[Value] {
    config.get("mounts").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn destination(mount: &Value) -> Option<&str> {
    mount.get("destination")?.as_str()
}

/// Whether a path is one of these directories or below one. The number of directories
/// does not matter: bundles have thousands of mounts.
fn is_inside(path: &Path, directories: &HashSet<&Path>) -> bool {
    path.ancestors().any(|directory| directories.contains(directory))
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

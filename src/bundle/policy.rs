//! What the site lets a config.json ask for (the `Allow` keys of oci.conf).
//!
//! What a container can be without is left out, and told: capabilities, annotations.
//! A hook, a device or a mount that is not allowed is a reason to refuse the bundle,
//! because the program would not find what it was built for.
#![forbid(unsafe_code)]

use std::{
    fs::File,
    path::{Component, Path, PathBuf},
};

use serde_json::Value;

use super::{Bundle, BundleError, Object, kind, spelling};
use crate::{
    config::Policy,
    files,
    trust::{self, Owner},
};

/// File systems that show nothing of the host but the kernel itself.
const VIRTUAL: [&str; 8] =
    ["proc", "sysfs", "tmpfs", "ramfs", "devpts", "mqueue", "cgroup", "cgroup2"];

/// Checks a bundle and leaves out what may be left out, which is returned in words.
///
/// # Errors
/// The bundle asks for what the site does not allow, or in a way that cannot be judged.
pub fn apply(
    policy: &Policy,
    disabled_hooks: &[String],
    bundle: &mut Bundle,
) -> Result<Vec<String>, BundleError> {
    let path = Bundle::config_path(&bundle.dir).display().to_string();
    let refused = |cause| BundleError::Refused { path: path.clone(), cause };
    if *policy == Policy::default() && disabled_hooks.is_empty() {
        return Ok(Vec::new());
    }
    spelling::check(&bundle.config).map_err(refused)?;
    if let Some(allowed) = &policy.mounts {
        rootfs(bundle, allowed).map_err(refused)?;
    }
    if policy.mounts.is_some() || policy.devices.is_some() {
        list(&bundle.config, "mounts")
            .and_then(|mounts| mounts.iter().try_for_each(|entry| mount(policy, entry)))
            .map_err(refused)?;
    }
    if let Some(allowed) = &policy.devices {
        devices(&bundle.config, allowed).map_err(refused)?;
    }
    if let Some(allowed) = &policy.hooks {
        hooks(&bundle.config, disabled_hooks, allowed).map_err(refused)?;
    }
    let mut notes = Vec::new();
    if let Some(allowed) = &policy.capabilities {
        notes.extend(capabilities(&mut bundle.config, allowed).map_err(refused)?);
    }
    if let Some(prefixes) = &policy.annotations {
        notes.extend(annotations(&mut bundle.config, prefixes).map_err(refused)?);
    }
    notes.extend(disabled(&bundle.config, disabled_hooks));
    Ok(notes)
}

/// Why a bundle is refused, in words.
type Cause = String;

/// The root file system is the user's own beside config.json, or from an allowed place.
fn rootfs(bundle: &Bundle, allowed: &[PathBuf]) -> Result<(), Cause> {
    let places = [std::slice::from_ref(&bundle.dir), allowed].concat();
    match is_below(&bundle.rootfs, &places) {
        true => Ok(()),
        false => Err(denied("root.path", &bundle.rootfs.to_string_lossy(), "AllowMounts", allowed)),
    }
}

fn mount(policy: &Policy, mount: &Value) -> Result<(), Cause> {
    let text = |key| text(mount, "mounts", key);
    let (kind, source) = (text("type")?.unwrap_or_default(), text("source")?.unwrap_or_default());
    let options = list_of(mount.get("options"), "mounts.options")?;
    let bound = options.iter().any(|option| option == "bind" || option == "rbind");
    if !bound && VIRTUAL.contains(&kind) {
        return Ok(());
    }
    if let Some(allowed) = &policy.mounts {
        if !bound && kind != "bind" {
            return Err(format!(
                "the site does not allow the mount of type '{kind}' (AllowMounts in oci.conf)"
            ));
        }
        if !is_below(Path::new(source), allowed) {
            return Err(denied("the mount of", source, "AllowMounts", allowed));
        }
    }
    match &policy.devices {
        Some(allowed)
            if is_below(Path::new(source), &["/dev".into()])
                && !is_below(Path::new(source), allowed) =>
        {
            Err(denied("the mount of", source, "AllowDevices", allowed))
        }
        _ => Ok(()),
    }
}

fn devices(config: &Object, allowed: &[PathBuf]) -> Result<(), Cause> {
    let empty = Object::new();
    let linux = object(config, "linux")?.unwrap_or(&empty);
    for device in list(linux, "devices")? {
        let path = text(device, "linux.devices", "path")?.unwrap_or_default();
        let plain = Path::new(path).components().all(|part| part != Component::ParentDir);
        if !(plain && allowed.iter().any(|place| Path::new(path).starts_with(place))) {
            return Err(denied("the device", path, "AllowDevices", allowed));
        }
    }
    Ok(())
}

/// A hook's program is root's, in root's directories, below an allowed one.
fn hooks(config: &Object, disabled: &[String], allowed: &[PathBuf]) -> Result<(), Cause> {
    let empty = Object::new();
    let kinds = object(config, "hooks")?.unwrap_or(&empty);
    for (kind, entries) in kinds.iter().filter(|(kind, _)| !disabled.contains(kind)) {
        for hook in list_of(Some(entries), "hooks")? {
            let path = text(hook, "hooks", "path")?.unwrap_or_default();
            let what = format!("the hook ({kind})");
            if !is_below(Path::new(path), allowed) {
                return Err(denied(&what, path, "AllowHooks", allowed));
            }
            let opened = File::open(path).map_err(|error| {
                format!("cannot look at {what} '{path}': {}", files::cause(&error))
            })?;
            trust::check(Path::new(path), &opened, Owner::Root)
                .map_err(|error| format!("the site does not trust {what} '{path}': {error}"))?;
        }
    }
    Ok(())
}

/// Leaves capabilities out of all sets.
fn capabilities(config: &mut Object, allowed: &[String]) -> Result<Option<String>, Cause> {
    let Some(Value::Object(process)) = config.get_mut("process") else { return Ok(None) };
    object(process, "capabilities")?;
    let Some(Value::Object(sets)) = process.get_mut("capabilities") else { return Ok(None) };
    let mut removed = Vec::new();
    for (_, set) in sets.iter_mut() {
        list_of(Some(set), "process.capabilities")?;
        let Value::Array(set) = set else { continue };
        set.retain(|capability| {
            let name = capability.as_str().unwrap_or_default();
            let keep = allowed.iter().any(|allowed| allowed == name);
            if !keep && !removed.contains(&name.to_owned()) {
                removed.push(name.to_owned());
            }
            keep
        });
    }
    Ok(left_out("capabilities", &removed, "AllowCapabilities"))
}

fn annotations(config: &mut Object, prefixes: &[String]) -> Result<Option<String>, Cause> {
    object(config, "annotations")?;
    let Some(Value::Object(annotations)) = config.get_mut("annotations") else { return Ok(None) };
    let mut removed = Vec::new();
    annotations.retain(|name, _| {
        let keep = prefixes.iter().any(|prefix| name.starts_with(prefix));
        if !keep {
            removed.push(name.clone());
        }
        keep
    });
    Ok(left_out("annotations", &removed, "AllowAnnotations"))
}

/// What DisableHooks leaves out when config.json is edited.
fn disabled(config: &Object, kinds: &[String]) -> Option<String> {
    let hooks = config.get("hooks")?.as_object()?;
    let removed: Vec<_> = kinds.iter().filter(|kind| hooks.contains_key(*kind)).cloned().collect();
    left_out("hooks", &removed, "DisableHooks")
}

fn left_out(what: &str, names: &[String], key: &str) -> Option<String> {
    let names = names.join(", ");
    (!names.is_empty())
        .then(|| format!("left out of config.json, as the site wants it ({key}): {what} {names}"))
}

fn denied(what: &str, path: &str, key: &str, allowed: &[PathBuf]) -> Cause {
    let allowed: Vec<_> = allowed.iter().map(|place| place.display().to_string()).collect();
    let allowed = if allowed.is_empty() { "none".to_owned() } else { allowed.join(", ") };
    format!("the site does not allow {what} '{path}'; {key} in oci.conf allows {allowed}")
}

/// Whether a path, with all links followed, is one of these places or below.
fn is_below(path: &Path, places: &[PathBuf]) -> bool {
    let Ok(real) = path.canonicalize() else { return false };
    let real_place = |place: &PathBuf| place.canonicalize().unwrap_or_else(|_| place.clone());
    path.is_absolute() && places.iter().any(|place| real.starts_with(real_place(place)))
}

fn object<'a>(parent: &'a Object, key: &str) -> Result<Option<&'a Object>, Cause> {
    match parent.get(key) {
        None => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(other) => Err(format!("'{key}' must be an object, not {}", kind(other))),
    }
}

fn list<'a>(parent: &'a Object, key: &str) -> Result<&'a [Value], Cause> {
    list_of(parent.get(key), key)
}

fn list_of<'a>(value: Option<&'a Value>, field: &str) -> Result<&'a [Value], Cause> {
    match value {
        None => Ok(&[]),
        Some(Value::Array(list)) => Ok(list),
        Some(other) => Err(format!("'{field}' must be an array, not {}", kind(other))),
    }
}

fn text<'a>(parent: &'a Value, field: &str, key: &str) -> Result<Option<&'a str>, Cause> {
    match parent.get(key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(format!("'{field}.{key}' must be a string, not {}", kind(other))),
    }
}

#[cfg(test)]
mod tests;

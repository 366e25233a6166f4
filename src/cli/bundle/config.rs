//! The config.json of a bundle that is made: a new one for a bare root file system, or
//! what another tool wrote, so that its user may run it by hand, too.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::bundle::{
    Bundle, Object,
    edit::change,
    rootless::{self, Rootless},
};

/// What root in a container may do to its own files and processes. Nobody else is
/// mapped there, so none of these reaches beyond the user's rights.
const CAPABILITIES: [&str; 10] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_NET_BIND_SERVICE",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
];

/// A configuration for a root file system that comes without one. It is as `runc spec
/// --rootless` has it, but for the size of /dev/shm: 64 MiB are too small for MPI.
pub fn new(rootfs: &Path) -> Object {
    let namespaces = ["pid", "ipc", "uts", "mount", "user"].map(|kind| json!({"type": kind}));
    let config = json!({
        "ociVersion": "1.0.2",
        "process": {
            "terminal": false,
            "user": {"uid": 0, "gid": 0},
            "args": ["sh"],
            "env": [
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "TERM=xterm",
            ],
            "cwd": "/",
            "capabilities": {
                "bounding": CAPABILITIES,
                "effective": CAPABILITIES,
                "permitted": CAPABILITIES,
            },
            "noNewPrivileges": true,
        },
        "root": {"path": rootfs.to_string_lossy(), "readonly": false},
        "hostname": "container",
        "mounts": [
            mount("/proc", "proc", "proc", &[]),
            mount("/dev", "tmpfs", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
            mount("/dev/pts", "devpts", "devpts", &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]),
            mount("/dev/shm", "tmpfs", "shm", &["nosuid", "noexec", "nodev", "mode=1777"]),
            mount("/dev/mqueue", "mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
            mount("/sys", "none", "/sys", &["rbind", "nosuid", "noexec", "nodev", "ro"]),
        ],
        "linux": {
            "namespaces": namespaces,
            "maskedPaths": [
                "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
                "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
            ],
            "readonlyPaths": [
                "/proc/asound", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
            ],
        },
    });
    match config {
        Value::Object(config) => config,
        _ => Object::new(),
    }
}

fn mount(destination: &str, kind: &str, source: &str, options: &[&str]) -> Value {
    json!({"destination": destination, "type": kind, "source": source, "options": options})
}

/// Gives it the host's name servers, as the network is the host's; umoci does the same.
/// Not for a root file system of somebody's, where a mount point might have to be made.
pub fn with_name_servers(mut config: Object) -> Object {
    let file = "/etc/resolv.conf";
    if let Some(Value::Array(mounts)) = config.get_mut("mounts") {
        mounts.push(mount(file, "none", file, &["rbind", "ro"]));
    }
    config
}

/// The configuration of a bundle elsewhere, whose root file system stays where it is.
pub fn referring(bundle: Bundle) -> Object {
    let Bundle { dir, mut config, rootfs } = bundle;
    change(&mut config, "root", |root| {
        root.insert("path".into(), rootfs.to_string_lossy().into());
    });
    if let Some(Value::Array(mounts)) = config.get_mut("mounts") {
        let mounts = mounts.iter_mut().filter_map(Value::as_object_mut);
        mounts.for_each(|mount| make_absolute(mount, &dir));
    }
    config
}

/// A relative source of a bind mount starts at the bundle (OCI runtime specification,
/// "Mounts").
fn make_absolute(mount: &mut Object, dir: &Path) {
    let options = mount.get("options").and_then(Value::as_array).into_iter().flatten();
    let is_bound = options.filter_map(Value::as_str).any(|it| it == "bind" || it == "rbind")
        || mount.get("type").is_some_and(|kind| kind == "bind");
    let source = mount.get("source").and_then(Value::as_str).map(PathBuf::from);
    if let (true, Some(source)) = (is_bound, source) {
        mount.insert("source".into(), dir.join(source).to_string_lossy().into());
    }
}

/// The configuration as this user may run it, or, if root made it for everybody, as
/// whoever runs it may; and in words what was changed.
pub fn finished(mut config: Object, user: Option<&Rootless>) -> (Object, Vec<String>) {
    let told = match user {
        Some(user) => {
            forget_the_only(&mut config, |id| id != user.uid);
            rootless::adapt(&mut config, user)
        }
        // The helper puts in who runs the task, where nobody is.
        None => {
            let told = rootless::adapt(&mut config, &Rootless::default());
            forget_the_only(&mut config, |_| true);
            told
        }
    };
    change(&mut config, "process", |process| {
        process.insert("terminal".into(), false.into());
    });
    (config, told.into_iter().map(|change| change.told).collect())
}

/// Leaves out who is mapped into the user namespace, if that is one user alone, of whom
/// `is_meant` is true.
fn forget_the_only(config: &mut Object, is_meant: impl Fn(&Value) -> bool) {
    let Some(linux) = config.get_mut("linux").and_then(Value::as_object_mut) else { return };
    let mappings = linux.get("uidMappings").and_then(Value::as_array);
    let Some([only]) = mappings.map(Vec::as_slice) else { return };
    let is_one = only.get("size").is_some_and(|size| size == 1);
    if is_one && only.get("hostID").is_some_and(is_meant) {
        linux.shift_remove("uidMappings");
        linux.shift_remove("gidMappings");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alice() -> Rootless {
        Rootless { uid: 1000, gid: 100, limits: vec![("RLIMIT_NOFILE", 512)] }
    }

    fn object(value: Value) -> Object {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_new_one_maps_its_user_to_root() {
        let (config, told) = finished(new(Path::new("rootfs")), Some(&alice()));
        let mapping = |id: u32| json!([{"containerID": 0, "hostID": id, "size": 1}]);
        assert_eq!(config["linux"]["uidMappings"], mapping(1000));
        assert_eq!(config["linux"]["gidMappings"], mapping(100));
        assert_eq!(config["root"]["path"], "rootfs");
        assert_eq!(told, ["nobody is mapped into the user namespace: you are root in it"]);
    }

    #[test]
    fn one_that_root_makes_is_for_everybody() {
        for config in [new(Path::new("rootfs")), object(json!({"linux": {}}))] {
            let (config, _) = finished(config, None);
            let linux = config["linux"].as_object().unwrap();
            assert!(linux["namespaces"].as_array().unwrap().contains(&json!({"type": "user"})));
            assert_eq!(linux.get("uidMappings"), None);
            assert_eq!(linux.get("gidMappings"), None);
        }
    }

    #[test]
    fn one_that_was_made_for_somebody_else_becomes_the_users() {
        let of = |uid: u32, size: u32| {
            object(json!({"linux": {
                "uidMappings": [{"containerID": 0, "hostID": uid, "size": size}],
                "namespaces": [{"type": "user"}],
            }}))
        };
        let mapped = |config| finished(config, Some(&alice())).0["linux"]["uidMappings"][0].clone();
        assert_eq!(mapped(of(1001, 1))["hostID"], 1000);
        assert_eq!(mapped(of(100_000, 65_536))["hostID"], 100_000);
    }

    #[test]
    fn what_a_bundle_has_beside_it_is_found_from_elsewhere() {
        let config = object(json!({
            "process": {"terminal": true},
            "mounts": [
                {"destination": "/a", "type": "none", "source": "data", "options": ["rbind"]},
                {"destination": "/b", "type": "bind", "source": "/data"},
                {"destination": "/c", "type": "tmpfs", "source": "tmpfs"},
            ],
        }));
        let (config, _) = finished(referring(Bundle::new("/b".into(), config)), Some(&alice()));
        let sources = config["mounts"].as_array().unwrap().iter().map(|mount| &mount["source"]);
        assert_eq!(sources.collect::<Vec<_>>(), ["/b/data", "/data", "tmpfs"]);
        assert_eq!(config["root"]["path"], "/b/rootfs");
        assert_eq!(config["process"]["terminal"], false);
    }
}

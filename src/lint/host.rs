//! What a bundle's config.json names on this machine, and what this user may do here:
//! looked at beforehand, as a value.
#![forbid(unsafe_code)]

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use nix::unistd::{AccessFlags, User, access, getgid, getuid};
use serde_json::Value;

use crate::{
    bundle::{Bundle, edit::mount_points, rootless::Rootless, underlay},
    files, limits,
    runtime::process,
};

/// The facts.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Who runs this.
    pub user: Rootless,
    /// The ids that belong to the user beside the own one: `/etc/subuid`.
    pub subordinate_uids: Subordinate,
    /// `/etc/subgid`.
    pub subordinate_gids: Subordinate,
    /// newuidmap and newgidmap are where runtimes look for them.
    pub can_map: bool,
    /// The kernel has AppArmor.
    pub apparmor: bool,
    /// The kernel has SELinux.
    pub selinux: bool,
    /// The paths that config.json names, as it names them; what is relative starts from
    /// the bundle.
    pub paths: BTreeMap<PathBuf, Seen>,
    /// The rootfs lacks mount points, and the user cannot make them there.
    pub sealed: bool,
}

/// Ranges of ids, first one and count; `None` where another source than the file decides.
pub type Subordinate = Option<Vec<(u64, u64)>>;

/// What is there at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Nothing, or nothing that may be looked at: the system's reason.
    Nothing(String),
    /// Something.
    Something {
        /// Its path without links.
        real: PathBuf,
        /// It is a directory.
        directory: bool,
        /// This user may execute it, or enter the directory.
        executable: bool,
    },
}

impl Facts {
    /// What is there at a path, if it was looked at.
    pub fn seen(&self, path: &Path) -> Option<&Seen> {
        self.paths.get(path)
    }

    /// Why nothing is there.
    pub fn missing(&self, path: &Path) -> Option<&str> {
        match self.seen(path)? {
            Seen::Nothing(cause) => Some(cause),
            Seen::Something { .. } => None,
        }
    }
}

/// Looks at everything a bundle names, as this process's user.
pub fn look(bundle: &Bundle) -> Facts {
    let name = User::from_uid(getuid()).ok().flatten().map(|user| user.name).unwrap_or_default();
    let user = Rootless { uid: getuid().as_raw(), gid: getgid().as_raw(), limits: limits::hard() };
    let subordinate = |file: &str| {
        let elsewhere = fs::read_to_string("/etc/nsswitch.conf")
            .is_ok_and(|text| text.lines().any(|line| line.starts_with("subid:")));
        let text = fs::read_to_string(file).unwrap_or_default();
        (!elsewhere).then(|| ranges(&text, &name, user.uid))
    };
    Facts {
        subordinate_uids: subordinate("/etc/subuid"),
        subordinate_gids: subordinate("/etc/subgid"),
        apparmor: fs::read("/sys/module/apparmor/parameters/enabled")
            .is_ok_and(|text| text.starts_with(b"Y")),
        selinux: Path::new("/sys/fs/selinux/enforce").exists(),
        can_map: ["newuidmap", "newgidmap"]
            .iter()
            .all(|it| process::find(OsStr::new(it)).is_some()),
        paths: named(bundle)
            .into_iter()
            .map(|path| (path.clone(), see(&bundle.dir.join(path))))
            .collect(),
        sealed: underlay::look(&bundle.rootfs)
            .and_then(|look| look(&bundle.rootfs, &mount_points(&bundle.config, &[])))
            .is_some(),
        user,
    }
}

/// The lines of a user in the format of subuid(5).
fn ranges(text: &str, name: &str, uid: u32) -> Vec<(u64, u64)> {
    let range = |line: &str| {
        let mut fields = line.split(':');
        let owner = fields.next()?;
        let numbers = (fields.next()?.parse().ok()?, fields.next()?.trim().parse().ok()?);
        (owner == name || owner == uid.to_string()).then_some(numbers)
    };
    text.lines().filter_map(range).collect()
}

/// The paths of the host in a config.json.
fn named(bundle: &Bundle) -> Vec<PathBuf> {
    let config = &bundle.config;
    let texts = |list: Option<&Value>, key: &str| -> Vec<PathBuf> {
        let entries = list.and_then(Value::as_array).into_iter().flatten();
        entries.filter_map(|entry| Some(entry.get(key)?.as_str()?.into())).collect()
    };
    let mut paths = vec![bundle.dir.clone(), bundle.rootfs.clone()];
    paths.extend(texts(config.get("mounts"), "source"));
    for list in ["namespaces", "devices"] {
        paths.extend(texts(config.get("linux").and_then(|linux| linux.get(list)), "path"));
    }
    for hooks in
        config.get("hooks").and_then(Value::as_object).into_iter().flat_map(|it| it.values())
    {
        paths.extend(texts(Some(hooks), "path"));
    }
    paths
}

fn see(path: &Path) -> Seen {
    match fs::metadata(path).and_then(|found| Ok((found, path.canonicalize()?))) {
        Ok((found, real)) => Seen::Something {
            real,
            directory: found.is_dir(),
            executable: access(path, AccessFlags::X_OK).is_ok(),
        },
        Err(error) => Seen::Nothing(files::cause(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ranges_of_a_user_are_those_by_name_and_by_number() {
        let text = "alice:100000:65536\nbob:1:2\n1000:5:1\n# alice\nalice:x:1\n";
        assert_eq!(ranges(text, "alice", 1000), [(100_000, 65_536), (5, 1)]);
    }

    #[test]
    fn what_is_there_is_told_from_what_is_not() {
        let seen =
            |directory, executable| Seen::Something { real: "/etc".into(), directory, executable };
        assert_eq!(see(Path::new("/etc")), seen(true, true));
        let real = "/etc/passwd".into();
        let passwd = Seen::Something { real, directory: false, executable: false };
        assert_eq!(see(Path::new("/etc/passwd")), passwd);
        let nothing = Seen::Nothing("no such file or directory".into());
        assert_eq!(see(Path::new("/no/such")), nothing);
    }
}

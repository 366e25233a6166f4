//! What an image has in it that must not lie in a file system of the host's.
#![forbid(unsafe_code)]

use std::{
    fs::{self, DirEntry, Permissions},
    io,
    os::unix::fs::{FileTypeExt, PermissionsExt},
    path::Path,
};

/// Set-user-id and set-group-id.
const SET_ID: u32 = 0o6000;
/// What the owner of a directory needs to look into it, and to remove it.
const OPEN: u32 = 0o700;
/// Where every container has something mounted. Users of an image that root made
/// could not make these.
const MOUNT_POINTS: [&str; 3] = ["proc", "sys", "dev"];

/// What was changed in a root file system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tidied {
    /// Files that no longer run as their owner or group. In the container they would
    /// change nothing, on the host they would let others act as the bundle's owner.
    pub set_id: usize,
    /// Device nodes removed, which root's unpacking has made. They would be the host's.
    pub devices: usize,
}

impl Tidied {
    /// For people.
    pub fn in_words(self) -> Vec<String> {
        let kinds = [
            (self.set_id, "set-user-id or set-group-id bits left out"),
            (self.devices, "device nodes left out: a container has its own in /dev"),
        ];
        let found = kinds.into_iter().filter(|(count, _)| *count > 0);
        found.map(|(count, what)| format!("{what} ({count} files)")).collect()
    }
}

/// Looks at everything in a root file system, until `goes_on` says no.
///
/// # Errors
/// The system refuses, or it was interrupted.
pub fn tidy(rootfs: &Path, goes_on: &dyn Fn() -> bool) -> io::Result<Tidied> {
    let mut tidied = Tidied::default();
    directory(rootfs, goes_on, &mut tidied)?;
    for name in MOUNT_POINTS {
        let point = rootfs.join(name);
        if !point.exists() && !point.is_symlink() {
            fs::create_dir(point)?;
        }
    }
    Ok(tidied)
}

fn directory(path: &Path, goes_on: &dyn Fn() -> bool, tidied: &mut Tidied) -> io::Result<()> {
    if !goes_on() {
        return Err(io::ErrorKind::Interrupted.into());
    }
    let mode = fs::symlink_metadata(path)?.permissions().mode();
    if mode & OPEN != OPEN {
        fs::set_permissions(path, Permissions::from_mode(mode | OPEN))?;
    }
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        match entry.file_type()? {
            kind if kind.is_dir() => directory(&entry.path(), goes_on, tidied)?,
            kind if kind.is_file() => tidied.set_id += usize::from(lose_set_id(&entry)?),
            kind if kind.is_block_device() || kind.is_char_device() => {
                fs::remove_file(entry.path())?;
                tidied.devices += 1;
            }
            _ => {}
        }
    }
    Ok(())
}

fn lose_set_id(entry: &DirEntry) -> io::Result<bool> {
    let mode = entry.metadata()?.permissions().mode();
    let has = mode & SET_ID != 0;
    if has {
        fs::set_permissions(entry.path(), Permissions::from_mode(mode & !SET_ID))?;
    }
    Ok(has)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn files_no_longer_run_as_their_owner() {
        let keep = tempfile::tempdir().unwrap();
        let (root, outside) = (keep.path().join("root"), keep.path().join("outside"));
        fs::create_dir_all(root.join("bin")).unwrap();
        for (path, bits) in [(root.join("bin/su"), 0o6755), (outside.clone(), 0o4755)] {
            fs::write(&path, "").unwrap();
            fs::set_permissions(&path, Permissions::from_mode(bits)).unwrap();
        }
        symlink(&outside, root.join("bin/link")).unwrap();
        let tidied = tidy(&root, &|| true).unwrap();
        assert_eq!(tidied, Tidied { set_id: 1, devices: 0 });
        assert_eq!(mode(&root.join("bin/su")), 0o755);
        assert_eq!(mode(&outside), 0o4755);
    }

    #[test]
    fn directories_can_be_looked_into_by_their_owner() {
        let keep = tempfile::tempdir().unwrap();
        let closed = keep.path().join("closed");
        fs::create_dir_all(closed.join("below")).unwrap();
        fs::set_permissions(&closed, Permissions::from_mode(0o1011)).unwrap();
        tidy(keep.path(), &|| true).unwrap();
        assert_eq!(mode(&closed), 0o1711);
        assert!(keep.path().join("proc").is_dir());
    }

    #[test]
    fn it_ends_when_it_is_told() {
        let keep = tempfile::tempdir().unwrap();
        let error = tidy(keep.path(), &|| false).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Interrupted);
    }
}

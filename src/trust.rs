//! May a file be trusted: can nobody but its owner, who is trusted, change it or put
//! another in its place?
//!
//! The file is looked at as it was opened. Every directory on the way to it counts,
//! and every link, whatever the way through links is.
#![forbid(unsafe_code)]

use std::{
    collections::VecDeque,
    ffi::OsString,
    fs::{self, File, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::{Component, Path, PathBuf},
};

use nix::{
    errno::Errno,
    fcntl::{OFlag, open},
    sys::stat::Mode,
    unistd::geteuid,
};

/// Write permission for the group or for everyone.
const WRITABLE: u32 = 0o022;
/// Only the owner of a file may rename or remove it in such a directory.
const STICKY: u32 = 0o1000;
/// As many links as the kernel follows.
const MOST_LINKS: u32 = 40;

/// Whose files are trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Root's.
    Root,
    /// Root's, and those of the one user whom they could harm: this process's.
    RootOrSelf,
}

impl Owner {
    fn is(self, uid: u32) -> bool {
        uid == 0 || self == Self::RootOrSelf && uid == geteuid().as_raw()
    }
}

/// Why a file cannot be trusted.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// Others could change it.
    #[error("'{path}' {problem}; run: {remedy}")]
    Changeable {
        /// The file, or something on the way to it.
        path: String,
        /// What is wrong with it.
        problem: String,
        /// A command that mends it.
        remedy: String,
    },
    /// It cannot be looked at.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Checks an open file, which `path` names, and the way to it.
///
/// # Errors
/// See [`TrustError`].
pub fn check(path: &Path, file: &File, owner: Owner) -> Result<(), TrustError> {
    let opened = file.metadata()?;
    owned(path, &opened, owner)?;
    let real = walk(&std::path::absolute(path)?, owner)?;
    let found = fs::metadata(real)?;
    match (found.dev(), found.ino()) == (opened.dev(), opened.ino()) {
        true => Ok(()),
        false => Err(io::Error::other("it was replaced while it was looked at").into()),
    }
}

/// Checks a program that root is about to execute, or to have users execute, and the way
/// to it.
///
/// # Errors
/// See [`TrustError`].
pub fn check_program(path: &Path) -> Result<(), TrustError> {
    // Not for reading: it need not be readable.
    let look = OFlag::O_PATH | OFlag::O_CLOEXEC;
    let opened = open(path, look, Mode::empty()).map_err(io::Error::from)?;
    check(path, &File::from(opened), Owner::RootOrSelf)
}

/// Checks every directory and link on the way to a file; its path without links.
fn walk(path: &Path, owner: Owner) -> Result<PathBuf, TrustError> {
    let mut real = PathBuf::from("/");
    let mut links = 0;
    let mut rest = names(path);
    owned(&real, &fs::metadata(&real)?, owner)?;
    while let Some(name) = rest.pop_front() {
        if name == ".." {
            real.pop();
            continue;
        }
        let next = real.join(name);
        let found = fs::symlink_metadata(&next)?;
        if found.is_symlink() {
            owned(&next, &found, owner)?;
            links += 1;
            if links > MOST_LINKS {
                return Err(io::Error::from(Errno::ELOOP).into());
            }
            let target = fs::read_link(&next)?;
            if target.is_absolute() {
                real = PathBuf::from("/");
            }
            rest = names(&target).into_iter().chain(rest).collect();
        } else {
            if !rest.is_empty() {
                owned(&next, &found, owner)?;
            }
            real = next;
        }
    }
    Ok(real)
}

fn names(path: &Path) -> VecDeque<OsString> {
    let named = |part: &Component<'_>| matches!(part, Component::Normal(_) | Component::ParentDir);
    path.components().filter(named).map(|part| part.as_os_str().to_owned()).collect()
}

/// Owned by somebody who is trusted; not writable by others.
fn owned(path: &Path, found: &Metadata, owner: Owner) -> Result<(), TrustError> {
    let path = path.display().to_string();
    let (uid, mode) = (found.uid(), found.mode());
    let (problem, remedy) = if !owner.is(uid) {
        // As chown(1) would follow a link.
        let option = if found.is_symlink() { "-h " } else { "" };
        (format!("is owned by uid {uid}, not by root"), format!("chown {option}root '{path}'"))
    } else if mode & WRITABLE != 0 && !found.is_symlink() && !(found.is_dir() && mode & STICKY != 0)
    {
        (
            format!("has mode {:04o}, so others than its owner can write it", mode & 0o7777),
            format!("chmod go-w '{path}'"),
        )
    } else {
        return Ok(());
    };
    Err(TrustError::Changeable { path, problem, remedy })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};

    /// A file that may be trusted, in a directory of its own.
    fn trusted() -> (tempfile::TempDir, PathBuf) {
        let keep = tempfile::tempdir().unwrap();
        let path = keep.path().join("file");
        fs::write(&path, "").unwrap();
        (keep, path)
    }

    fn told(path: &Path, owner: Owner) -> String {
        let file = File::open(path).unwrap();
        check(path, &file, owner).map_or_else(|error| error.to_string(), |()| String::new())
    }

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_file_that_only_its_owner_can_change_is_trusted_through_links_too() {
        let (keep, path) = trusted();
        assert_eq!(told(&path, Owner::RootOrSelf), "");
        let (other, _) = trusted();
        for (name, target) in [("absolute", path.clone()), ("relative", "absolute".into())] {
            let link = other.path().join(name);
            symlink(target, &link).unwrap();
            assert_eq!(told(&link, Owner::RootOrSelf), "", "{name}");
        }
        let around = keep.path().join("../").join(keep.path().file_name().unwrap()).join("file");
        assert_eq!(told(&around, Owner::RootOrSelf), "");
    }

    #[test]
    fn every_directory_on_the_way_counts_also_between_two_links() {
        let (_keep, path) = trusted();
        let (open, _) = trusted();
        symlink(&path, open.path().join("second")).unwrap();
        let (first, _) = trusted();
        let link = first.path().join("first");
        symlink(open.path().join("second"), &link).unwrap();
        assert_eq!(told(&link, Owner::RootOrSelf), "");
        chmod(open.path(), 0o777);
        let shown = open.path().display();
        assert_eq!(
            told(&link, Owner::RootOrSelf),
            format!(
                "'{shown}' has mode 0777, so others than its owner can write it; run: chmod go-w '{shown}'"
            )
        );
    }

    #[test]
    fn whose_file_it_is_decides_and_whose_link() {
        assert!(geteuid().is_root(), "needs root");
        let (keep, path) = trusted();
        let link = keep.path().join("link");
        symlink(&path, &link).unwrap();
        lchown(&link, Some(12345), None).unwrap();
        let shown = link.display();
        assert_eq!(
            told(&link, Owner::Root),
            format!("'{shown}' is owned by uid 12345, not by root; run: chown -h root '{shown}'")
        );
        chown(&path, Some(12345), None).unwrap();
        let shown = path.display();
        assert_eq!(
            told(&path, Owner::Root),
            format!("'{shown}' is owned by uid 12345, not by root; run: chown root '{shown}'")
        );
    }

    #[test]
    fn a_file_that_is_no_longer_there_is_not_trusted() {
        let (keep, path) = trusted();
        let file = File::open(&path).unwrap();
        fs::rename(keep.path().join("file"), keep.path().join("old")).unwrap();
        fs::write(&path, "").unwrap();
        let error = check(&path, &file, Owner::RootOrSelf).unwrap_err().to_string();
        assert_eq!(error, "it was replaced while it was looked at");
    }

    #[test]
    fn a_program_need_not_be_readable_to_be_trusted() {
        let (keep, path) = trusted();
        chmod(&path, 0o711);
        check_program(&path).unwrap();
        chmod(keep.path(), 0o770);
        let shown = keep.path().display();
        assert_eq!(
            check_program(&path).unwrap_err().to_string(),
            format!(
                "'{shown}' has mode 0770, so others than its owner can write it; run: chmod go-w '{shown}'"
            )
        );
    }

    #[test]
    fn links_in_a_circle_end() {
        let (keep, _) = trusted();
        symlink("b", keep.path().join("a")).unwrap();
        symlink("a", keep.path().join("b")).unwrap();
        let error = walk(&keep.path().join("a"), Owner::RootOrSelf).unwrap_err();
        assert!(
            matches!(error, TrustError::Io(error) if error.raw_os_error() == Some(Errno::ELOOP as i32))
        );
    }
}

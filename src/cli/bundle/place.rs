//! Where a bundle is made, so that it is there as a whole or not at all.
#![forbid(unsafe_code)]

use std::{
    fs::{self, DirBuilder},
    io::{self, ErrorKind, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    process,
};

use super::recipe::Places;
use crate::{files, runtime::cleanup::remove_any};

/// Directories that each node has for itself, usually.
const NODE_LOCAL: [&str; 5] = ["/tmp", "/run", "/var/tmp", "/var/run", "/dev/shm"];

/// Why a bundle cannot be made at this place.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// It would be overwritten.
    #[error("'{0}' is there already and not empty; name another directory, or remove it first")]
    Taken(String),
    /// It is a file or something else.
    #[error("'{0}' is there already and no directory; name another one")]
    NoDirectory(String),
    /// It has no place.
    #[error("cannot make '{dir}': there is no directory '{parent}'; run: mkdir -p '{parent}'")]
    NoParent {
        /// What was to be made.
        dir: String,
        /// What is missing.
        parent: String,
    },
    /// The system refuses.
    #[error("cannot make '{dir}': {cause}; the bundle is made beside it first, in '{beside}'")]
    Refused {
        /// What was to be made.
        dir: String,
        /// The directory that it is made in.
        beside: String,
        /// The system's reason.
        cause: String,
    },
}

/// A directory to be, and the one beside it in which it is made. The latter is gone when
/// the value is dropped.
#[derive(Debug)]
pub struct Place {
    dir: PathBuf,
    work: PathBuf,
    /// What is made in it.
    pub places: Places,
}

impl Place {
    /// Makes a private directory beside `dir`, which must not be there or be empty.
    ///
    /// # Errors
    /// `dir` is something else, or no directory can be made there.
    pub fn new(dir: &Path) -> Result<Self, PlaceError> {
        let dir = free(dir)?;
        let beside = dir.parent().unwrap_or(Path::new("/")).to_owned();
        let name = dir.file_name().unwrap_or_default().to_string_lossy();
        let work = beside.join(format!(".{name}.{}", process::id()));
        let places = Places { bundle: work.join("bundle"), scratch: work.join("scratch") };
        let make = || {
            // Nobody else meets what an image has in it before that was looked at.
            DirBuilder::new().mode(0o700).create(&work)?;
            fs::create_dir(&places.bundle)?;
            fs::create_dir(&places.scratch)
        };
        match make() {
            Ok(()) => Ok(Self { dir, work, places }),
            Err(error) => Err(refused(&dir, &beside, &error)),
        }
    }

    /// Puts the bundle where it is to be, and tells where that is.
    ///
    /// # Errors
    /// Something is there by now, or the system refuses.
    pub fn finish(self) -> Result<PathBuf, PlaceError> {
        match fs::rename(&self.places.bundle, &self.dir) {
            Ok(()) => Ok(self.dir.clone()),
            Err(error) if is_taken(&error) => Err(PlaceError::Taken(shown(&self.dir))),
            Err(error) => Err(refused(&self.dir, &self.work, &error)),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Err(error) = remove_any(&self.work) {
            let work = self.work.display();
            let _ = writeln!(io::stderr(), "cannot remove '{work}': {}", files::cause(&error));
        }
    }
}

/// The directory's absolute path, if a bundle can become it.
fn free(dir: &Path) -> Result<PathBuf, PlaceError> {
    let cannot = |error: &io::Error| refused(dir, dir.parent().unwrap_or(dir), error);
    match fs::read_dir(dir) {
        Ok(mut entries) => match entries.next() {
            None => dir.canonicalize().map_err(|error| cannot(&error)),
            Some(_) => Err(PlaceError::Taken(shown(dir))),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => absent(dir),
        Err(error) if error.kind() == ErrorKind::NotADirectory && dir.exists() => {
            Err(PlaceError::NoDirectory(shown(dir)))
        }
        Err(error) => Err(cannot(&error)),
    }
}

/// The absolute path of a directory that is not there, in one that is.
fn absent(dir: &Path) -> Result<PathBuf, PlaceError> {
    let parent = match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // A link that leads nowhere is in the way.
    if dir.is_symlink() {
        return Err(PlaceError::NoDirectory(shown(dir)));
    }
    match (parent.canonicalize(), dir.file_name()) {
        (Ok(parent), Some(name)) => Ok(parent.join(name)),
        _ => Err(PlaceError::NoParent { dir: shown(dir), parent: shown(parent) }),
    }
}

/// A directory that is empty or missing is replaced; another one is not.
fn is_taken(error: &io::Error) -> bool {
    use ErrorKind::{AlreadyExists, DirectoryNotEmpty, NotADirectory};
    [AlreadyExists, DirectoryNotEmpty, NotADirectory].contains(&error.kind())
}

fn refused(dir: &Path, beside: &Path, error: &io::Error) -> PlaceError {
    PlaceError::Refused { dir: shown(dir), beside: shown(beside), cause: files::cause(error) }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Whether other nodes are not likely to have the same directory.
pub fn is_node_local(path: &Path) -> bool {
    NODE_LOCAL.iter().any(|local| path.starts_with(local))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn names(dir: &Path) -> Vec<String> {
        let names = fs::read_dir(dir).unwrap();
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_bundle_appears_as_a_whole() {
        let keep = tempfile::tempdir().unwrap();
        for dir in ["absent", "empty"].map(|name| keep.path().join(name)) {
            if dir.ends_with("empty") {
                fs::create_dir(&dir).unwrap();
            }
            let place = Place::new(&dir).unwrap();
            fs::write(place.places.bundle.join("config.json"), "{}").unwrap();
            assert!(fs::read_dir(&dir).is_ok_and(|mut it| it.next().is_none()) || !dir.exists());
            assert_eq!(place.finish().unwrap(), dir);
            assert_eq!(names(&dir), ["config.json"]);
        }
        let mut left = names(keep.path());
        left.sort();
        assert_eq!(left, ["absent", "empty"]);
    }

    #[test]
    fn what_is_not_finished_leaves_nothing_behind() {
        let keep = tempfile::tempdir().unwrap();
        let place = Place::new(&keep.path().join("b")).unwrap();
        let closed = place.places.bundle.join("closed/below");
        fs::create_dir_all(&closed).unwrap();
        fs::write(closed.join("file"), "").unwrap();
        fs::set_permissions(closed.parent().unwrap(), fs::Permissions::from_mode(0o000)).unwrap();
        drop(place);
        assert_eq!(names(keep.path()), [""; 0]);
    }

    #[test]
    fn nothing_is_overwritten() {
        let keep = tempfile::tempdir().unwrap();
        let path = |name: &str| keep.path().join(name);
        let told = |name: &str| {
            let message = Place::new(&path(name)).unwrap_err().to_string();
            message.replace(keep.path().to_str().unwrap(), "")
        };
        fs::write(path("file"), "").unwrap();
        symlink("nowhere", path("link")).unwrap();
        assert_eq!(
            told(""),
            "'/' is there already and not empty; name another directory, or remove it first"
        );
        for name in ["file", "link"] {
            let expected = format!("'/{name}' is there already and no directory; name another one");
            assert_eq!(told(name), expected);
        }
        assert_eq!(
            told("a/b"),
            "cannot make '/a/b': there is no directory '/a'; run: mkdir -p '/a'"
        );
    }

    #[test]
    fn what_has_appeared_meanwhile_stays() {
        let keep = tempfile::tempdir().unwrap();
        let dir = keep.path().join("b");
        let place = Place::new(&dir).unwrap();
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("file"), "").unwrap();
        assert!(matches!(place.finish(), Err(PlaceError::Taken(_))));
        assert_eq!(names(&dir), ["file"]);
        assert_eq!(names(keep.path()), ["b"]);
    }

    #[test]
    fn directories_of_one_node_are_known() {
        assert!(is_node_local(Path::new("/tmp/b")));
        assert!(is_node_local(Path::new("/run/user/1000/b")));
        assert!(!is_node_local(Path::new("/home/tmp/b")));
    }
}

//! Mount points that are missing in a root file system which the user cannot write: an
//! image on a read-only file system, or one that belongs to the site. The runtime
//! would have to make them there, and cannot.
//!
//! Then the container gets a root of the task's own, with everything of the image
//! mounted at its place: whole directories, but for those in which something is
//! missing, which are real ones with their entries mounted. (A temporary file system
//! over the one directory would be simpler; but where it is mounted, crun and runc no
//! longer find what is below it.)
#![forbid(unsafe_code)]

use std::{
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
    ffi::OsString,
    fs, io,
    path::{Component, Path, PathBuf},
};

use nix::unistd::{AccessFlags, access};

/// As many as the kernel follows.
const MOST_LINKS: usize = 40;

/// What a task's own root is made of; the paths are those in the container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Underlay {
    /// Directories to make, each after the one it is in; the root is the first.
    pub directories: Vec<PathBuf>,
    /// Symbolic links to make, and what they say.
    pub links: Vec<(PathBuf, PathBuf)>,
    /// What is mounted from the image.
    pub mounts: Vec<PathBuf>,
}

/// Looks what an image lacks of some mount points.
pub type Look = fn(&Path, &[&Path]) -> Option<Underlay>;

/// How to look at the image in `rootfs`; `None` for a user's own: what of it is another's,
/// nobody mounts in.
pub fn look(rootfs: &Path) -> Option<Look> {
    (!writable(rootfs)).then_some(needed)
}

/// The root that is needed for mounts at `places`, if the image in `rootfs` does not
/// do.
fn needed(rootfs: &Path, places: &[&Path]) -> Option<Underlay> {
    let mut image = Image { rootfs, known: HashMap::new() };
    let missing: BTreeSet<PathBuf> = places.iter().filter_map(|place| image.gap(place)).collect();
    let sealed = missing.iter().filter(|directory| !writable(&inside(rootfs, directory)));
    let open: BTreeSet<PathBuf> =
        sealed.flat_map(|directory| directory.ancestors().map(Path::to_owned)).collect();
    if open.is_empty() { None } else { survey(rootfs, open, places).ok() }
}

fn writable(directory: &Path) -> bool {
    access(directory, AccessFlags::W_OK).is_ok()
}

fn inside(rootfs: &Path, place: &Path) -> PathBuf {
    rootfs.join(place.strip_prefix("/").unwrap_or(place))
}

/// An image, of which each thing is looked at once: bundles have thousands of mounts.
struct Image<'a> {
    rootfs: &'a Path,
    known: HashMap<PathBuf, Found>,
}

/// What has a name in the image.
#[derive(Clone)]
enum Found {
    Nothing,
    Link(PathBuf),
    /// A directory, for what matters here.
    Other,
}

impl Image<'_> {
    /// The directory of the container in which something is missing on the way to a place
    /// there. Symbolic links lead where they do in the container.
    fn gap(&mut self, place: &Path) -> Option<PathBuf> {
        let mut at = PathBuf::from("/");
        let mut links = 0;
        let mut rest: VecDeque<OsString> = names(place).collect();
        while let Some(name) = rest.pop_front() {
            if name == ".." {
                at.pop();
                continue;
            }
            let next = at.join(&name);
            match self.found(&next) {
                Found::Link(target) => {
                    links += 1;
                    if links > MOST_LINKS {
                        return None;
                    }
                    if target.is_absolute() {
                        at = "/".into();
                    }
                    names(&target).rev().for_each(|name| rest.push_front(name));
                }
                Found::Nothing => return Some(at),
                Found::Other => at = next,
            }
        }
        None
    }

    fn found(&mut self, place: &Path) -> Found {
        if let Some(found) = self.known.get(place) {
            return found.clone();
        }
        let found = match fs::read_link(inside(self.rootfs, place)) {
            Ok(target) => Found::Link(target),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Found::Nothing,
            Err(_) => Found::Other,
        };
        self.known.insert(place.to_owned(), found.clone());
        found
    }
}

/// The names in a path, ".." among them.
fn names(path: &Path) -> impl DoubleEndedIterator<Item = OsString> {
    let parts = path.components();
    let is_name =
        |part: &Component<'_>| matches!(part, Component::Normal(_) | Component::ParentDir);
    parts.filter(is_name).map(|part| part.as_os_str().to_owned()).collect::<Vec<_>>().into_iter()
}

/// What there is in these directories, of which each one's parent is one. Where
/// something else is mounted anyway, as over /dev, the image's directory is not: a
/// second mount there would make crun take /dev for the host's.
fn survey(rootfs: &Path, directories: BTreeSet<PathBuf>, places: &[&Path]) -> io::Result<Underlay> {
    let mut underlay = Underlay::default();
    let places: HashSet<&Path> = places.iter().copied().collect();
    for directory in &directories {
        for entry in fs::read_dir(inside(rootfs, directory))? {
            let entry = entry?;
            let place = directory.join(entry.file_name());
            match fs::read_link(entry.path()) {
                Ok(target) => underlay.links.push((place, target)),
                Err(_) if directories.contains(&place) => {}
                Err(_) if places.contains(place.as_path()) && entry.path().is_dir() => {
                    underlay.directories.push(place);
                }
                Err(_) => underlay.mounts.push(place),
            }
        }
    }
    underlay.links.sort();
    underlay.mounts.sort();
    underlay.directories.extend(directories);
    underlay.directories.sort();
    Ok(underlay)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn image() -> tempfile::TempDir {
        let image = tempfile::tempdir().unwrap();
        for directory in ["etc", "var/lib/x", "run/lock", "usr/bin"] {
            fs::create_dir_all(image.path().join(directory)).unwrap();
        }
        fs::write(image.path().join("var/file"), "").unwrap();
        // On the host there is such a directory.
        symlink("/etc", image.path().join("data")).unwrap();
        symlink("/run", image.path().join("var/run")).unwrap();
        symlink("usr/bin", image.path().join("bin")).unwrap();
        symlink("loop", image.path().join("loop")).unwrap();
        image
    }

    #[test]
    fn the_directory_to_be_written_is_found_as_in_the_container() {
        let image = image();
        for (place, directory) in [
            ("/var/lib", None),
            ("/var/run/lock", None),
            ("/var/run/slurm", Some("/run")),
            ("/var/lib/../spool/slurm", Some("/var")),
            ("/data/passwd", Some("/etc")),
            ("bin/../../scratch", Some("/")),
            ("/../../var/x", Some("/var")),
            ("/loop/x", None),
        ] {
            let mut image = Image { rootfs: image.path(), known: HashMap::new() };
            let found = image.gap(Path::new(place));
            assert_eq!(found, directory.map(PathBuf::from), "{place}");
        }
    }

    #[test]
    fn what_is_not_in_the_way_is_mounted_as_a_whole() {
        let image = image();
        let open = ["/", "/var"].map(PathBuf::from).into();
        let underlay = survey(image.path(), open, &["/usr", "/var/file"].map(Path::new)).unwrap();
        let paths = |list: &[&str]| list.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(underlay.directories, paths(&["/", "/usr", "/var"]));
        assert_eq!(underlay.mounts, paths(&["/etc", "/run", "/var/file", "/var/lib"]));
        let links =
            [("/bin", "usr/bin"), ("/data", "/etc"), ("/loop", "loop"), ("/var/run", "/run")];
        assert_eq!(underlay.links, links.map(|(link, target)| (link.into(), target.into())));
    }

    #[test]
    fn an_image_that_can_be_written_does_as_it_is() {
        let image = image();
        assert!(look(image.path()).is_none());
        assert_eq!(needed(image.path(), &[Path::new("/scratch")]), None);
    }
}

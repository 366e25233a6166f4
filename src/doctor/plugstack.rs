//! plugstack.conf as Slurm reads it (plugstack.c, spank.c; 20.11 to 26.05): words with
//! blanks between them, no quotes, `include` with wild cards.
#![forbid(unsafe_code)]

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};

/// As deep as includes are followed; Slurm knows no end.
const DEEPEST: u32 = 10;

/// A plugin's line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The file it stands in.
    pub file: PathBuf,
    /// And the line, counted from 1.
    pub line: usize,
    /// `required`, not `optional`.
    pub required: bool,
    /// The plugin, as it is named there.
    pub plugin: PathBuf,
    /// The words after it.
    pub words: Vec<OsString>,
}

impl Entry {
    /// `FILE:LINE`
    pub fn place(&self) -> String {
        format!("{}:{}", self.file.display(), self.line)
    }

    /// Whether it is the line of this plugin.
    pub fn is_ours(&self) -> bool {
        self.file_name().ends_with("spank_oci.so")
    }

    /// Which other container plugin it is of, if it is of one.
    pub fn other(&self) -> Option<&'static str> {
        let name = self.file_name();
        let known = ["pyxis", "shifter", "singularity", "apptainer", "enroot", "sarus", "skybox"];
        known.into_iter().find(|known| name.contains(known))
    }

    fn file_name(&self) -> String {
        let name = self.plugin.file_name().unwrap_or_default();
        name.to_string_lossy().to_ascii_lowercase()
    }
}

/// How files are read and directories listed.
pub trait Files {
    /// The text of a file.
    ///
    /// # Errors
    /// The system's.
    fn read(&self, path: &Path) -> io::Result<String>;
    /// The names in a directory.
    fn names(&self, directory: &Path) -> Vec<String>;
}

/// The lines of plugins in a file and in what it includes, in their order.
///
/// # Errors
/// A file cannot be read.
pub fn entries(path: &Path, files: &impl Files) -> Result<Vec<Entry>, (PathBuf, io::Error)> {
    let mut entries = Vec::new();
    follow(path, files, 0, &mut entries)?;
    Ok(entries)
}

fn follow(
    path: &Path,
    files: &impl Files,
    depth: u32,
    entries: &mut Vec<Entry>,
) -> Result<(), (PathBuf, io::Error)> {
    let failed = |error| (path.to_owned(), error);
    if depth > DEEPEST {
        return Err(failed(io::Error::other("files include each other")));
    }
    let text = files.read(path).map_err(failed)?;
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_ascii_whitespace();
        let (kind, argument) = (words.next().unwrap_or_default(), words.next());
        match (kind, argument) {
            ("include", Some(pattern)) => {
                let directory = path.parent().unwrap_or(Path::new("/"));
                for included in matching(&directory.join(pattern), files) {
                    follow(&included, files, depth + 1, entries)?;
                }
            }
            ("required" | "optional", Some(plugin)) => entries.push(Entry {
                file: path.to_owned(),
                line: number + 1,
                required: kind == "required",
                plugin: plugin.into(),
                words: words.map(OsString::from).collect(),
            }),
            // Slurm ignores it too, with a message.
            _ => {}
        }
    }
    Ok(())
}

/// The files that a path means, whose last part may have wild cards.
fn matching(path: &Path, files: &impl Files) -> Vec<PathBuf> {
    let pattern = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if !pattern.contains(['*', '?']) {
        return vec![path.to_owned()];
    }
    let directory = path.parent().unwrap_or(Path::new("/"));
    let mut names = files.names(directory);
    names.retain(|name| !name.starts_with('.') && is_match(pattern.as_bytes(), name.as_bytes()));
    names.sort();
    names.iter().map(|name| directory.join(name)).collect()
}

/// `*` and `?`, as in glob(7).
fn is_match(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => (0..=name.len()).any(|skipped| is_match(rest, &name[skipped..])),
        ([b'?', rest @ ..], [_, name @ ..]) => is_match(rest, name),
        ([one, rest @ ..], [other, name @ ..]) if one == other => is_match(rest, name),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files by their names.
    struct Fake<'a>(&'a [(&'a str, &'a str)]);

    impl Files for Fake<'_> {
        fn read(&self, path: &Path) -> io::Result<String> {
            let found = self.0.iter().find(|(name, _)| Path::new(name) == path);
            found.map(|(_, text)| (*text).to_owned()).ok_or(io::ErrorKind::NotFound.into())
        }

        fn names(&self, directory: &Path) -> Vec<String> {
            let inside = |name: &&str| Path::new(name).parent() == Some(directory);
            let names = self.0.iter().map(|(name, _)| *name).filter(inside);
            names.map(|name| name.rsplit('/').next().unwrap().to_owned()).collect()
        }
    }

    #[test]
    fn lines_are_read_as_slurm_does_with_their_places() {
        let text = "# required /no.so\n\noptional  /a/spank_oci.so conf=/c # why\nnonsense\nrequired x.so\n";
        let list = entries(Path::new("/etc/p"), &Fake(&[("/etc/p", text)])).unwrap();
        assert_eq!(
            list,
            [
                Entry {
                    file: "/etc/p".into(),
                    line: 3,
                    required: false,
                    plugin: "/a/spank_oci.so".into(),
                    words: vec!["conf=/c".into()],
                },
                Entry {
                    file: "/etc/p".into(),
                    line: 5,
                    required: true,
                    plugin: "x.so".into(),
                    words: vec![],
                },
            ]
        );
        assert!(list[0].is_ours() && !list[1].is_ours());
        assert_eq!(list[0].place(), "/etc/p:3");
    }

    #[test]
    fn includes_are_followed_in_the_order_of_their_names() {
        let files = Fake(&[
            ("/etc/p", "include p.d/*.conf\ninclude /more\n"),
            ("/etc/p.d/b.conf", "required b.so"),
            ("/etc/p.d/a.conf", "required a.so"),
            ("/etc/p.d/c.old", "required c.so"),
            ("/etc/p.d/.d.conf", "required d.so"),
            ("/more", "required m.so"),
        ]);
        let list = entries(Path::new("/etc/p"), &files).unwrap();
        let names: Vec<_> = list.iter().map(|entry| entry.plugin.to_str().unwrap()).collect();
        assert_eq!(names, ["a.so", "b.so", "m.so"]);
    }

    #[test]
    fn a_file_that_is_missing_or_includes_itself_is_named() {
        let (path, error) = entries(Path::new("/p"), &Fake(&[("/p", "include /q")])).unwrap_err();
        assert_eq!((path, error.kind()), ("/q".into(), io::ErrorKind::NotFound));
        let (path, error) = entries(Path::new("/p"), &Fake(&[("/p", "include p")])).unwrap_err();
        assert_eq!((path, error.to_string()), ("/p".into(), "files include each other".into()));
    }

    #[test]
    fn other_container_plugins_are_known_by_their_names() {
        let text = "required /usr/lib/slurm/spank_pyxis.so\nrequired x/singularity-exec.so\nrequired auks.so";
        let list = entries(Path::new("/p"), &Fake(&[("/p", text)])).unwrap();
        let others: Vec<_> = list.iter().map(Entry::other).collect();
        assert_eq!(others, [Some("pyxis"), Some("singularity"), None]);
    }
}

//! What a bundle is made from, as the user types it.
#![forbid(unsafe_code)]

use std::{
    path::{Path, PathBuf},
    str::FromStr,
};

/// What the user has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// An image in an OCI layout, and its tag.
    Layout(PathBuf, Option<String>),
    /// An image somewhere else, in skopeo's words (skopeo(1), "IMAGE NAMES").
    Image(String),
    /// A root file system in a tar archive.
    Archive(PathBuf),
    /// The same, through a pipe.
    StandardInput,
    /// A root file system in a directory.
    Rootfs(PathBuf),
    /// A bundle that another tool has made.
    Bundle(PathBuf),
    /// A release of Debian, or of what derives from it.
    Suite(String),
    /// A directory of one of these kinds.
    Directory(PathBuf),
}

/// Where skopeo finds images that users have.
const IMAGES: [&str; 3] = ["docker", "docker-archive", "oci-archive"];
/// How the names of archives end.
const ARCHIVES: [&str; 10] = [
    ".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.zst", ".tzst", ".tar.bz2", ".tbz2", ".tbz",
];
const FORMS: &str = "\
oci:LAYOUT[:TAG], docker://IMAGE, docker-archive:FILE[:IMAGE], oci-archive:FILE, FILE.tar[.gz|.xz|.zst|.bz2], \
- (a tar archive on standard input), dir:ROOTFS, bundle:DIR or debootstrap:SUITE";

/// Why a text names no source.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The word before the colon.
    #[error("'{0}:' is no kind of source; there are {FORMS}")]
    Kind(String),
    /// Nothing after the colon.
    #[error("nothing stands after '{0}:'; there are {FORMS}")]
    Empty(String),
    /// As it would be an option of a program.
    #[error("'{0}' is no name of a release; try debootstrap:bookworm")]
    Suite(String),
}

impl FromStr for Source {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        match text.split_once(':') {
            _ if text == "-" => Ok(Self::StandardInput),
            // A colon may stand in a path, too.
            Some((kind, _)) if !kind.is_empty() && !kind.contains(['/', '.']) => {
                of_kind(kind, text)
            }
            _ if ARCHIVES.iter().any(|end| text.ends_with(end)) => Ok(Self::Archive(text.into())),
            _ => Ok(Self::Directory(text.into())),
        }
    }
}

fn of_kind(kind: &str, text: &str) -> Result<Source, SourceError> {
    let rest = &text[kind.len() + 1..];
    if rest.trim_start_matches('/').is_empty() && rest != "/" {
        return Err(SourceError::Empty(kind.to_owned()));
    }
    match kind {
        "oci" => Ok(layout(rest)),
        _ if IMAGES.contains(&kind) => Ok(Source::Image(text.to_owned())),
        "tar" if rest == "-" => Ok(Source::StandardInput),
        "tar" => Ok(Source::Archive(rest.into())),
        "dir" => Ok(Source::Rootfs(rest.into())),
        "bundle" => Ok(Source::Bundle(rest.into())),
        "debootstrap" if rest.starts_with('-') => Err(SourceError::Suite(rest.to_owned())),
        "debootstrap" => Ok(Source::Suite(rest.to_owned())),
        _ => Err(SourceError::Kind(kind.to_owned())),
    }
}

/// `LAYOUT[:TAG]`; a tag has no slash in it.
fn layout(text: &str) -> Source {
    match text.rsplit_once(':') {
        Some((path, tag)) if !tag.contains('/') => Source::Layout(path.into(), Some(tag.into())),
        _ => Source::Layout(text.into(), None),
    }
}

/// What a directory is, by what is in it.
pub fn directory(path: &Path, has: impl Fn(&str) -> bool) -> Source {
    if has("config.json") {
        Source::Bundle(path.to_owned())
    } else if has("oci-layout") {
        Source::Layout(path.to_owned(), None)
    } else {
        Source::Rootfs(path.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Source, SourceError> {
        text.parse()
    }

    #[test]
    fn every_form_is_understood() {
        let tagged = |path: &str, tag: &str| Source::Layout(path.into(), Some(tag.into()));
        for (text, source) in [
            ("oci:images/debian", Source::Layout("images/debian".into(), None)),
            ("oci:images/debian:12", tagged("images/debian", "12")),
            ("oci:/a:b/layout", Source::Layout("/a:b/layout".into(), None)),
            ("docker://127.0.0.1:5000/a:b", Source::Image("docker://127.0.0.1:5000/a:b".into())),
            ("docker-archive:a.tar:a:b", Source::Image("docker-archive:a.tar:a:b".into())),
            ("oci-archive:a.tar", Source::Image("oci-archive:a.tar".into())),
            ("a.tar", Source::Archive("a.tar".into())),
            ("/x/a.b.tar.zst", Source::Archive("/x/a.b.tar.zst".into())),
            ("./with:colon.tgz", Source::Archive("./with:colon.tgz".into())),
            ("tar:root", Source::Archive("root".into())),
            ("-", Source::StandardInput),
            ("tar:-", Source::StandardInput),
            ("dir:/", Source::Rootfs("/".into())),
            ("bundle:b", Source::Bundle("b".into())),
            ("debootstrap:bookworm", Source::Suite("bookworm".into())),
            ("images/debian", Source::Directory("images/debian".into())),
        ] {
            assert_eq!(parse(text), Ok(source), "{text}");
        }
    }

    #[test]
    fn a_source_of_no_kind_is_told_the_kinds() {
        let message = |text: &str| parse(text).unwrap_err().to_string();
        assert_eq!(message("iso:x"), format!("'iso:' is no kind of source; there are {FORMS}"));
        for kind in ["oci", "dir", "docker"] {
            let text = format!("nothing stands after '{kind}:'; there are {FORMS}");
            assert_eq!(message(&format!("{kind}:")), text);
        }
        assert!(message("docker://").starts_with("nothing stands after 'docker:'"));
        assert_eq!(
            message("debootstrap:--help"),
            "'--help' is no name of a release; try debootstrap:bookworm"
        );
    }

    #[test]
    fn a_directory_is_what_is_in_it() {
        let found = |name: &'static str| directory(Path::new("d"), |wanted| wanted == name);
        assert_eq!(found("config.json"), Source::Bundle("d".into()));
        assert_eq!(found("oci-layout"), Source::Layout("d".into(), None));
        assert_eq!(found("etc"), Source::Rootfs("d".into()));
    }
}

//! The site's configurations: may they be trusted, can they be used?
#![forbid(unsafe_code)]

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::finding::Finding;
use crate::{
    config::Config,
    diagnostic::Severity,
    site::{self, SiteError},
    trust::TrustError,
};

/// A configuration that was read.
#[derive(Debug)]
pub struct Read {
    /// The file.
    pub path: PathBuf,
    /// How many warnings there are, and what it says; or why it cannot be used.
    pub content: Result<(usize, Config), SiteError>,
}

/// Reads a configuration.
pub fn read(path: PathBuf) -> Read {
    let content = site::read(&path).map(|parsed| (parsed.warnings.len(), parsed.config));
    Read { path, content }
}

/// What that means.
pub fn judge(read: &Read) -> Finding {
    let path = read.path.display().to_string();
    let check = format!("run: spank-oci check --conf {path}");
    match &read.content {
        Ok((0, _)) => Finding::ok(path, "root's alone, no mistakes"),
        Ok((warnings, _)) => Finding::warn(path, count(*warnings, "warning"), check),
        Err(SiteError::Mistakes(list)) => {
            let errors = list.iter().filter(|it| it.severity == Severity::Error).count();
            Finding::fail(path, count(errors, "mistake"), check)
        }
        Err(SiteError::Trust(TrustError::Changeable { path: place, problem, remedy })) => {
            Finding::fail(
                path,
                format!("others could change it: '{place}' {problem}"),
                format!("run: {remedy}"),
            )
        }
        Err(_) if !read.path.exists() => {
            let directory = read.path.parent().unwrap_or(Path::new("/")).display().to_string();
            let remedy = format!(
                "run: mkdir -p {directory} && cp /usr/share/doc/spank-oci/examples/oci.conf.example {path}; or name another file with conf= in plugstack.conf"
            );
            Finding::fail(path, "it is not there", remedy)
        }
        Err(error) => Finding::fail(path, error.to_string(), check),
    }
}

fn count(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// Owner and mode of the directory below which steps have theirs, if it is there.
pub fn state(base: &Path) -> Option<(u32, u32)> {
    let found = fs::symlink_metadata(base).ok()?;
    Some((found.uid(), found.mode()))
}

/// What that means.
pub fn judge_state(base: &Path, found: Option<(u32, u32)>) -> Finding {
    let path = base.display().to_string();
    let remedy = || format!("run: chown root '{path}' && chmod 0711 '{path}'");
    match found {
        None => Finding::ok(path, "not there yet: the first step makes it"),
        Some((_, mode)) if mode & nix::libc::S_IFMT != nix::libc::S_IFDIR => {
            let remedy =
                format!("run: rm '{path}'; or name another one with state= in plugstack.conf");
            Finding::fail(path, "it is no directory", remedy)
        }
        Some((0, mode)) if mode & 0o022 == 0 => Finding::ok(path, "root's alone"),
        Some((owner, mode)) => {
            let mode = mode & 0o7777;
            let seen = format!(
                "owner {owner} and mode {mode:04o}, but it must be root's and writable by root only"
            );
            let remedy = remedy();
            Finding::fail(path, seen, remedy)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Verdict::{self, Fail, Ok as Good};
    use std::os::unix::fs::PermissionsExt;

    const GOOD: &str = "RunTimeRun=\"crun run -b %b %j\"\nRunTimeKill=\"crun kill %j\"\nRunTimeDelete=\"crun delete %j\"\n";

    fn told(text: &str, mode: u32) -> (Verdict, String) {
        let keep = tempfile::tempdir().unwrap();
        let path = keep.path().join("oci.conf");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let found = judge(&read(path.clone()));
        assert_eq!(found.subject, path.display().to_string());
        let remedy = found.remedy.map(|remedy| format!(" -> {remedy}")).unwrap_or_default();
        (found.verdict, (found.seen + &remedy).replace(path.to_str().unwrap(), "FILE"))
    }

    #[test]
    fn a_good_configuration_is_good_and_mistakes_are_counted() {
        let good = format!("{GOOD}RunTimeQuery=\"crun state %j\"\n");
        assert_eq!(told(&good, 0o644), (Good, "root's alone, no mistakes".into()));
        assert_eq!(
            told(&format!("{good}X=1\nY=2\n"), 0o644),
            (Fail, "2 mistakes -> run: spank-oci check --conf FILE".into())
        );
    }

    #[test]
    fn a_configuration_that_others_could_change_has_its_remedy() {
        assert_eq!(
            told(GOOD, 0o666),
            (Fail, "others could change it: 'FILE' has mode 0666, so others than its owner can write it -> run: chmod go-w 'FILE'".into())
        );
    }

    #[test]
    fn a_missing_configuration_is_to_be_written() {
        let found = judge(&read("/missing/oci.conf".into()));
        assert_eq!((found.verdict, found.seen.as_str()), (Fail, "it is not there"));
        assert_eq!(
            found.remedy.as_deref(),
            Some(
                "run: mkdir -p /missing && cp /usr/share/doc/spank-oci/examples/oci.conf.example /missing/oci.conf; or name another file with conf= in plugstack.conf"
            )
        );
    }

    #[test]
    fn the_state_directory_is_roots() {
        let directory = nix::libc::S_IFDIR;
        let judge = |found| {
            let found = judge_state(Path::new("/run/spank-oci"), found);
            (found.verdict, found.remedy)
        };
        assert_eq!(judge(None), (Good, None));
        assert_eq!(judge(Some((0, directory | 0o711))), (Good, None));
        let mend =
            Some("run: chown root '/run/spank-oci' && chmod 0711 '/run/spank-oci'".to_owned());
        assert_eq!(judge(Some((0, directory | 0o777))), (Fail, mend.clone()));
        assert_eq!(judge(Some((1001, directory | 0o711))), (Fail, mend));
        let remove = "run: rm '/run/spank-oci'; or name another one with state= in plugstack.conf";
        assert_eq!(judge(Some((0, nix::libc::S_IFREG | 0o644))), (Fail, Some(remove.into())));
    }
}

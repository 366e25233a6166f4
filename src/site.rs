//! The site's oci.conf on disk: may it be trusted, and what does it say?
//!
//! Its commands are executed with the rights of every user who asks for a
//! container, so nobody but root may be able to change it. That is looked at on the
//! open file, which is then the one that is read.
#![forbid(unsafe_code)]

use std::{io, path::Path};

use crate::{
    config::{Config, Parsed},
    diagnostic::Diagnostic,
    files,
    trust::{self, Owner, TrustError},
};

/// An oci.conf is a page of text.
const LARGEST: u64 = 1 << 20;

/// Why the site's configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// It cannot be read.
    #[error("cannot read the site's configuration '{path}': {cause}{hint}")]
    Read {
        /// The file.
        path: String,
        /// The system's reason.
        cause: String,
        /// What to do.
        hint: &'static str,
    },
    /// Others than root could change it.
    #[error("cannot trust the site's configuration: {0}")]
    Trust(TrustError),
    /// It has mistakes; the first is shown.
    #[error("{}", mistakes(.0))]
    Mistakes(Vec<Diagnostic>),
}

fn mistakes(list: &[Diagnostic]) -> String {
    let Some(first) = list.first() else {
        return "the site's configuration has mistakes".to_owned();
    };
    let more = match list.len() {
        1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    format!(
        "the site's configuration has mistakes: {}{more}; 'spank-oci check' shows all",
        one_line(first)
    )
}

/// A diagnostic for people who are busy with something else: no underline.
fn one_line(diagnostic: &Diagnostic) -> String {
    let place = diagnostic.place.as_ref();
    let place = place.map(|place| format!("{}:{}:", place.line, place.column)).unwrap_or_default();
    let hint = diagnostic.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
    format!("{}:{place} {}{hint}", diagnostic.file.display(), diagnostic.message)
}

/// The site's configuration, for a task; what is odd about it is logged.
///
/// # Errors
/// See [`SiteError`].
pub fn load(path: &Path) -> Result<Config, SiteError> {
    let Parsed { config, warnings, .. } = read(path)?;
    for warning in warnings {
        log::info!("{}", one_line(&warning));
    }
    Ok(config)
}

/// Reads, checks and parses the site's configuration.
///
/// # Errors
/// See [`SiteError`].
pub fn read(path: &Path) -> Result<Parsed, SiteError> {
    let text = read_trusted(path)?;
    let mut include = |path: &Path| read_trusted(path).map_err(io::Error::other);
    Config::parse(path, &text, &mut include).map_err(SiteError::Mistakes)
}

fn read_trusted(path: &Path) -> Result<Vec<u8>, SiteError> {
    let failed = |error: io::Error| unreadable(path, &error);
    let file = files::open_regular(path).map_err(failed)?;
    trust::check(path, &file, Owner::RootOrSelf).map_err(|error| match error {
        TrustError::Io(error) => failed(error),
        changeable => SiteError::Trust(changeable),
    })?;
    files::read_at_most(&file, LARGEST).map_err(failed)
}

fn unreadable(path: &Path, error: &io::Error) -> SiteError {
    let hint = match error.kind() {
        io::ErrorKind::NotFound => {
            "; it must be on every node, where plugstack.conf names it with conf="
        }
        io::ErrorKind::PermissionDenied => "; every user must be able to read it",
        _ => "",
    };
    SiteError::Read { path: path.display().to_string(), cause: files::cause(error), hint }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        fs::{self, Permissions},
        os::unix::fs::{PermissionsExt, symlink},
        path::PathBuf,
    };

    use nix::unistd::geteuid;

    const GOOD: &str = "RunTimeRun=\"crun run -b %b %n.%j.%s.%t\"\nRunTimeKill=\"crun kill %j\"\nRunTimeDelete=\"crun delete %j\"\n";

    fn site(text: &str) -> (tempfile::TempDir, PathBuf) {
        let keep = tempfile::tempdir().unwrap();
        let path = keep.path().join("oci.conf");
        fs::write(&path, text).unwrap();
        (keep, path)
    }

    fn message(path: &Path) -> String {
        load(path).unwrap_err().to_string()
    }

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_configuration_that_only_root_can_change_is_read() {
        let (_keep, path) = site(GOOD);
        load(&path).unwrap();
    }

    #[test]
    fn a_missing_configuration_is_named_with_the_place_to_look_at() {
        assert_eq!(
            message(Path::new("/missing/oci.conf")),
            "cannot read the site's configuration '/missing/oci.conf': no such file or directory; it must be on every node, where plugstack.conf names it with conf="
        );
    }

    #[test]
    fn a_file_that_others_may_write_is_refused_with_the_remedy() {
        let (_keep, path) = site(GOOD);
        let shown = path.display();
        for mode in [0o664, 0o646] {
            chmod(&path, mode);
            assert_eq!(
                message(&path),
                format!(
                    "cannot trust the site's configuration: '{shown}' has mode {mode:04o}, so others than its owner can write it; run: chmod go-w '{shown}'"
                )
            );
        }
    }

    #[test]
    fn a_directory_that_others_may_write_is_refused_also_behind_a_link() {
        let (keep, path) = site(GOOD);
        chmod(keep.path(), 0o777);
        let other = tempfile::tempdir().unwrap();
        let link = other.path().join("oci.conf");
        symlink(&path, &link).unwrap();
        let shown = keep.path().display();
        let expected = format!(
            "cannot trust the site's configuration: '{shown}' has mode 0777, so others than its owner can write it; run: chmod go-w '{shown}'"
        );
        assert_eq!(message(&path), expected);
        assert_eq!(message(&link), expected);
    }

    #[test]
    fn a_file_of_another_user_is_refused_with_the_remedy() {
        if !geteuid().is_root() {
            eprintln!("not run: needs root");
            return;
        }
        let (_keep, path) = site(GOOD);
        std::os::unix::fs::chown(&path, Some(12345), None).unwrap();
        let shown = path.display();
        assert_eq!(
            message(&path),
            format!(
                "cannot trust the site's configuration: '{shown}' is owned by uid 12345, not by root; run: chown root '{shown}'"
            )
        );
    }

    #[test]
    fn mistakes_are_told_in_one_line_with_the_first_one() {
        let (_keep, path) = site(&format!("{GOOD}Nonsense=1\nMore=2\n"));
        let text = message(&path);
        assert!(text.starts_with("the site's configuration has mistakes: "), "{text}");
        assert!(
            text.contains("oci.conf:4:1")
                && text.ends_with("(and 1 more); 'spank-oci check' shows all"),
            "{text}"
        );
        assert!(!text.contains('\n'));
    }
}

//! The programs that do the work, where they are, and which packages have them.
#![forbid(unsafe_code)]

use std::{
    env, fmt,
    path::{Path, PathBuf},
};

use nix::unistd::{AccessFlags, access};

/// A program that may or may not be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// Copies images between registries, archives and layouts.
    Skopeo,
    /// Makes a bundle of an image in a layout.
    Umoci,
    /// Makes a Debian, also as an ordinary user.
    Mmdebstrap,
    /// Makes a Debian, as root.
    Debootstrap,
    /// GNU tar.
    Tar,
    /// For `.gz`.
    Gzip,
    /// For `.bz2`.
    Bzip2,
    /// For `.xz`.
    Xz,
    /// For `.zst`.
    Zstd,
}

impl Program {
    /// What is executed.
    pub fn name(self) -> &'static str {
        self.known().0
    }

    /// Its name, its package in Debian and Ubuntu, and as an RPM.
    fn known(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Skopeo => ("skopeo", "skopeo", "skopeo"),
            Self::Umoci => ("umoci", "umoci", "umoci"),
            Self::Mmdebstrap => ("mmdebstrap", "mmdebstrap", "mmdebstrap"),
            Self::Debootstrap => ("debootstrap", "debootstrap", "debootstrap"),
            Self::Tar => ("tar", "tar", "tar"),
            Self::Gzip => ("gzip", "gzip", "gzip"),
            Self::Bzip2 => ("bzip2", "bzip2", "bzip2"),
            Self::Xz => ("xz", "xz-utils", "xz"),
            Self::Zstd => ("zstd", "zstd", "zstd"),
        }
    }

    /// What unpacks a file that begins like this; `None` for a plain archive.
    pub fn to_decompress(beginning: &[u8]) -> Option<Self> {
        let magic: [(&[u8], Self); 4] = [
            (b"\x1f\x8b", Self::Gzip),
            (b"BZh", Self::Bzip2),
            (b"\xfd7zXZ\0", Self::Xz),
            (b"\x28\xb5\x2f\xfd", Self::Zstd),
        ];
        magic.into_iter().find(|(magic, _)| beginning.starts_with(magic)).map(|(_, it)| it)
    }

    /// Where it is. Users' `PATH` often lacks the directories that debootstrap is in.
    pub fn path(self) -> Option<PathBuf> {
        let path = env::var_os("PATH").unwrap_or_default();
        let directories = env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
        let mut candidates = directories.map(|directory| directory.join(self.name()));
        candidates.find(|path| is_executable(path))
    }
}

fn is_executable(path: &Path) -> bool {
    path.is_absolute() && path.is_file() && access(path, AccessFlags::X_OK).is_ok()
}

/// Which package has it.
impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, debian, rpm) = self.known();
        write!(f, "'{name}' is not installed here; the package is {debian} (Debian, Ubuntu)")?;
        write!(f, " or {rpm} (RPM)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_told_with_its_packages() {
        assert_eq!(
            Program::Xz.to_string(),
            "'xz' is not installed here; the package is xz-utils (Debian, Ubuntu) or xz (RPM)"
        );
    }

    #[test]
    fn what_compressed_a_file_stands_at_its_beginning() {
        assert_eq!(Program::to_decompress(b"\x28\xb5\x2f\xfd..."), Some(Program::Zstd));
        assert_eq!(Program::to_decompress(b"\x1f\x8b\x08..."), Some(Program::Gzip));
        assert_eq!(Program::to_decompress(b"./etc/\0\0"), None);
        assert_eq!(Program::to_decompress(b""), None);
    }

    #[test]
    fn a_program_is_found_where_it_is() {
        assert!(Program::Tar.path().unwrap().ends_with("tar"));
    }
}

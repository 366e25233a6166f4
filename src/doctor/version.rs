//! Versions of runtimes, as the programs and their changelogs write them.
#![forbid(unsafe_code)]

use std::fmt;

/// `1.4.0-rc.3`: numbers that count, in this order. A version that was released counts
/// more than its candidates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// `1.4`, within which fixes are made.
    pub series: (u32, u32),
    /// `.0`
    pub patch: u32,
    candidate: u32,
}

/// Not a candidate.
const RELEASED: u32 = u32::MAX;

impl Version {
    /// A release.
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { series: (major, minor), patch, candidate: RELEASED }
    }

    /// A candidate for a release.
    pub const fn candidate(major: u32, minor: u32, patch: u32, candidate: u32) -> Self {
        Self { series: (major, minor), patch, candidate }
    }

    /// The first version in a text, such as `runc version 1.0.0~rc93+ds1`.
    pub fn find(text: &str) -> Option<Self> {
        text.split([' ', '\t', '\n', ',', '(']).find_map(Self::parse)
    }

    fn parse(word: &str) -> Option<Self> {
        let word = word.strip_prefix('v').unwrap_or(word);
        let (major, rest) = number(word)?;
        let (minor, rest) = number(rest.strip_prefix('.')?)?;
        let (patch, rest) = rest.strip_prefix('.').and_then(number).unwrap_or((0, rest));
        let candidate = rest.strip_prefix(['-', '~']).and_then(|rest| rest.strip_prefix("rc"));
        let candidate = candidate.and_then(|rest| number(rest.trim_start_matches('.')));
        let candidate = candidate.map_or(RELEASED, |(number, _)| number);
        Some(Self { series: (major, minor), patch, candidate })
    }
}

/// The number at the beginning, and what follows it.
fn number(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { series: (major, minor), patch, candidate } = self;
        match (*patch, *candidate) {
            // As crun writes it.
            (0, RELEASED) => write!(f, "{major}.{minor}"),
            (patch, RELEASED) => write!(f, "{major}.{minor}.{patch}"),
            (patch, candidate) => write!(f, "{major}.{minor}.{patch}-rc.{candidate}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runtimes_say_is_understood() {
        for (text, version) in [
            ("crun version 1.8.1\ncommit: f8a096be", Version::new(1, 8, 1)),
            ("crun version 1.28", Version::new(1, 28, 0)),
            ("runc version 1.1.5+ds1\ncommit: 1.1.5+ds1-1+deb12u1", Version::new(1, 1, 5)),
            ("runc version 1.0.0~rc93+ds1", Version::candidate(1, 0, 0, 93)),
            ("runc version 1.4.0-rc.2", Version::candidate(1, 4, 0, 2)),
            ("NVIDIA Container Runtime version 1.17.8\nspec: 1.2.0", Version::new(1, 17, 8)),
            ("podman version 4.3.1", Version::new(4, 3, 1)),
            ("slurm-wlm 22.05.8", Version::new(22, 5, 8)),
        ] {
            assert_eq!(Version::find(text), Some(version), "{text}");
        }
        assert_eq!(Version::find("no version here"), None);
    }

    #[test]
    fn candidates_come_before_the_release() {
        let list = [
            Version::candidate(1, 0, 0, 93),
            Version::candidate(1, 0, 0, 95),
            Version::new(1, 0, 0),
            Version::new(1, 0, 3),
            Version::new(1, 10, 0),
        ];
        assert!(list.is_sorted());
        assert_eq!(list[0].to_string(), "1.0.0-rc.93");
        assert_eq!(list[4].to_string(), "1.10");
    }
}

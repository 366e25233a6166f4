//! Known flaws of runtimes that let a container out, or let one harm its host, and the
//! versions that have none: as the projects' own release notes say it (NEWS of crun,
//! CHANGELOG of runc and youki, release notes of NVIDIA's container toolkit).
#![forbid(unsafe_code)]

use super::version::Version;

/// A published flaw of a program.
#[derive(Debug, PartialEq, Eq)]
pub struct Flaw {
    /// The program's name.
    pub program: &'static str,
    /// Its number.
    pub name: &'static str,
    /// The first version without it, in each series that was mended, in order. A series
    /// after the last one never had it; one that is not named here was not mended.
    pub fixed: &'static [Version],
    /// What it allows.
    pub allows: &'static str,
}

const fn flaw(
    program: &'static str,
    name: &'static str,
    fixed: &'static [Version],
    allows: &'static str,
) -> Flaw {
    Flaw { program, name, fixed, allows }
}

/// All that are looked for, the newest last for each program.
pub const FLAWS: &[Flaw] = &[
    flaw(
        "runc",
        "CVE-2021-30465",
        &[Version::candidate(1, 0, 0, 95)],
        "an image's links can lead a mount out of the container",
    ),
    flaw(
        "runc",
        "CVE-2023-25809",
        &[Version::new(1, 1, 5)],
        "a rootless container can write the host's control groups",
    ),
    flaw(
        "runc",
        "CVE-2024-21626",
        &[Version::new(1, 1, 12)],
        "an open directory of the host lets a container out",
    ),
    flaw(
        "runc",
        "CVE-2024-45310",
        &[Version::new(1, 1, 14), Version::candidate(1, 2, 0, 3)],
        "an image can have empty files made on the host",
    ),
    flaw("runc", "CVE-2025-31133", MOUNT_RACES, "masked files of /proc can be written"),
    flaw("runc", "CVE-2025-52565", MOUNT_RACES, "files of /proc can be written by /dev/console"),
    flaw("runc", "CVE-2025-52881", MOUNT_RACES, "writes to /proc can be led elsewhere"),
    flaw(
        "runc",
        "CVE-2026-41579",
        &[Version::new(1, 3, 6), Version::new(1, 4, 3), Version::candidate(1, 5, 0, 3)],
        "an image's link /dev has files of the host replaced",
    ),
    flaw(
        "crun",
        "CVE-2022-27650",
        &[Version::new(1, 4, 4)],
        "what is executed in a container has capabilities to inherit",
    ),
    flaw(
        "crun",
        "CVE-2025-24965",
        &[Version::new(1, 20, 0)],
        "with its krun handler, an image can have a file of the host written",
    ),
    flaw(
        "crun",
        "CVE-2026-30892",
        &[Version::new(1, 27, 0)],
        "crun exec can run as another user than was asked for",
    ),
    flaw(
        "crun",
        "CVE-2026-47766",
        &[Version::new(1, 28, 0)],
        "an image's link /dev leads to the host",
    ),
    flaw(
        "youki",
        "GHSA-xr7r-f8xq-vfvv",
        &[Version::new(0, 3, 2)],
        "an open directory of the host lets a container out, as CVE-2024-21626",
    ),
    flaw(
        "nvidia-container-runtime",
        "CVE-2024-0132",
        &[Version::new(1, 16, 2)],
        "an image can reach the host's files",
    ),
    flaw(
        "nvidia-container-runtime",
        "CVE-2025-23359",
        &[Version::new(1, 17, 4)],
        "an image can reach the host's files",
    ),
    flaw(
        "nvidia-container-runtime",
        "CVE-2025-23266",
        &[Version::new(1, 17, 8)],
        "an image can have code run by a hook on the host",
    ),
];

/// Three that were mended together.
const MOUNT_RACES: &[Version] =
    &[Version::new(1, 2, 8), Version::new(1, 3, 3), Version::candidate(1, 4, 0, 3)];

impl Flaw {
    /// Whether this version has it, as it was released by its project.
    pub fn is_in(&self, version: Version) -> bool {
        let same_series = self.fixed.iter().find(|fixed| fixed.series == version.series);
        let mended = same_series.or(self.fixed.last());
        mended.is_some_and(|fixed| version < *fixed)
    }

    /// The first version without it that is not older than this one.
    pub fn next(&self, version: Version) -> Option<Version> {
        self.fixed.iter().copied().find(|fixed| *fixed > version)
    }
}

/// The flaws of this version of a program.
pub fn of(program: &str, version: Version) -> Vec<&'static Flaw> {
    FLAWS.iter().filter(|flaw| flaw.program == program && flaw.is_in(version)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(program: &str, text: &str) -> Vec<&'static str> {
        of(program, Version::find(text).unwrap()).iter().map(|flaw| flaw.name).collect()
    }

    #[test]
    fn runc_has_the_flaws_of_its_series() {
        let newest = ["CVE-2025-31133", "CVE-2025-52565", "CVE-2025-52881", "CVE-2026-41579"];
        assert_eq!(names("runc", "1.1.11")[0], "CVE-2024-21626");
        assert_eq!(names("runc", "1.1.12")[0], "CVE-2024-45310");
        assert_eq!(names("runc", "1.1.14"), newest);
        assert_eq!(names("runc", "1.2.0-rc.2")[0], "CVE-2024-45310");
        assert_eq!(names("runc", "1.2.7"), newest);
        for version in ["1.2.8", "1.2.9", "1.3.3", "1.3.5", "1.4.0-rc.3", "1.4.2"] {
            assert_eq!(names("runc", version), ["CVE-2026-41579"], "{version}");
        }
        for version in ["1.3.6", "1.4.3", "1.5.0-rc.3", "1.5.0", "2.0.0"] {
            assert_eq!(names("runc", version), [""; 0], "{version}");
        }
    }

    #[test]
    fn crun_has_them_up_to_the_version_that_mends_them() {
        assert_eq!(names("crun", "0.17").len(), 4);
        assert_eq!(names("crun", "1.8.1"), ["CVE-2025-24965", "CVE-2026-30892", "CVE-2026-47766"]);
        assert_eq!(names("crun", "1.27.1"), ["CVE-2026-47766"]);
        assert_eq!(names("crun", "1.28"), [""; 0]);
    }

    #[test]
    fn other_programs_have_their_own() {
        assert_eq!(names("nvidia-container-runtime", "1.17.7"), ["CVE-2025-23266"]);
        assert_eq!(names("youki", "0.3.1"), ["GHSA-xr7r-f8xq-vfvv"]);
        assert_eq!(names("podman", "0.1.0"), [""; 0]);
    }

    #[test]
    fn the_version_to_install_is_not_older() {
        let next = |name: &str, text: &str| {
            let flaw = FLAWS.iter().find(|flaw| flaw.name == name).unwrap();
            flaw.next(Version::find(text).unwrap()).map(|version| version.to_string())
        };
        assert_eq!(next("CVE-2024-21626", "1.1.5"), Some("1.1.12".into()));
        assert_eq!(next("CVE-2025-31133", "1.3.2"), Some("1.3.3".into()));
        assert_eq!(next("CVE-2026-41579", "1.4.0"), Some("1.4.3".into()));
    }

    #[test]
    fn fixes_stand_in_order() {
        assert!(FLAWS.iter().all(|flaw| flaw.fixed.is_sorted() && !flaw.fixed.is_empty()));
    }
}

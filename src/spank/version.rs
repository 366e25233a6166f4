//! Which Slurm loaded the plugin, settled before Slurm looks at `plugin_version`.
//!
//! Slurm 22.05 and newer refuse a plugin whose `plugin_version` names another
//! major.minor release; they read it after `dlopen`. So a constructor fills it
//! in, and one library serves every release that the table names. A release the
//! table does not know gets the table's newest number: Slurm itself then refuses
//! what nobody tested, with its ordinary message.
//!
//! A build with `SLURM_VERSION=YY.MM` in its environment is for that release only.

use std::sync::atomic::{AtomicU32, Ordering};

use super::bindings;

/// Slurm's release counter (see [`crate::slurm`]) and the release it stands for.
const RELEASES: [(u32, u32, u32); 10] = [
    (36, 20, 11),
    (37, 21, 8),
    (38, 22, 5),
    (39, 23, 2),
    (40, 23, 11),
    (41, 24, 5),
    (42, 24, 11),
    (43, 25, 5),
    (44, 25, 11),
    (45, 26, 5),
];

/// How the words begin that tell an installed library's release, which ends with a NUL.
pub const STAMP: &str = "spank-oci library of release ";

/// The words; nothing but `spank-oci doctor` looks for them, in the file.
#[used]
static STAMPED: &str = concat!("spank-oci library of release ", env!("CARGO_PKG_VERSION"), "\0");

/// The release that this build is for, if it is for one only.
const ONLY: Option<u32> = match option_env!("SLURM_VERSION") {
    Some(text) => Some(number_of(text)),
    None => None,
};

/// Slurm's version check reads this `unsigned int`: `0xYYMMmm` for release
/// YY.MM.mm. The micro number is 0, no supported Slurm compares it.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
pub static plugin_version: AtomicU32 = AtomicU32::new(0);

/// Runs while the library is being loaded.
#[used]
#[unsafe(link_section = ".init_array")]
static SETTLE: extern "C" fn() = settle;

extern "C" fn settle() {
    // SAFETY: no arguments; the shim tests Slurm's weak symbol before it calls it.
    let counter = unsafe { bindings::shim_api_release() };
    plugin_version.store(ONLY.unwrap_or_else(|| version_number(counter)), Ordering::Relaxed);
}

/// The `plugin_version` for "YY.MM" or "YY.MM.mm". Anything else ends the build.
const fn number_of(text: &str) -> u32 {
    let text = text.as_bytes();
    let ends = text.len() == 5 || (text.len() > 5 && text[5] == b'.');
    assert!(ends && text[2] == b'.', "SLURM_VERSION must look like 24.11 or 24.11.5");
    two_digits(text[0], text[1]) << 16 | two_digits(text[3], text[4]) << 8
}

const fn two_digits(tens: u8, ones: u8) -> u32 {
    assert!(tens.is_ascii_digit() && ones.is_ascii_digit(), "SLURM_VERSION must be a number");
    (tens - b'0') as u32 * 10 + (ones - b'0') as u32
}

/// Whether the library is made for this release of Slurm, `(24, 11)`: as this build was
/// made, which may differ from an installed library's.
pub fn serves((year, month): (u32, u32)) -> bool {
    match ONLY {
        Some(number) => number == year << 16 | month << 8,
        None => RELEASES.iter().any(|&(_, y, m)| (y, m) == (year, month)),
    }
}

/// The `plugin_version` for Slurm's release counter.
fn version_number(counter: u32) -> u32 {
    let newest = RELEASES[RELEASES.len() - 1];
    let (_, year, month) =
        RELEASES.into_iter().find(|release| release.0 == counter).unwrap_or(newest);
    year << 16 | month << 8
}

#[cfg(test)]
mod tests {
    use super::{ONLY, number_of, serves, version_number};

    #[test]
    fn a_build_for_one_release_has_its_number() {
        assert_eq!(number_of("22.05"), 0x16_05_00);
        assert_eq!(number_of("24.11.5"), 0x18_0b_00);
    }

    #[test]
    fn the_release_counter_names_the_release() {
        assert_eq!(version_number(36), 0x14_0b_00);
        assert_eq!(version_number(38), 0x16_05_00);
        assert_eq!(version_number(45), 0x1a_05_00);
    }

    #[test]
    fn an_unknown_release_gets_the_newest_number_so_that_slurm_refuses_it() {
        assert_eq!(version_number(46), 0x1a_05_00);
        assert_eq!(version_number(0), 0x1a_05_00);
    }

    #[test]
    fn a_release_is_served_exactly_if_the_table_names_it() {
        if ONLY.is_none() {
            assert!(serves((20, 11)) && serves((24, 11)) && serves((26, 5)));
            assert!(!serves((20, 2)) && !serves((26, 11)) && !serves((23, 5)));
        }
    }
}

//! The files that a site installs stay small: the library is loaded into Slurm's
//! daemons, the program is executed for each task.
#![forbid(unsafe_code)]
#![allow(clippy::panic, reason = "a test fails by panicking")]

use std::{fs, io::Write, path::Path};

/// The files that `./dev build` makes, and the most bytes that each may have. Of the
/// library 165 kB are what std has to tell where a panic was; compilers and linkers differ
/// by some, and the bar itself is 400 kB.
const MOST: [(&str, u64); 2] = [("libspank_oci.so", 410_000), ("spank-oci", 1_500_000)];

#[test]
fn the_library_and_the_program_are_small() {
    for (name, most) in MOST {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/release").join(name);
        match fs::metadata(&path) {
            Ok(file) => {
                assert!(file.len() <= most, "{name} has {} bytes, more than {most}", file.len())
            }
            Err(error) => {
                // Not the macro, whose text the test runner keeps for itself.
                let reason = format!("left out: the size of {name}: ./dev build makes it: {error}");
                let _ = writeln!(std::io::stderr(), "{reason}");
            }
        }
    }
}

//! `spank-oci check` as administrators and users see it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod bundles;
mod output;
mod proof;
mod site;
mod user;

use std::{fs, process::Command};

/// Output and exit status for a file with this text.
fn check(text: &str) -> (String, Option<i32>) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("oci.conf");
    fs::write(&file, text).unwrap();
    let output =
        Command::new(env!("CARGO_BIN_EXE_spank-oci")).args(["check", "--conf"]).arg(&file).output();
    let output = output.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (text.replace(file.to_str().unwrap(), "oci.conf"), output.status.code())
}

#[test]
fn a_good_configuration_has_no_mistakes() {
    let example = include_str!("../../oci.conf.example");
    assert_eq!(check(example), ("oci.conf: no mistakes\n".to_owned(), Some(0)));
}

#[test]
fn every_mistake_is_shown_with_its_place_and_a_hint() {
    let guide = include_str!("../data/oci.conf/bad/guide-singularity-3.8-no-closing-quote.conf");
    let (text, status) = check(&format!("Partition=x\n{guide}"));
    assert_eq!(
        text,
        "oci.conf:1:1: error: unknown key 'Partition'\n  Partition=x\n  ^~~~~~~~~\n  hint: oci.conf(5) lists the keys\n\n\
         oci.conf:6:18: error: missing closing quote\n  OCIRunTimeDelete=\"sudo singularity oci delete %n.%u.%j.%s.%t\n                   ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~\n  hint: add '\"' at the end of the value\n\n\
         oci.conf: 2 errors, 0 warnings\n"
    );
    assert_eq!(status, Some(2));
}

#[test]
fn a_configuration_that_is_not_there_is_named() {
    let output = Command::new(env!("CARGO_BIN_EXE_spank-oci"))
        .args(["check", "--conf", "/missing/oci.conf"])
        .output();
    let output = output.unwrap();
    assert!(output.stdout.starts_with(b"cannot read the site's configuration '/missing/oci.conf'"));
    assert_eq!(output.status.code(), Some(2));
}

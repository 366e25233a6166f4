//! The second word of a step's command line, which may be a program list: one that
//! srun has edited is known to be one.
#![no_main]

use std::{ffi::OsStr, os::unix::ffi::OsStrExt, path::Path};

use libfuzzer_sys::fuzz_target;
use spank_oci::plugin::multi_prog::{Kind, kind, with_helper};

fuzz_target!(|text: &[u8]| {
    if text.contains(&0) {
        return; // no word of a command line
    }
    let helper = Path::new("/h");
    let of = |text: &[u8]| kind(&["/list".into(), OsStr::from_bytes(text).into()], helper, None);
    match with_helper(text, helper) {
        Some(edited) => assert_eq!(of(&edited), Kind::TakenList),
        None => assert_eq!(of(text), Kind::Command),
    }
});

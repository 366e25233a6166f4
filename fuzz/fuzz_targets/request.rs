//! The request from the plugin, which a user can put into the environment: what is
//! taken is what would be written.
#![no_main]

use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

use libfuzzer_sys::fuzz_target;
use spank_oci::request::Request;

fuzz_target!(|value: &[u8]| {
    if let Ok(request) = Request::decode(OsStr::from_bytes(value)) {
        assert_eq!(Request::decode(&request.encode()), Ok(request));
    }
});

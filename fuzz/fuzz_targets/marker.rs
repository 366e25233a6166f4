//! What asks for a container, a variable of the user's that root reads: some container is
//! asked for whatever stands there, and what is taken is what would be written.
#![no_main]

use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

use libfuzzer_sys::fuzz_target;
use spank_oci::plugin::marker::Marker;

fuzz_target!(|value: &[u8]| {
    let marker = Marker::decode(OsStr::from_bytes(value));
    assert_eq!(Marker::decode(&marker.encode()), marker);
    if let Marker::One(asked) = marker {
        assert!(value.ends_with(asked.bundle.as_os_str().as_bytes()));
    }
});

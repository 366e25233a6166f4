//! A site's oci.conf, mistakes included: each has a place in the text, and can be
//! shown.
#![no_main]

use std::{io, path::Path};

use libfuzzer_sys::fuzz_target;
use spank_oci::config::Config;
use spank_oci::diagnostic::Diagnostic;

fuzz_target!(|text: &[u8]| {
    // The first file included is the file itself, others are missing.
    let mut once = Some(text.to_vec());
    let mut load =
        |_: &Path| -> io::Result<Vec<u8>> { once.take().ok_or(io::ErrorKind::NotFound.into()) };
    let told = match Config::parse(Path::new("/oci.conf"), text, &mut load) {
        Ok(parsed) => parsed.warnings,
        Err(diagnostics) => {
            assert!(!diagnostics.is_empty(), "refused without a reason");
            diagnostics
        }
    };
    told.iter().for_each(|diagnostic| shown(text, diagnostic));
});

fn shown(text: &[u8], diagnostic: &Diagnostic) {
    assert!(!diagnostic.to_string().is_empty());
    if let Some(place) = &diagnostic.place {
        let lines = text.split(|&byte| byte == b'\n').count();
        assert!((1..=lines).contains(&place.line), "{diagnostic}");
    }
}

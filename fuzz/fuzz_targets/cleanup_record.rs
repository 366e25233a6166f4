//! The record of how to clean up, a file of the user's: what is taken is what would
//! be written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use spank_oci::runtime::record::Record;

fuzz_target!(|text: &[u8]| {
    if let Some(record) = Record::decode(text) {
        assert_eq!(Record::decode(&record.encode()), Some(record));
    }
});

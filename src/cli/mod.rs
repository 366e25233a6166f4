//! The command line of `spank-oci`, for people.
#![forbid(unsafe_code)]

pub mod log;

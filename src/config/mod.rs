//! oci.conf.
#![forbid(unsafe_code)]

//! spank-oci.

pub mod config;
pub mod spank;
pub mod sys;
pub mod template;

//! spank-oci.

pub mod bundle;
pub mod config;
pub mod env;
pub mod files;
pub mod netstring;
pub mod plugin;
pub mod request;
pub mod spank;
pub mod sys;
pub mod template;

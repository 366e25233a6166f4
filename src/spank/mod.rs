//! The C boundary: what Slurm loads, calls and is asked.
//!
//! [`exports`] is what Slurm finds in the library, [`handle`] what a hook may
//! ask of Slurm, [`options`] what users may say to its commands, [`log`] where
//! messages go, [`version`] which Slurm this is.
//! Everything else of the plugin is safe code in [`crate::plugin`].
#![allow(unsafe_code, reason = "C calls us and is called")]

pub mod exports;
pub mod handle;
pub mod log;
pub mod options;
pub mod version;

#[allow(missing_docs, dead_code, non_camel_case_types)]
mod bindings {
    include!(concat!(env!("OUT_DIR"), "/shim.rs"));
}

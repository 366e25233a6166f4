//! System calls behind safe functions. With [`crate::spank`] the only place for
//! unsafe code; what nix or std offer safely is not wrapped again.
#![allow(unsafe_code, reason = "each block says why it may")]

pub mod children;
pub mod environ;
pub mod exit;
pub mod fds;
pub mod loaded;
pub mod pages;
pub mod parent;
pub mod pidfd;
pub mod regex;
pub mod run_as;
pub mod session;
pub mod signals;
pub mod stand_in;
pub mod syslog;
pub mod terminal;
pub mod xattr;

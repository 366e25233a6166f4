//! Command templates.
#![forbid(unsafe_code)]

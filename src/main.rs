//! The helper.
#![forbid(unsafe_code)]
fn main() {}

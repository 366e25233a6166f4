//! System calls behind safe functions. One of the two places with unsafe code.
pub mod regex;

//! POSIX extended regular expressions.

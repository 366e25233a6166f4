//! `--format`: how a subcommand tells what it has found.
#![forbid(unsafe_code)]

use clap::ValueEnum;

/// What the output is for; `--help` of each subcommand describes its JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

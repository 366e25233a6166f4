//! What `run` and `explain` are both told of a task.
#![forbid(unsafe_code)]

use std::{ffi::OsString, path::PathBuf};

use clap::Args;

use crate::plugin::args::CONFIG;

/// The command, and the container to run it in.
#[derive(Clone, Debug, Args)]
pub struct Container {
    /// The directory with config.json and the root file system
    #[arg(long, value_name = "DIR")]
    pub bundle: PathBuf,
    /// The site's configuration, or one of your own
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    pub conf: PathBuf,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

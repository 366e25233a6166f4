//! Why no plan can be made.
#![forbid(unsafe_code)]

/// Why no plan can be made.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Slurm gave no command.
    #[error("there is no command to run")]
    NoCommand,
    /// config.json is text; the bytes of the argument are not.
    #[error("argument {index} '{shown}' is not valid UTF-8, which config.json cannot hold")]
    Argument {
        /// Counted from 0, the command itself.
        index: usize,
        /// The argument, as far as it is text.
        shown: String,
    },
    /// The site's ContainerPath would depend on where the job works.
    #[error("ContainerPath in oci.conf is '{0}', which is not an absolute path")]
    ContainerPath(String),
    /// As above, for a path that must stand in config.json.
    #[error("the path '{0}' is not valid UTF-8, which config.json cannot hold")]
    Path(String),
    /// The task's own config.json cannot be written down.
    #[error("cannot put config.json into words: {0}")]
    Config(String),
    /// Text for a shell cannot be added to without knowing what it does.
    #[error(
        "the task has a terminal, but RunTimeCreate in oci.conf needs a shell, so '--console-socket' cannot be put into it: '{0}'; write it without shell syntax, or use RunTimeRun"
    )]
    ConsoleShell(String),
    /// There is no place for the option.
    #[error(
        "the task has a terminal, but RunTimeCreate in oci.conf has no word 'create' that '--console-socket' could follow: '{0}'; write the operation as 'create', or use RunTimeRun"
    )]
    ConsoleWord(String),
    /// The system would refuse the socket.
    #[error(
        "the task has a terminal, but the path of its socket has {length} bytes, more than the {longest} that the system allows: '{path}'; choose a shorter state= in plugstack.conf"
    )]
    ConsolePath {
        /// The path.
        path: String,
        /// Its length.
        length: usize,
        /// The longest there can be.
        longest: usize,
    },
}

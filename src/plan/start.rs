//! How the container is started, and where its terminal is handed over.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};

use super::PlanError;
use crate::{
    config::{Config, Operations},
    template::{Command, Values},
};

/// The longest path of a socket: `sun_path` of unix(7) less the byte that ends it.
const LONGEST: usize = 107;
/// The operation in a command line, as every OCI runtime spells it.
const CREATE: &str = "create";
/// The option of `create` for a container with a terminal (runc's
/// docs/terminals.md, "Detached"; crun and others have it too).
const OPTION: &str = "--console-socket";

/// How the container is started.
#[derive(Debug, PartialEq, Eq)]
pub enum Start {
    /// RunTimeRun lives as long as the container.
    Run {
        /// Makes the container and waits for its end.
        run: Command,
        /// Tells its process id; only for a task with a terminal, whose window may
        /// change its size.
        query: Option<Command>,
    },
    /// RunTimeCreate, then RunTimeQuery for the process id, then RunTimeStart.
    CreateStart(CreateStart),
}

/// Making and starting a container by separate commands.
#[derive(Debug, PartialEq, Eq)]
pub struct CreateStart {
    /// Where RunTimeCreate sends the container's terminal; `None` if it has none.
    pub console: Option<PathBuf>,
    /// Makes the container.
    pub create: Command,
    /// Tells its process id.
    pub query: Option<Command>,
    /// Lets it go.
    pub start: Command,
}

impl Start {
    /// What the site's operations are for this task; `console` is where its
    /// terminal would be handed over, if it has one.
    ///
    /// # Errors
    /// RunTimeCreate cannot be told of the console, or its path is too long.
    pub(super) fn of(
        config: &Config,
        values: &Values,
        console: Option<PathBuf>,
    ) -> Result<Self, PlanError> {
        let query = || config.query.as_ref().map(|query| query.expand(values));
        match &config.operations {
            Operations::Run { run } => {
                Ok(Self::Run { run: run.expand(values), query: console.and_then(|_| query()) })
            }
            Operations::CreateStart { create, start } => Ok(Self::CreateStart(CreateStart {
                create: match &console {
                    Some(socket) => with_console(create.expand(values), socket)?,
                    None => create.expand(values),
                },
                console,
                query: query(),
                start: start.expand(values),
            })),
        }
    }

    /// Where the container's terminal is handed over, if it is.
    pub fn console(&self) -> Option<&Path> {
        match self {
            Self::Run { .. } => None,
            Self::CreateStart(CreateStart { console, .. }) => console.as_deref(),
        }
    }
}

/// RunTimeCreate with the option that names the socket.
fn with_console(create: Command, socket: &Path) -> Result<Command, PlanError> {
    let length = socket.as_os_str().len();
    if length > LONGEST {
        let path = socket.display().to_string();
        return Err(PlanError::ConsolePath { path, length, longest: LONGEST });
    }
    let mut words = match create {
        Command::Exec(words) => words,
        Command::Shell(text) => {
            return Err(PlanError::ConsoleShell(text.to_string_lossy().into_owned()));
        }
    };
    // The first word is the program.
    let Some(operation) = words.iter().skip(1).position(|word| word == CREATE) else {
        let shown: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
        return Err(PlanError::ConsoleWord(shown.join(" ")));
    };
    let after = operation + 2;
    words.splice(after..after, [OPTION.into(), socket.into()]);
    Ok(Command::Exec(words))
}

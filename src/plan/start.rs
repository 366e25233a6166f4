//! How the container is started, and where its terminal is handed over.
#![forbid(unsafe_code)]

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use super::PlanError;
use crate::{
    config::{Config, Operations},
    template::{Command, Values},
};

/// The longest path of a socket: `sun_path` of unix(7) less the byte that ends it.
const LONGEST: usize = 107;
/// The operations in a command line, as every OCI runtime spells them.
const CREATE: &str = "create";
const RUN: &str = "run";
/// The option of `create` for a container with a terminal (runc's
/// docs/terminals.md, "Detached"; crun and others have it too). `crun run` has it
/// as well, `runc run` takes it only to go to the background.
const OPTION: &str = "--console-socket";
/// The runtime whose `run` is better not left to join the terminals: before 1.8.7
/// it passes no change of the window size on (github.com/containers/crun/pull/1262),
/// and 1.21 loses output that comes faster than it is read.
const CRUN: &str = "crun";

/// How the container is started.
#[derive(Debug, PartialEq, Eq)]
pub enum Start {
    /// RunTimeRun lives as long as the container.
    Run {
        /// Makes the container and waits for its end.
        run: Command,
        /// Where it sends the container's terminal; `None` if it has none, or if the
        /// runtime joins the two itself.
        console: Option<PathBuf>,
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
            Operations::Run { run } => Ok(Self::run(run.expand(values), console)),
            Operations::CreateStart { create, start } => Ok(Self::CreateStart(CreateStart {
                create: match &console {
                    Some(socket) => with_console(create.expand(values), CREATE, socket)?,
                    None => create.expand(values),
                },
                console,
                query: query(),
                start: start.expand(values),
            })),
        }
    }

    /// RunTimeRun, with our help for the terminal where that is possible and better.
    fn run(run: Command, console: Option<PathBuf>) -> Self {
        let helped = console.and_then(|socket| {
            let is_crun = program(&run).is_some_and(|name| name == CRUN);
            let command = is_crun.then(|| with_console(run.clone(), RUN, &socket))?.ok()?;
            Some((command, socket))
        });
        match helped {
            Some((run, socket)) => Self::Run { run, console: Some(socket) },
            None => Self::Run { run, console: None },
        }
    }

    /// Where the container's terminal is handed over, if it is.
    pub fn console(&self) -> Option<&Path> {
        match self {
            Self::Run { console, .. } => console.as_deref(),
            Self::CreateStart(CreateStart { console, .. }) => console.as_deref(),
        }
    }
}

/// The name of the program that a command executes by itself.
fn program(command: &Command) -> Option<&OsStr> {
    match command {
        Command::Exec(words) => Path::new(words.first()?).file_name(),
        Command::Shell(_) => None,
    }
}

/// A command with the option that names the socket, after the word for its
/// operation.
fn with_console(command: Command, operation: &str, socket: &Path) -> Result<Command, PlanError> {
    let length = socket.as_os_str().len();
    if length > LONGEST {
        let path = socket.display().to_string();
        return Err(PlanError::ConsolePath { path, length, longest: LONGEST });
    }
    let mut words = match command {
        Command::Exec(words) => words,
        Command::Shell(text) => {
            return Err(PlanError::ConsoleShell(text.to_string_lossy().into_owned()));
        }
    };
    // The first word is the program.
    let Some(place) = words.iter().skip(1).position(|word| word == operation) else {
        let shown: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
        return Err(PlanError::ConsoleWord(shown.join(" ")));
    };
    let after = place + 2;
    words.splice(after..after, [OPTION.into(), socket.into()]);
    Ok(Command::Exec(words))
}

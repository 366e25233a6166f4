//! How the container is started, and where its terminal is handed over.
#![forbid(unsafe_code)]

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use super::PlanError;
use crate::{
    config::{Config, Operations},
    request::{Delivery, Request},
    template::{Command, Pattern, Template, Values},
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
/// Runtimes whose `run` can leave the container to us, and whose `run` and `create` leave
/// its process id in a file (crun(1), runc-run(8), runc-create(8)); the last one adds to
/// what runc does.
const KNOWN: [&str; 3] = [CRUN, "runc", "nvidia-container-runtime"];
/// The option for the process id.
const PID_FILE: &str = "--pid-file";
/// The options to leave the container, where the site uses none of them by itself.
const DETACH: [&str; 3] = ["--detach", "-d", PID_FILE];

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
    /// RunTimeRun ends once the container runs.
    Detached(Detached),
    /// RunTimeCreate, then RunTimeQuery if that is needed for the process id, then
    /// RunTimeStart.
    CreateStart(CreateStart),
}

/// Making and starting a container by a command that leaves it to this process.
#[derive(Debug, PartialEq, Eq)]
pub struct Detached {
    /// Makes the container and lets it go.
    pub run: Command,
    /// Where it leaves the process id of the container.
    pub pid_file: PathBuf,
    /// Where it sends the container's terminal; `None` if it has none.
    pub console: Option<PathBuf>,
}

/// Making and starting a container by separate commands.
#[derive(Debug, PartialEq, Eq)]
pub struct CreateStart {
    /// Where RunTimeCreate sends the container's terminal; `None` if it has none.
    pub console: Option<PathBuf>,
    /// Makes the container.
    pub create: Command,
    /// What tells its process id; `None` where nothing does.
    pub process_id: Option<ProcessId>,
    /// Lets it go.
    pub start: Command,
}

/// Where the process id of a container is found that was created.
#[derive(Debug, PartialEq, Eq)]
pub enum ProcessId {
    /// In a file, where RunTimeCreate leaves it.
    File(PathBuf),
    /// RunTimeQuery tells it, which takes a process more.
    Query(Command),
}

impl Start {
    /// What the site's operations are for this task; `console` is where its
    /// terminal would be handed over, if it has one, `pid_file` where its process would be
    /// told.
    ///
    /// # Errors
    /// RunTimeCreate cannot be told of the console, or its path is too long.
    pub(super) fn of(
        config: &Config,
        request: &Request,
        values: &Values,
        console: Option<PathBuf>,
        pid_file: &Path,
    ) -> Result<Self, PlanError> {
        match &config.operations {
            Operations::Run { run } => {
                let run = run.expand(values);
                let detached = is_better_detached(config, request)
                    .then(|| detached(&run, console.as_deref(), pid_file));
                Ok(detached.flatten().unwrap_or_else(|| Self::run(run, console)))
            }
            Operations::CreateStart { create, start } => {
                let create = match &console {
                    Some(socket) => with_console(&create.expand(values), CREATE, socket)?,
                    None => create.expand(values),
                };
                let query = || Some(ProcessId::Query(config.query.as_ref()?.expand(values)));
                let (create, process_id) = match with_pid_file(&create, pid_file) {
                    Some(create) => (create, Some(ProcessId::File(pid_file.to_owned()))),
                    None => (create, query()),
                };
                let start = start.expand(values);
                Ok(Self::CreateStart(CreateStart { console, create, process_id, start }))
            }
        }
    }

    /// RunTimeRun, with our help for the terminal where that is possible and better.
    fn run(run: Command, console: Option<PathBuf>) -> Self {
        let helped = console.and_then(|socket| {
            let is_crun = program(&run).is_some_and(|name| name == CRUN);
            let command = is_crun.then(|| with_console(&run, RUN, &socket))?.ok()?;
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
            Self::Run { console, .. }
            | Self::Detached(Detached { console, .. })
            | Self::CreateStart(CreateStart { console, .. }) => console.as_deref(),
        }
    }

    /// Where the process id of the container is left, if it is.
    pub fn pid_file(&self) -> Option<&Path> {
        match self {
            Self::Detached(Detached { pid_file, .. })
            | Self::CreateStart(CreateStart {
                process_id: Some(ProcessId::File(pid_file)), ..
            }) => Some(pid_file),
            Self::Run { .. } | Self::CreateStart(_) => None,
        }
    }

    /// What stands in the command line of a runtime that may make the container in a
    /// process which outlives it, and in no other's; `bundle` is the task's own.
    pub(super) fn word<'a>(&'a self, bundle: &'a Path) -> Option<&'a Path> {
        match self {
            Self::Run { .. } => None,
            Self::Detached(Detached { pid_file, .. }) => Some(pid_file),
            Self::CreateStart(_) => Some(bundle),
        }
    }

    /// The files that this makes.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        self.console().into_iter().chain(self.pid_file())
    }
}

/// The name of the program that a command executes by itself.
fn program(command: &Command) -> Option<&OsStr> {
    match command {
        Command::Exec(words) => Path::new(words.first()?).file_name(),
        Command::Shell(_) => None,
    }
}

/// Whether a runtime that waits for its container would pass signals on that slurmstepd
/// has sent to the container, too. A batch script's are for the helper alone. There must be
/// a way to have the container forgotten at its end.
fn is_better_detached(config: &Config, request: &Request) -> bool {
    let names_process = |delete: &Template| delete.uses(Pattern::Pid);
    request.delivery == Delivery::Everyone
        && !request.is_batch()
        && config.delete.as_ref().is_some_and(|delete| !names_process(delete))
}

/// RunTimeRun told to end once the container runs, if it is a command that can be told so.
fn detached(run: &Command, console: Option<&Path>, pid_file: &Path) -> Option<Start> {
    if !is_known(run) || chooses(run, &DETACH) {
        return None;
    }
    let with_console = match console {
        Some(socket) => &with_console(run, RUN, socket).ok()?,
        None => run,
    };
    let options = ["--detach".into(), PID_FILE.into(), pid_file.into()];
    Some(Start::Detached(Detached {
        run: Command::Exec(with_options(with_console, RUN, &options)?),
        pid_file: pid_file.to_owned(),
        console: console.map(Path::to_owned),
    }))
}

/// RunTimeCreate told to leave the process id in a file, if it is a command that can be
/// told so.
fn with_pid_file(create: &Command, pid_file: &Path) -> Option<Command> {
    if !is_known(create) || chooses(create, &[PID_FILE]) {
        return None;
    }
    let options = [PID_FILE.into(), pid_file.into()];
    with_options(create, CREATE, &options).map(Command::Exec)
}

/// Whether a command executes a runtime whose options are known.
fn is_known(command: &Command) -> bool {
    program(command).is_some_and(|name| KNOWN.iter().any(|known| name == *known))
}

/// Whether a command has one of these options.
fn chooses(command: &Command, options: &[&str]) -> bool {
    let Command::Exec(words) = command else { return false };
    let name = |word: &OsString| {
        let word = word.to_string_lossy();
        word.split_once('=').map_or(word.to_string(), |(name, _)| name.to_owned())
    };
    words.iter().any(|word| options.contains(&name(word).as_str()))
}

/// A command with the option that names the socket.
fn with_console(command: &Command, operation: &str, socket: &Path) -> Result<Command, PlanError> {
    let length = socket.as_os_str().len();
    if length > LONGEST {
        let path = socket.display().to_string();
        return Err(PlanError::ConsolePath { path, length, longest: LONGEST });
    }
    let options = [OPTION.into(), socket.into()];
    with_options(command, operation, &options).map(Command::Exec).ok_or_else(|| match command {
        Command::Shell(text) => PlanError::ConsoleShell(text.to_string_lossy().into_owned()),
        Command::Exec(words) => {
            let shown: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
            PlanError::ConsoleWord(shown.join(" "))
        }
    })
}

/// The words of a command with options after the one for its operation, if it has that.
fn with_options(command: &Command, operation: &str, options: &[OsString]) -> Option<Vec<OsString>> {
    let Command::Exec(words) = command else { return None };
    // The first word is the program.
    let place = words.iter().skip(1).position(|word| word == operation)? + 2;
    let (before, after) = words.split_at(place);
    Some([before, options, after].concat())
}

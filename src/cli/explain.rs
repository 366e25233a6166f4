//! `spank-oci explain`: what would be done for a task, computed by the same functions
//! as the helper's and shown. Nothing is written or executed.
#![forbid(unsafe_code)]

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use anstyle::{AnsiColor, Style};
use clap::{Args, ValueEnum};
use nix::unistd::geteuid;

use super::{UNUSABLE, assumed, container::Container, format::Format, paint};
use crate::{
    bundle::{self, edit::WindowSize},
    config::Config,
    explain::{Explanation, Line, Mark},
    inputs,
    plan::{self, Inputs},
    plugin::{
        args::STATE,
        state::{SPOOL, StepName},
    },
    request::{Delivery, Request},
    site,
    slurm::BATCH_STEP,
    sys::terminal,
    task::Failure,
};

/// Slurm's default for SlurmdSpoolDir, where slurmd puts its copy of a batch script.
const SPOOL_DIR: &str = "/var/spool/slurmd";
/// The window of a terminal that is not there.
const WINDOW: WindowSize = WindowSize { height: 24, width: 80 };

const EXAMPLES: &str = "\
Examples:
  spank-oci explain --bundle /images/debian -- ./simulate -v
  spank-oci explain --bundle debian -n 4 --task 3 --node n17 -- hostname
  spank-oci explain --bundle debian --conf ./oci.conf --pty -- sh
  spank-oci explain --bundle debian --format json -- true | jq .commands

The environment, the limits and the user are those of this command, the current
directory is the task's. Exit status: 0; 2 if the task could not be started.";

/// Show what would be done for a task, and do nothing
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    #[command(flatten)]
    container: Container,
    /// How many tasks there are, all on this node
    #[arg(short, long, value_name = "N", default_value = "1")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    ntasks: u32,
    /// The task to explain, from 0 on, or `all`
    #[arg(long, value_name = "K", default_value = "0")]
    task: Choice,
    /// The job's number [default: the job around this command, or 1]
    #[arg(long, value_name = "ID")]
    job: Option<u32>,
    /// The step's number [default: the step around this command, or 0]
    #[arg(long, value_name = "ID", conflicts_with = "batch")]
    step: Option<u32>,
    /// The node's name [default: this one's]
    #[arg(long, value_name = "NAME")]
    node: Option<String>,
    /// The directory below which steps have theirs: state= of plugstack.conf
    #[arg(long, value_name = "DIR", default_value = STATE)]
    state: PathBuf,
    /// The command is a batch script
    #[arg(long)]
    batch: bool,
    /// The task has a terminal, as with `srun --pty`
    #[arg(long, conflicts_with = "batch")]
    pty: bool,
    /// How the node tracks processes, which decides what is done about signals
    #[arg(long, value_enum, value_name = "PLUGIN", default_value_t = Proctrack::Cgroup)]
    proctrack: Proctrack,
    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// ProctrackType of slurm.conf, without `proctrack/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Proctrack {
    Cgroup,
    Pgid,
    Linuxproc,
}

/// Which tasks are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    One(u32),
    All,
}

impl std::str::FromStr for Choice {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "all" => Ok(Self::All),
            number => number.parse().map(Self::One).map_err(|_| "write a number, or 'all'"),
        }
    }
}

/// Shows it.
pub fn run(options: &Options) -> ExitCode {
    let tasks = match options.task {
        Choice::All => 0..options.ntasks,
        Choice::One(task) if task < options.ntasks => task..task + 1,
        Choice::One(task) => {
            let most = options.ntasks - 1;
            return unusable(&format!("there is no task {task}, the last one is {most}; see -n"));
        }
    };
    let explained: Result<Vec<_>, Failure> = site::load(&options.container.conf)
        .map_err(Failure::from)
        .and_then(|config| tasks.map(|task| explain(options, &config, task)).collect());
    match explained {
        Ok(list) => {
            if geteuid().is_root() {
                super::fail("this is what root would have; tasks run as users");
            }
            show(options, &list).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
        }
        Err(failure) => unusable(&failure.to_string()),
    }
}

fn unusable(message: &str) -> ExitCode {
    super::fail(message);
    ExitCode::from(UNUSABLE)
}

fn explain(options: &Options, config: &Config, task: u32) -> Result<Explanation, Failure> {
    let (environment, mut assumed) = options.assumptions(task).merged(inputs::environment());
    let request = options.request(&environment, task);
    let mut command = options.container.command.clone();
    if options.batch {
        assumed.push(format!("SlurmdSpoolDir={SPOOL_DIR}"));
        let script = format!("{SPOOL_DIR}/job{:05}/slurm_script", request.job);
        command.splice(..1, [script.into()]);
    }
    let node = options.node();
    let found = inputs::of(request, command, environment, config, node)?;
    let inputs = Inputs { terminal: options.window(), ..found };
    let plan = plan::plan(config, inputs.clone())?;
    let original = match inputs.bundle {
        Some(_) => Some(bundle::read::read(&inputs.request.bundle)?),
        None => None,
    };
    Ok(Explanation { assumed, ..Explanation::of(&inputs, &plan, original.as_ref()) })
}

impl Options {
    fn node(&self) -> String {
        self.node.clone().unwrap_or_else(inputs::node_name)
    }

    fn assumptions(&self, task: u32) -> assumed::Assumptions {
        assumed::Assumptions {
            job: self.job,
            step: if self.batch { Some(BATCH_STEP) } else { self.step },
            tasks: self.ntasks,
            task,
            node: self.node(),
        }
    }

    /// What the plugin would have asked the helper for.
    fn request(&self, environment: &[crate::env::Entry], task: u32) -> Request {
        let job = assumed::number(environment, "SLURM_JOB_ID").unwrap_or_default();
        let step = match self.batch {
            true => BATCH_STEP,
            false => assumed::number(environment, "SLURM_STEP_ID").unwrap_or_default(),
        };
        let name = StepName { job, step, node_rank: 0, component: 0 };
        Request {
            bundle: self.container.bundle.clone(),
            config: self.container.conf.clone(),
            spool: self.state.join(name.to_string()).join(SPOOL),
            job,
            step,
            task,
            delivery: match self.proctrack {
                Proctrack::Cgroup => Delivery::Task,
                Proctrack::Pgid => Delivery::Group,
                Proctrack::Linuxproc => Delivery::Everyone,
            },
            program: None,
        }
    }

    fn window(&self) -> Option<WindowSize> {
        let size = || terminal::size(io::stdin()).ok().map(inputs::window_size);
        self.pty.then(|| size().unwrap_or(WINDOW))
    }
}

fn show(options: &Options, list: &[Explanation]) -> io::Result<()> {
    let mut out = paint::out();
    match (options.format, options.task, list) {
        (Format::Json, Choice::One(_), [one]) => serde_json::to_writer_pretty(&mut out, one)?,
        (Format::Json, _, all) => serde_json::to_writer_pretty(&mut out, all)?,
        (Format::Text, _, all) => {
            for (index, explanation) in all.iter().enumerate() {
                if index > 0 {
                    writeln!(out)?;
                }
                explanation.lines().iter().try_for_each(|line| write_line(&mut out, line))?;
            }
            return rest(options).map_or(Ok(()), |text| write_line(&mut out, &text));
        }
    }
    writeln!(out)
}

/// A word about the tasks that are not shown.
fn rest(options: &Options) -> Option<Line> {
    let Choice::One(task) = options.task else { return None };
    let text = match options.ntasks {
        1 => return None,
        2 => "the other task differs".to_owned(),
        count => format!("the {} other tasks differ", count - 1),
    };
    let text = format!(
        "{text} only in its number: where 'task-{task}' and {task} for %t stand, \
         in SLURM_PROCID and SLURM_LOCALID; see --task"
    );
    Some(Line { mark: Mark::Aside, text })
}

fn write_line(out: &mut impl Write, line: &Line) -> io::Result<()> {
    let style = style(line.mark);
    writeln!(out, "{style}{}{style:#}", line.text)
}

fn style(mark: Mark) -> Style {
    match mark {
        Mark::Heading => paint::HEADING,
        Mark::Plain => Style::new(),
        Mark::Note => paint::WARNING,
        Mark::Added => AnsiColor::Green.on_default(),
        Mark::Removed => AnsiColor::Red.on_default(),
        Mark::Changed => AnsiColor::Yellow.on_default(),
        Mark::Aside => paint::ASIDE,
    }
}

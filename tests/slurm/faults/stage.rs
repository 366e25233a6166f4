//! Where in a task's life a fault happens, and to whom.

/// How a container is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// By a runtime that waits for it.
    Run,
    /// By one that leaves it to the helper.
    Detached,
    CreateStart,
}

/// A point in the life of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage {
    /// As tests/data/slurm/gate calls it.
    pub name: &'static str,
    /// Whether there is a process of the container.
    pub has_init: bool,
    /// Whether there is a process of the runtime.
    pub has_runtime: bool,
    /// Whether the container's program ends by itself.
    pub ends: bool,
}

const fn stage(name: &'static str, has_init: bool, has_runtime: bool, ends: bool) -> Stage {
    Stage { name, has_init, has_runtime, ends }
}

/// The stages that a hook of the container stops at.
pub const CREATING: &str = "creating";
pub const DELETING: &str = "deleting";
/// The stage at which nothing is stopped.
pub const RUNNING: &str = "running";

const CREATE_START: [Stage; 10] = [
    stage("before-create", false, true, false),
    stage(CREATING, true, true, false),
    stage("after-create", true, true, false),
    stage("after-query", true, true, false),
    stage("before-start", true, true, false),
    stage("after-start", true, true, false),
    stage(RUNNING, true, false, false),
    stage("before-delete", false, true, true),
    stage(DELETING, false, true, true),
    stage("after-delete", false, true, true),
];

const RUN: [Stage; 7] = [
    stage("before-run", false, true, false),
    stage(CREATING, true, true, false),
    stage(RUNNING, true, true, false),
    stage(DELETING, false, true, true),
    stage("after-run", false, true, true),
    stage("before-delete", false, true, true),
    stage("after-delete", false, true, true),
];

const DETACHED: [Stage; 7] = [
    stage("before-run", false, true, false),
    stage(CREATING, true, true, false),
    stage("after-run", true, true, false),
    stage(RUNNING, true, false, false),
    stage("before-delete", false, true, true),
    stage(DELETING, false, true, true),
    stage("after-delete", false, true, true),
];

impl Mode {
    /// From the first to the last.
    pub fn stages(self) -> &'static [Stage] {
        match self {
            Self::Run => &RUN,
            Self::Detached => &DETACHED,
            Self::CreateStart => &CREATE_START,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Detached => "run --detach",
            Self::CreateStart => "create/start",
        }
    }
}

/// Who is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Victim {
    Helper,
    Runtime,
    Init,
    Slurmstepd,
    Slurmd,
}

impl Victim {
    pub const ALL: [Self; 5] =
        [Self::Helper, Self::Runtime, Self::Init, Self::Slurmstepd, Self::Slurmd];
    /// Those that every step has of its own.
    pub const OF_STEP: [Self; 4] = [Self::Helper, Self::Runtime, Self::Init, Self::Slurmstepd];

    pub fn name(self) -> &'static str {
        match self {
            Self::Helper => "helper",
            Self::Runtime => "runtime",
            Self::Init => "container's first process",
            Self::Slurmstepd => "slurmstepd",
            Self::Slurmd => "slurmd",
        }
    }

    /// Whether there is one at this stage.
    pub fn is_there(self, stage: Stage) -> bool {
        match self {
            Self::Helper | Self::Slurmstepd | Self::Slurmd => true,
            Self::Runtime => stage.has_runtime,
            Self::Init => stage.has_init,
        }
    }
}

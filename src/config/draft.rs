//! The values read so far, each checked for itself. What must be there together is for
//! [`super::validity`].
#![forbid(unsafe_code)]

use std::path::PathBuf;

use log::LevelFilter;

use super::entry::Problem;
use super::keys::{self, Key};
use super::{EnvExclude, EnvFile, Policy, Verbosity};
use crate::template::{PathTemplate, Template, TemplateError};

/// An oci.conf in the making.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) create: Option<Template>,
    pub(super) delete: Option<Template>,
    pub(super) kill: Option<Template>,
    pub(super) query: Option<Template>,
    pub(super) run: Option<Template>,
    pub(super) start: Option<Template>,
    pub(super) cgroups_path: Option<PathTemplate>,
    pub(super) container_path: Option<PathTemplate>,
    pub(super) mount_spool_dir: Option<PathTemplate>,
    pub(super) env_file: EnvFile,
    pub(super) env_exclude: Option<EnvExclude>,
    pub(super) runtime_env_exclude: Option<EnvExclude>,
    pub(super) disable_hooks: Vec<String>,
    pub(super) policy: Policy,
    pub(super) no_new_privileges: bool,
    pub(super) disable_cleanup: bool,
    pub(super) ignore_config_json: bool,
    pub(super) verbosity: Verbosity,
    pub(super) srun_path: Option<PathBuf>,
    pub(super) srun_args: Vec<String>,
}

/// What is wrong with a value; spans are bytes of the value.
type Problems = Vec<Problem>;

impl Draft {
    /// Takes a value, unless it is wrong. A value given before is replaced; `SrunArgs` grows.
    pub(super) fn set(&mut self, key: Key, value: &str) -> Result<(), Problems> {
        match key {
            Key::RunTimeCreate => self.create = Some(command(value)?),
            Key::RunTimeDelete => self.delete = Some(command(value)?),
            Key::RunTimeKill => self.kill = Some(command(value)?),
            Key::RunTimeQuery => self.query = Some(command(value)?),
            Key::RunTimeRun => self.run = Some(command(value)?),
            Key::RunTimeStart => self.start = Some(command(value)?),
            Key::CgroupsPath => self.cgroups_path = Some(path(value)?),
            Key::ContainerPath => self.container_path = Some(path(value)?),
            Key::MountSpoolDir => self.mount_spool_dir = Some(path(value)?),
            Key::AllowAnnotations => self.policy.annotations = Some(list(value)),
            Key::AllowCapabilities => self.policy.capabilities = Some(capabilities(value)),
            Key::AllowDevices => self.policy.devices = Some(places(value)?),
            Key::AllowHooks => self.policy.hooks = Some(places(value)?),
            Key::AllowMounts => self.policy.mounts = Some(places(value)?),
            Key::NoNewPrivileges => self.no_new_privileges = boolean(value)?,
            Key::CreateEnvFile => self.env_file = env_file(value)?,
            Key::EnvExclude => self.env_exclude = Some(regex(value)?),
            Key::RunTimeEnvExclude => self.runtime_env_exclude = Some(regex(value)?),
            Key::DisableHooks => self.disable_hooks = list(value),
            Key::DisableCleanup => self.disable_cleanup = boolean(value)?,
            Key::IgnoreFileConfigJson => self.ignore_config_json = boolean(value)?,
            Key::StdIODebug => self.verbosity.stdio = Some(level(value)?),
            Key::SyslogDebug => self.verbosity.syslog = Some(level(value)?),
            Key::FileDebug => self.verbosity.file = Some(level(value)?),
            Key::DebugFlags => self.verbosity.debug_flags = list(value),
            Key::SrunPath => self.srun_path = Some(value.into()),
            Key::SrunArgs => self.srun_args.push(value.to_owned()),
        }
        Ok(())
    }
}

/// What is odd about a value that [`Draft::set`] took; spans are bytes of the value.
pub(super) fn oddities(key: Key, value: &str) -> Problems {
    match key {
        Key::DisableHooks => unknown_hooks(value),
        Key::EnvExclude | Key::RunTimeEnvExclude if value.is_empty() => {
            vec![
                Problem::warning(0..0, "an empty expression matches every variable")
                    .hint("remove the line to exclude none"),
            ]
        }
        _ => Vec::new(),
    }
}

fn template_problems(errors: Vec<TemplateError>) -> Problems {
    let problem = |TemplateError { span, message, hint }| {
        let problem = Problem::error(span, message);
        Problem { hint, ..problem }
    };
    errors.into_iter().map(problem).collect()
}

fn command(value: &str) -> Result<Template, Problems> {
    Template::parse(value).map_err(template_problems)
}

fn path(value: &str) -> Result<PathTemplate, Problems> {
    PathTemplate::parse(value).map_err(template_problems)
}

fn wrong(value: &str, message: String, hint: String) -> Problems {
    vec![Problem::error(0..value.len(), message).hint(hint)]
}

fn env_file(value: &str) -> Result<EnvFile, Problems> {
    let message = || format!("'{value}' is no kind of environment file");
    keys::env_file(value).ok_or_else(|| wrong(value, message(), format!("use {}", keys::ENV_FILES)))
}

fn boolean(value: &str) -> Result<bool, Problems> {
    let message = || format!("'{value}' is neither true nor false");
    let hint = || format!("use {}", keys::BOOLEANS);
    keys::boolean(value).ok_or_else(|| wrong(value, message(), hint()))
}

fn level(value: &str) -> Result<LevelFilter, Problems> {
    let message = || format!("'{value}' is no log level");
    let hint = || format!("use {}, or 0 to 9", keys::LEVELS.join(", "));
    keys::level(value).ok_or_else(|| wrong(value, message(), hint()))
}

fn regex(value: &str) -> Result<EnvExclude, Problems> {
    let hint = "this is a POSIX extended regular expression for NAME=value, see regex(7)";
    EnvExclude::new(value).map_err(|cause| {
        let cause = super::lower_first(&cause);
        wrong(value, format!("bad regular expression: {cause}"), hint.into())
    })
}

/// A comma separated list; Slurm skips empty parts too.
fn list(value: &str) -> Vec<String> {
    value.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// A list of absolute paths.
fn places(value: &str) -> Result<Vec<PathBuf>, Problems> {
    let places: Vec<PathBuf> = list(value).into_iter().map(PathBuf::from).collect();
    match places.iter().find(|place| !place.is_absolute()) {
        None => Ok(places),
        Some(place) => {
            let message = format!("'{}' is not an absolute path", place.display());
            Err(wrong(value, message, "write a list of paths, separated by commas".into()))
        }
    }
}

/// Capabilities as config.json spells them: `CAP_KILL`.
fn capabilities(value: &str) -> Vec<String> {
    let in_full = |name: String| match name.to_ascii_uppercase() {
        name if name.starts_with("CAP_") => name,
        name => format!("CAP_{name}"),
    };
    list(value).into_iter().map(in_full).collect()
}

fn unknown_hooks(value: &str) -> Problems {
    let mut problems = Vec::new();
    let mut start = 0;
    for part in value.split(',') {
        let name = part.trim();
        let at = start + (part.len() - part.trim_start().len());
        start += part.len() + 1;
        if name.is_empty() || keys::HOOKS.contains(&name) {
            continue;
        }
        let hint = match keys::nearest(name, keys::HOOKS.into_iter()) {
            Some(nearest) => format!("did you mean '{nearest}'?"),
            None => format!("the hooks are {}", keys::HOOKS.join(", ")),
        };
        let message = format!("unknown hook '{name}'");
        problems.push(Problem::warning(at..at + name.len(), message).hint(hint));
    }
    problems
}

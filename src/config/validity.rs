//! Which commands must be there together, and the final [`Config`].
//!
//! Slurm 23.02 and later (`oci_config.c`): exactly one of Run, Kill, Delete (Query if wanted), or
//! Create, Start, Query, Kill, Delete. With `IgnoreFileConfigJson=true` Slurm checks nothing; here
//! something that starts a container must be there even then. If both ways are there then, Run is
//! taken, as in Slurm.
#![forbid(unsafe_code)]

use std::path::Path;

use super::draft::Draft;
use super::keys::Key;
use super::reader::Reader;
use super::{Config, EnvFile, Operations, Parsed};
use crate::diagnostic::{Diagnostic, Severity};
use crate::template::{Pattern, Template};

const COMMANDS: [Key; 6] = [
    Key::RunTimeCreate,
    Key::RunTimeDelete,
    Key::RunTimeKill,
    Key::RunTimeQuery,
    Key::RunTimeRun,
    Key::RunTimeStart,
];

/// They are about config.json.
const ABOUT_BUNDLES: [Key; 7] = [
    Key::AllowAnnotations,
    Key::AllowCapabilities,
    Key::AllowDevices,
    Key::AllowHooks,
    Key::AllowMounts,
    Key::CgroupsPath,
    Key::DisableHooks,
];

/// Checks what was read as a whole.
pub(super) fn check(mut reader: Reader, path: &Path) -> Result<Parsed, Vec<Diagnostic>> {
    let unreadable = |d: &Diagnostic| d.severity == Severity::Error && d.place.is_none();
    if !reader.diagnostics.iter().any(unreadable) {
        check_commands(&mut reader, path);
        check_patterns(&mut reader);
        check_policy(&mut reader);
    }
    let Reader { draft, diagnostics, commands, .. } = reader;
    if diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        return Err(diagnostics);
    }
    match config(draft) {
        Some(config) => {
            let commands = commands.into_values().collect();
            Ok(Parsed { config, warnings: diagnostics, commands })
        }
        None => Err(diagnostics),
    }
}

/// A key with a bad value counts as given: its own error is enough.
fn check_commands(reader: &mut Reader, path: &Path) {
    let ignore = reader.draft.ignore_config_json;
    let given = |key| reader.sites.contains_key(&key);
    let (run, create, start) =
        (given(Key::RunTimeRun), given(Key::RunTimeCreate), given(Key::RunTimeStart));
    if !COMMANDS.into_iter().any(given) {
        return file_error(reader, path, "no command to run a container with", least(ignore));
    }
    if run && (create || start) {
        both_ways(reader, if create { Key::RunTimeCreate } else { Key::RunTimeStart });
    }
    let anchor = match (run, create, start) {
        (true, _, _) => Key::RunTimeRun,
        (_, true, _) => Key::RunTimeCreate,
        (_, _, true) => Key::RunTimeStart,
        _ => return file_error(reader, path, "nothing starts a container", least(ignore)),
    };
    let needed: &[Key] = match (run, ignore) {
        (true, true) => &[],
        (true, false) => &[Key::RunTimeKill, Key::RunTimeDelete],
        (false, true) => &[Key::RunTimeCreate, Key::RunTimeStart],
        (false, false) => &[
            Key::RunTimeCreate,
            Key::RunTimeStart,
            Key::RunTimeQuery,
            Key::RunTimeKill,
            Key::RunTimeDelete,
        ],
    };
    for key in needed {
        missing(reader, *key, anchor);
    }
}

fn least(ignore_config_json: bool) -> &'static str {
    if ignore_config_json {
        "needed at least: RunTimeRun, or RunTimeCreate and RunTimeStart"
    } else {
        "needed at least: RunTimeRun, RunTimeKill and RunTimeDelete; \
         or RunTimeCreate, RunTimeStart, RunTimeQuery, RunTimeKill and RunTimeDelete"
    }
}

fn file_error(reader: &mut Reader, path: &Path, message: &str, hint: &str) {
    reader.diagnostics.push(Diagnostic {
        severity: Severity::Error,
        file: path.to_owned(),
        place: None,
        message: message.to_owned(),
        hint: Some(hint.to_owned()),
    });
}

fn both_ways(reader: &mut Reader, key: Key) {
    let name = key.name();
    let (severity, message, hint) = if reader.draft.ignore_config_json {
        let message = format!("'{name}' is unused, because 'RunTimeRun' is given");
        (Severity::Warning, message, "remove it")
    } else {
        let message = format!("'RunTimeRun' and '{name}' exclude each other");
        (Severity::Error, message, "keep RunTimeRun, or RunTimeCreate with RunTimeStart")
    };
    point_at(reader, key, severity, message, hint.to_owned());
}

/// Names a key that is not there, at a key that makes it needed.
fn missing(reader: &mut Reader, key: Key, anchor: Key) {
    if reader.sites.contains_key(&key) {
        return;
    }
    let message = format!("'{}' is missing: '{}' needs it", key.name(), anchor.name());
    let purpose = match key {
        Key::RunTimeCreate => "the command that creates a container",
        Key::RunTimeStart => "the command that starts a created container",
        Key::RunTimeQuery => "the command that prints the state of a container",
        Key::RunTimeKill => "the command that signals a container",
        _ => "the command that removes a container",
    };
    let hint = format!("add {}= and {purpose}", key.name());
    point_at(reader, anchor, Severity::Error, message, hint);
}

fn point_at(reader: &mut Reader, key: Key, severity: Severity, message: String, hint: String) {
    if let Some(site) = reader.sites.get(&key) {
        reader.diagnostics.push(site.problem(severity, message, hint));
    }
}

/// Patterns that stand for nothing where they are used.
fn check_patterns(reader: &mut Reader) {
    for key in COMMANDS {
        let Some(template) = command(&reader.draft, key) else { continue };
        let (env_file, pid) = (template.uses(Pattern::EnvFile), template.uses(Pattern::Pid));
        if env_file && reader.draft.env_file == EnvFile::Disabled {
            let message = format!("'%e' in '{}' names a file that is not made", key.name());
            let hint = "add CreateEnvFile=null or CreateEnvFile=newline".to_owned();
            point_at(reader, key, Severity::Warning, message, hint);
        }
        if pid && !matches!(key, Key::RunTimeKill | Key::RunTimeDelete) {
            let message = format!("'%p' in '{}' is empty: there is no process yet", key.name());
            let hint = "'%p' is for RunTimeKill and RunTimeDelete".to_owned();
            point_at(reader, key, Severity::Warning, message, hint);
        }
    }
}

/// Rules for a file that is not read.
fn check_policy(reader: &mut Reader) {
    if !reader.draft.ignore_config_json {
        return;
    }
    for key in ABOUT_BUNDLES {
        let message = format!("'{}' has no effect: config.json is not read", key.name());
        let hint = "remove it, or IgnoreFileConfigJson".to_owned();
        point_at(reader, key, Severity::Warning, message, hint);
    }
}

fn command(draft: &Draft, key: Key) -> Option<&Template> {
    match key {
        Key::RunTimeCreate => draft.create.as_ref(),
        Key::RunTimeDelete => draft.delete.as_ref(),
        Key::RunTimeKill => draft.kill.as_ref(),
        Key::RunTimeQuery => draft.query.as_ref(),
        Key::RunTimeRun => draft.run.as_ref(),
        Key::RunTimeStart => draft.start.as_ref(),
        _ => None,
    }
}

/// The configuration; `None` if nothing starts a container, which [`check_commands`] reported.
fn config(draft: Draft) -> Option<Config> {
    let operations = match (draft.run, draft.create, draft.start) {
        (Some(run), _, _) => Operations::Run { run },
        (None, Some(create), Some(start)) => Operations::CreateStart { create, start },
        _ => return None,
    };
    Some(Config {
        operations,
        query: draft.query,
        kill: draft.kill,
        delete: draft.delete,
        cgroups_path: draft.cgroups_path,
        container_path: draft.container_path,
        mount_spool_dir: draft.mount_spool_dir,
        env_file: draft.env_file,
        env_exclude: draft.env_exclude,
        runtime_env_exclude: draft.runtime_env_exclude,
        disable_hooks: draft.disable_hooks,
        policy: draft.policy,
        no_new_privileges: draft.no_new_privileges,
        disable_cleanup: draft.disable_cleanup,
        ignore_config_json: draft.ignore_config_json,
        verbosity: draft.verbosity,
        srun_path: draft.srun_path,
        srun_args: draft.srun_args,
    })
}

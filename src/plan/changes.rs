//! What a task changes in its bundle, with the paths on this node.
#![forbid(unsafe_code)]

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use super::{
    Inputs, PlanError,
    places::{Places, values},
};
use crate::{
    bundle::{
        Bundle,
        edit::{Edit, mount_points, script_place},
        underlay::Underlay,
    },
    config::{Config, Operations},
    env::{self, Entry},
    template::PathTemplate,
};

/// What the task's own config.json has that the bundle's has not.
pub(super) fn edit(
    config: &Config,
    inputs: &Inputs,
    places: &Places,
    bundle: &Bundle,
    environment: Vec<Entry>,
    notes: &mut Vec<String>,
) -> Result<Edit, PlanError> {
    let (env, refused) = env::as_text(environment);
    if !refused.is_empty() {
        notes.push(format!(
            "not valid UTF-8 and so not passed to the container: {}",
            refused.join(", ")
        ));
    }
    let expanded = |template: &Option<PathTemplate>| {
        let path = template.as_ref().map(|template| template.expand(&values(inputs, places)));
        path.map(|path| path_text(&path)).transpose()
    };
    let spool = match expanded(&config.mount_spool_dir)? {
        Some(destination) => Some((path_text(places.step.as_os_str())?, destination)),
        None => None,
    };
    let mounted_spool = spool.as_ref().map(|(_, place)| place.as_str());
    let script = || script_place(&bundle.config, mounted_spool);
    Ok(Edit {
        args: texts(&inputs.command)?,
        env,
        terminal: inputs.terminal,
        script: inputs.request.is_batch().then(script),
        spool,
        disable_hooks: config.disable_hooks.clone(),
        open_files: inputs.open_files,
        underlay: None,
        rootless: inputs.rootless.clone().filter(|_| !has_other_rights(config)),
        cgroups_path: expanded(&config.cgroups_path)?,
    })
}

/// Whether the site's runtime has more rights than the user, so that a bundle made
/// for root is what it wants.
pub fn has_other_rights(config: &Config) -> bool {
    let (Operations::Run { run: template } | Operations::CreateStart { create: template, .. }) =
        &config.operations;
    let program = template.source().split_whitespace().next().unwrap_or_default();
    ["sudo", "doas"].iter().any(|name| Path::new(program).file_name() == Some(name.as_ref()))
}

/// The task's own root, if the image cannot take all mounts.
pub(super) fn own_root(
    inputs: &Inputs,
    places: &Places,
    bundle: &Bundle,
    edit: &mut Edit,
) -> Result<Option<(PathBuf, Underlay)>, PlanError> {
    let Some(look) = inputs.underlay else { return Ok(None) };
    let spool = edit.spool.as_ref().map(|(_, place)| place);
    let more: Vec<_> = spool.into_iter().chain(&edit.script).map(String::as_str).collect();
    let mount_points = mount_points(&bundle.config, &more);
    let Some(underlay) = look(&bundle.rootfs, &mount_points) else { return Ok(None) };
    let root = places.task.join("root");
    let on_host = |place: &Path| bundle.rootfs.join(place.strip_prefix("/").unwrap_or(place));
    let mount = |place: &PathBuf| {
        Ok((path_text(on_host(place).as_os_str())?, path_text(place.as_os_str())?))
    };
    let mounts = underlay.mounts.iter().map(mount).collect::<Result<_, PlanError>>()?;
    edit.underlay = Some((path_text(root.as_os_str())?, mounts));
    Ok(Some((root, underlay)))
}

fn texts(command: &[OsString]) -> Result<Vec<String>, PlanError> {
    let text = |(index, argument): (usize, &OsString)| {
        let shown = || argument.to_string_lossy().into_owned();
        argument
            .to_str()
            .map(str::to_owned)
            .ok_or_else(|| PlanError::Argument { index, shown: shown() })
    };
    command.iter().enumerate().map(text).collect()
}

fn path_text(path: &OsStr) -> Result<String, PlanError> {
    let shown = || PlanError::Path(path.to_string_lossy().into_owned());
    path.to_str().map(str::to_owned).ok_or_else(shown)
}

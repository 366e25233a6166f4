//! Carries a recipe out.
#![forbid(unsafe_code)]

use std::{cell::Cell, fs, io, path::Path};

use super::{
    command::{self, CommandError},
    config,
    recipe::{Action, Command, Places},
    tidy::tidy,
};
use crate::{
    bundle::{Bundle, BundleError, Object, read, rootless::Rootless},
    files,
};

/// Why a recipe was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    /// A program, or a signal.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// A file or directory of the bundle.
    #[error("cannot {0} '{1}': {2}")]
    File(&'static str, String, String),
    /// The archive is of another kind.
    #[error("the archive has an image in it, no root file system; use --from {0}:FILE")]
    Image(&'static str),
    /// The config.json that umoci has made.
    #[error(transparent)]
    Bundle(#[from] BundleError),
}

/// Does everything; `user` is whom the bundle is for, if not for everybody. Returns what
/// people are told.
///
/// # Errors
/// The first thing that cannot be done, or a signal that ends this program.
pub fn execute(
    actions: Vec<Action>,
    places: &Places,
    user: Option<&Rootless>,
) -> Result<Vec<String>, ExecuteError> {
    let mut told = Vec::new();
    for action in actions {
        told.extend(match action {
            Action::Run(command) => run(&command)?,
            Action::Tidy(rootfs) => tidied(&rootfs)?,
            Action::Adopt(unpacked) => adopt(&unpacked, places, user)?,
            Action::Configure(config) => configure(&config, places)?,
            Action::Tell(told) => told,
        });
        command::interruption()?;
    }
    Ok(told)
}

fn run(command: &Command) -> Result<Vec<String>, ExecuteError> {
    if let Some(dir) = &command.makes_in {
        fs::create_dir(dir).map_err(|error| failure("make", dir, &error))?;
    }
    Ok(command::run(command)?.map(str::to_owned).into_iter().collect())
}

fn tidied(rootfs: &Path) -> Result<Vec<String>, ExecuteError> {
    refuse_image(rootfs)?;
    let interruption: Cell<Option<CommandError>> = Cell::new(None);
    let goes_on = || {
        let now = command::interruption();
        now.map_err(|error| interruption.set(Some(error))).is_ok()
    };
    let tidied = tidy(rootfs, &goes_on);
    match (interruption.take(), tidied) {
        (Some(interruption), _) => Err(interruption.into()),
        (None, Err(error)) => Err(failure("tidy up", rootfs, &error)),
        (None, Ok(tidied)) => Ok(tidied.in_words()),
    }
}

/// What else umoci leaves in a bundle is for packing it again.
fn adopt(
    unpacked: &Path,
    places: &Places,
    user: Option<&Rootless>,
) -> Result<Vec<String>, ExecuteError> {
    let Bundle { config, .. } = read::read(unpacked)?;
    let rootfs = places.bundle.join("rootfs");
    fs::rename(unpacked.join("rootfs"), &rootfs)
        .map_err(|error| failure("move", &rootfs, &error))?;
    let (config, told) = config::finished(config, user);
    configure(&config, places)?;
    Ok(told)
}

fn configure(config: &Object, places: &Places) -> Result<Vec<String>, ExecuteError> {
    let path = Bundle::config_path(&places.bundle);
    let text = serde_json::to_vec_pretty(config).map_err(io::Error::from);
    text.and_then(|text| fs::write(&path, text))
        .map_err(|error| failure("write", &path, &error))?;
    Ok(Vec::new())
}

/// What the archive has in it, if it is an image: `docker save` writes a tar archive,
/// too.
fn refuse_image(rootfs: &Path) -> Result<(), ExecuteError> {
    let has = |name: &str| rootfs.join(name).exists();
    match (has("oci-layout"), has("manifest.json")) {
        _ if ["bin", "etc", "usr"].into_iter().any(has) => Ok(()),
        (_, true) => Err(ExecuteError::Image("docker-archive")),
        (true, _) => Err(ExecuteError::Image("oci-archive")),
        _ => Ok(()),
    }
}

fn failure(verb: &'static str, path: &Path, error: &io::Error) -> ExecuteError {
    ExecuteError::File(verb, path.display().to_string(), files::cause(error))
}

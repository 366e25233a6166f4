//! `spank-oci bundle DIR --from SOURCE`: a bundle that its user may run, made of what the
//! user has.
//!
//! [`source`] is what the user types, [`look`] what it turns out to be, [`recipe`] how a
//! bundle is made of it, with [`programs`] that may be missing, [`config`] what stands in
//! its config.json. [`execute`] carries that out in a [`place`] of its own, [`command`] by
//! [`command`], with [`progress`], and [`tidy`] looks at what was unpacked.
#![forbid(unsafe_code)]

pub mod command;
pub mod config;
pub mod execute;
pub mod look;
pub mod place;
pub mod programs;
pub mod progress;
pub mod recipe;
pub mod source;
pub mod tidy;

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use nix::unistd::{getgid, getuid};

use self::{
    command::CommandError,
    execute::ExecuteError,
    look::LookError,
    place::{Place, PlaceError},
    recipe::{Kitchen, RecipeError},
    source::Source,
};
use super::{
    fail,
    paint::{self, ASIDE, GOOD, WARNING},
};
use crate::{bundle::rootless::Rootless, diagnostic::Severity, limits, lint, sys::signals};

const SOURCES: &str = "\
Sources:
  oci:LAYOUT[:TAG]             an image in an OCI layout
  docker://IMAGE               an image in a registry
  docker-archive:FILE[:IMAGE]  what 'docker save' or 'podman save' wrote
  oci-archive:FILE[:TAG]       an OCI layout in an archive
  FILE.tar[.gz|.xz|.zst|.bz2]  a root file system in an archive; tar:FILE for other names
  -                            the same, a plain tar archive, on standard input
  dir:ROOTFS                   a root file system in a directory, which stays where it is
  bundle:DIR                   a bundle, also one made for root; its files stay there
  debootstrap:SUITE            a Debian or Ubuntu, by mmdebstrap or debootstrap

Examples:
  spank-oci bundle ~/images/debian --from docker://debian:12
  docker save app:1 >app.tar; spank-oci bundle app --from docker-archive:app.tar
  docker export CONTAINER | spank-oci bundle app --from -
  spank-oci bundle app --from dir:/images/app/rootfs

In the bundle you are root, and the network is the host's; one that root makes is for
everybody. Owners of files, set-user-id bits and device nodes are not kept.";

/// Make a bundle of an image, an archive, a directory or a distribution
#[derive(Debug, Args)]
#[command(after_help = SOURCES)]
pub struct Options {
    /// The bundle to be: absent or empty, on a file system that all nodes share
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// What it is made of: one of the sources below
    #[arg(long, value_name = "SOURCE")]
    from: Source,
    /// Where debootstrap:SUITE gets its packages
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
}

/// Why no bundle was made.
#[derive(Debug, thiserror::Error)]
enum BundleError {
    #[error(transparent)]
    Look(#[from] LookError),
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error(transparent)]
    Execute(#[from] ExecuteError),
}

/// Makes a bundle; returns 0 if it is there.
pub fn run(options: &Options) -> ExitCode {
    match make(options) {
        Ok((dir, told)) => {
            report(&dir, &told);
            ExitCode::SUCCESS
        }
        Err(BundleError::Execute(ExecuteError::Command(CommandError::Interrupted(signal)))) => {
            let _ = writeln!(paint::err(), "spank-oci: interrupted; no bundle was made");
            signals::die_of(signal);
            ExitCode::FAILURE
        }
        Err(error) => fail(&error.to_string()),
    }
}

/// Makes it; where it is, and what was changed.
fn make(options: &Options) -> Result<(PathBuf, Vec<String>), BundleError> {
    let user = (!getuid().is_root()).then(user);
    let ingredient = look::look(options.from.clone(), options.mirror.clone())?;
    let installed = |program: programs::Program| program.path().is_some();
    let kitchen = Kitchen { installed: &installed, user: user.as_ref() };
    // From here on, a signal must not leave anything behind.
    signals::block_all();
    let place = Place::new(&options.dir)?;
    let actions = recipe::recipe(ingredient, &place.places, &kitchen)?;
    let told = execute::execute(actions, &place.places, user.as_ref())?;
    Ok((place.finish()?, told))
}

/// Whom the bundle is for.
fn user() -> Rootless {
    Rootless { uid: getuid().as_raw(), gid: getgid().as_raw(), limits: limits::hard() }
}

/// What people have to know of the bundle that was made.
fn report(dir: &Path, told: &[String]) {
    let mut to = paint::err();
    for change in told {
        let _ = writeln!(to, "{ASIDE}{change}{ASIDE:#}");
    }
    if place::is_node_local(dir) {
        let _ = writeln!(
            to,
            "{WARNING}warning{WARNING:#}: '{}' may be on this node only; each node of a job needs the bundle",
            dir.display()
        );
    }
    conclude(dir);
}

/// A source may have had anything in it: what `spank-oci check` calls an error would not
/// run here. Its notes and warnings are about what is done at each start.
fn conclude(dir: &Path) {
    let shown = dir.display();
    let found = lint::bundle(dir, None);
    let errors: Vec<_> = found.iter().filter(|it| it.severity == Severity::Error).collect();
    for error in &errors {
        let _ = writeln!(paint::err(), "{error}");
    }
    let _ = match errors.as_slice() {
        [] => writeln!(
            paint::out(),
            "{GOOD}bundle ready{GOOD:#}: {shown}; try: srun --container={shown} cat /etc/os-release"
        ),
        _ => writeln!(
            paint::out(),
            "{WARNING}bundle made{WARNING:#}: {shown}; on this node it would not run, see above"
        ),
    };
}

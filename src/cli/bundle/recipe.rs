//! How a bundle is made: a value, computed from the source and from what is installed.
#![forbid(unsafe_code)]

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use super::{config, programs::Program};
use crate::bundle::{Bundle, Object, rootless::Rootless};

/// A source that was looked at.
#[derive(Clone, Debug, PartialEq)]
pub enum Ingredient {
    /// An image in an OCI layout, and its tag.
    Layout(PathBuf, String),
    /// An image that skopeo can copy.
    Image(String),
    /// A root file system in an archive, and what decompresses it.
    Archive(PathBuf, Option<Program>),
    /// The same, through a pipe.
    StandardInput,
    /// A root file system in a directory: absolute, without links.
    Rootfs(PathBuf),
    /// A bundle.
    Bundle(Bundle),
    /// A release of Debian, and where to get it from if not from debian.org.
    Suite(String, Option<String>),
}

/// The files that are made on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The directory that becomes the bundle.
    pub bundle: PathBuf,
    /// A directory for what is needed meanwhile.
    pub scratch: PathBuf,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Execute a program.
    Run(Command),
    /// Take a root file system and config.json from what umoci has made.
    Adopt(PathBuf),
    /// Write this config.json.
    Configure(Object),
    /// Tell what is different in it.
    Tell(Vec<String>),
    /// Take out of a root file system what must not be in one.
    Tidy(PathBuf),
}

/// A program's command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// What it does, for people.
    pub doing: String,
    /// The program.
    pub program: Program,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// It shows by itself how far it is.
    pub shows_progress: bool,
    /// It reads this process's standard input.
    pub reads_input: bool,
    /// A directory that it needs and does not make.
    pub makes_in: Option<PathBuf>,
}

/// Why there is no way from a source to a bundle.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecipeError {
    /// A program that does it.
    #[error("{0}")]
    Missing(Program),
    /// Images need a program that users may lack; archives do not.
    #[error(
        "{0}; without it, unpack the image elsewhere, as with 'podman export', and use --from FILE.tar"
    )]
    MissingForImages(Program),
    /// debootstrap is there, and the user is not root.
    #[error("debootstrap needs root, and {}", Program::Mmdebstrap)]
    NeedsRoot,
}

/// What is on this machine.
pub struct Kitchen<'a> {
    /// Whether a program is installed.
    pub installed: &'a dyn Fn(Program) -> bool,
    /// Whom the bundle is for, if not for everybody, as one that root makes.
    pub user: Option<&'a Rootless>,
}

/// The way from a source to a bundle.
///
/// # Errors
/// A program is missing.
pub fn recipe(
    from: Ingredient,
    places: &Places,
    kitchen: &Kitchen<'_>,
) -> Result<Vec<Action>, RecipeError> {
    let rootfs = places.bundle.join("rootfs");
    Ok(match from {
        Ingredient::Layout(layout, tag) => unpack(&layout, &tag, places, kitchen)?,
        Ingredient::Image(image) => {
            let layout = places.scratch.join("image");
            let to = word("oci:", &layout, ":latest");
            let copy = kitchen.command(Program::Skopeo, format!("copying '{image}'"))?;
            let copy = copy.args(["copy".into(), image.into(), to]).shows_progress();
            let mut actions = vec![Action::Run(copy)];
            actions.extend(unpack(&layout, "latest", places, kitchen)?);
            actions
        }
        Ingredient::Archive(file, compression) => {
            let extract = extract(&file, compression, &rootfs, kitchen)?;
            finish(vec![extract], rootfs, kitchen)
        }
        Ingredient::StandardInput => {
            let mut extract = extract(Path::new("-"), None, &rootfs, kitchen)?;
            extract.reads_input = true;
            finish(vec![extract], rootfs, kitchen)
        }
        Ingredient::Suite(suite, mirror) => {
            finish(bootstrap(suite, mirror, places, &rootfs, kitchen)?, rootfs, kitchen)
        }
        Ingredient::Rootfs(rootfs) => vec![kitchen.configure(config::new(&rootfs))],
        Ingredient::Bundle(bundle) => {
            let (config, told) = config::finished(config::referring(bundle), kitchen.user);
            vec![Action::Configure(config), Action::Tell(told)]
        }
    })
}

/// What is unpacked becomes the root file system.
fn finish(commands: Vec<Command>, rootfs: PathBuf, kitchen: &Kitchen<'_>) -> Vec<Action> {
    let commands = commands.into_iter().map(Action::Run);
    let config = config::with_name_servers(config::new(Path::new("rootfs")));
    let rest = [Action::Tidy(rootfs), kitchen.configure(config)];
    commands.chain(rest).collect()
}

/// The image's owners are not kept, even for root: on the host, an image's user 1000
/// is somebody.
fn unpack(
    layout: &Path,
    tag: &str,
    places: &Places,
    kitchen: &Kitchen<'_>,
) -> Result<Vec<Action>, RecipeError> {
    let unpacked = places.scratch.join("unpacked");
    let image = word("", layout, &format!(":{tag}"));
    let unpack = kitchen.command(Program::Umoci, "unpacking the image".to_owned())?;
    let unpack = unpack.args([
        "unpack".into(),
        "--rootless".into(),
        "--image".into(),
        image,
        unpacked.clone().into(),
    ]);
    Ok(vec![Action::Run(unpack), Action::Tidy(unpacked.join("rootfs")), Action::Adopt(unpacked)])
}

/// GNU tar by itself refuses members with "..", and makes links that lead out of the
/// directory only after everything else.
fn extract(
    file: &Path,
    compression: Option<Program>,
    rootfs: &Path,
    kitchen: &Kitchen<'_>,
) -> Result<Command, RecipeError> {
    let decompress = match compression {
        Some(program) => Some(kitchen.command(program, String::new())?.program),
        None => None,
    };
    let options =
        ["--extract", "--force-local", "--no-same-owner", "--same-permissions"].map(OsString::from);
    let more =
        ["--delay-directory-restore", "--warning=no-timestamp", "--warning=no-unknown-keyword"]
            .map(OsString::from);
    let command = kitchen.command(Program::Tar, "unpacking the archive".to_owned())?;
    let decompress = decompress.map(|it| format!("--use-compress-program={}", it.name()).into());
    let places = [word("--directory=", rootfs, ""), word("--file=", file, "")];
    let command = command.args(options.into_iter().chain(more).chain(decompress).chain(places));
    Ok(Command { makes_in: Some(rootfs.to_owned()), ..command })
}

/// mmdebstrap makes an archive: what it makes directly for a user belongs to the
/// user's subordinate ids, which are not mapped in the container.
fn bootstrap(
    suite: String,
    mirror: Option<String>,
    places: &Places,
    rootfs: &Path,
    kitchen: &Kitchen<'_>,
) -> Result<Vec<Command>, RecipeError> {
    let has = |program| (kitchen.installed)(program);
    let doing = format!("making a root file system of '{suite}'");
    let mirror = mirror.map(OsString::from);
    let minimal = OsString::from("--variant=minbase");
    match (has(Program::Mmdebstrap), has(Program::Debootstrap)) {
        (false, true) if kitchen.user.is_none() => {
            let make = kitchen.command(Program::Debootstrap, doing)?.shows_progress();
            let words = [minimal, suite.into(), rootfs.into()];
            Ok(vec![make.args(words.into_iter().chain(mirror))])
        }
        (false, true) => Err(RecipeError::NeedsRoot),
        _ => {
            let archive = places.scratch.join("root.tar");
            let make = kitchen.command(Program::Mmdebstrap, doing)?.shows_progress();
            let words = [minimal, suite.into(), archive.clone().into()];
            let make = make.args(words.into_iter().chain(mirror));
            Ok(vec![make, extract(&archive, None, rootfs, kitchen)?])
        }
    }
}

impl Kitchen<'_> {
    /// A configuration of ours, of which nothing has to be told.
    fn configure(&self, config: Object) -> Action {
        Action::Configure(config::finished(config, self.user).0)
    }

    fn command(&self, program: Program, doing: String) -> Result<Command, RecipeError> {
        match program {
            _ if (self.installed)(program) => Ok(Command {
                doing,
                program,
                args: Vec::new(),
                shows_progress: false,
                reads_input: false,
                makes_in: None,
            }),
            Program::Skopeo | Program::Umoci => Err(RecipeError::MissingForImages(program)),
            _ => Err(RecipeError::Missing(program)),
        }
    }
}

impl Command {
    fn args(mut self, args: impl IntoIterator<Item = OsString>) -> Self {
        self.args = args.into_iter().collect();
        self
    }

    fn shows_progress(mut self) -> Self {
        self.shows_progress = true;
        self
    }
}

/// A word with a path in it.
fn word(before: &str, path: &Path, after: &str) -> OsString {
    let mut word = OsString::from(before);
    word.push(path);
    word.push(after);
    word
}

#[cfg(test)]
mod tests;

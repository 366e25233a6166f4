//! A look at what the user named, before anything is made of it.
#![forbid(unsafe_code)]

use std::{
    fs::{self, File},
    io::{self, IsTerminal, Read},
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{
    programs::Program,
    recipe::Ingredient,
    source::{self, Source},
};
use crate::{
    bundle::{self, BundleError},
    files,
};

/// The key of a tag in a layout's index (OCI image specification, "Annotations").
const TAG: &str = "org.opencontainers.image.ref.name";
/// The largest index of a layout that is read, in bytes.
const LARGEST: u64 = 16 << 20;

/// Why nothing can be made of a source.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// It is not there, or the user may not read it.
    #[error("cannot read '{0}': {1}")]
    Read(String, String),
    /// A path without a word in front.
    #[error("'{0}' is a file whose name does not end as an archive's; if it is one, say tar:{0}")]
    File(String),
    /// A file or a directory that is no layout.
    #[error("'{0}' is no OCI layout: {1}; umoci and 'skopeo copy' make such directories")]
    Layout(String, String),
    /// The layout has other tags.
    #[error("'{layout}' has no image with the tag '{tag}'; its tags are: {tags}")]
    Tag {
        /// The layout.
        layout: String,
        /// What the user wants.
        tag: String,
        /// What there is.
        tags: String,
    },
    /// The layout has several tags, or none.
    #[error("'{layout}' has {tags}; say which image, as in oci:{layout}:TAG")]
    Tags {
        /// The layout.
        layout: String,
        /// What there is.
        tags: String,
    },
    /// A file.
    #[error("'{0}' is no directory; a root file system in an archive is named tar:FILE")]
    Rootfs(String),
    /// A bundle that cannot be read.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// Its root file system is missing.
    #[error("the bundle '{0}' has no root file system: there is no directory '{1}'")]
    NoRootfs(String, String),
    /// Nobody writes into standard input.
    #[error("standard input is a terminal; pipe a tar archive into it, as with 'podman export'")]
    Terminal,
    /// An option for something else.
    #[error("--mirror is for debootstrap:SUITE only")]
    Mirror,
}

/// What a source is made of.
///
/// # Errors
/// It is not there, cannot be read, or is something else.
pub fn look(source: Source, mirror: Option<String>) -> Result<Ingredient, LookError> {
    if mirror.is_some() && !matches!(source, Source::Suite(_)) {
        return Err(LookError::Mirror);
    }
    match source {
        Source::Layout(path, tag) => layout(path, tag),
        Source::Image(image) => Ok(Ingredient::Image(image)),
        Source::Archive(path) => archive(path),
        Source::StandardInput if io::stdin().is_terminal() => Err(LookError::Terminal),
        Source::StandardInput => Ok(Ingredient::StandardInput),
        Source::Rootfs(path) => rootfs(&path),
        Source::Bundle(path) => bundle(&path),
        Source::Suite(suite) => Ok(Ingredient::Suite(suite, mirror)),
        Source::Directory(path) => {
            let is_dir = fs::metadata(&path).map_err(|error| unreadable(&path, &error))?.is_dir();
            match is_dir {
                true => look(source::directory(&path, |name| path.join(name).exists()), None),
                false => Err(LookError::File(shown(&path))),
            }
        }
    }
}

fn layout(path: PathBuf, tag: Option<String>) -> Result<Ingredient, LookError> {
    let no_layout = |cause: String| LookError::Layout(shown(&path), cause);
    let index = path.join("index.json");
    let text = files::read_regular(&index, LARGEST).map_err(|error| {
        no_layout(format!("cannot read '{}': {}", shown(&index), files::cause(&error)))
    })?;
    let index: Value =
        serde_json::from_slice(&text).map_err(|error| no_layout(format!("index.json: {error}")))?;
    let tag = choose(&shown(&path), tag, &tags(&index))?;
    Ok(Ingredient::Layout(path, tag))
}

/// The tags in the index of a layout.
fn tags(index: &Value) -> Vec<&str> {
    let manifests = index.get("manifests").and_then(Value::as_array).into_iter().flatten();
    manifests.filter_map(|manifest| manifest.get("annotations")?.get(TAG)?.as_str()).collect()
}

/// The tag that is meant: without one that of the only image, or the latest.
fn choose(layout: &str, tag: Option<String>, tags: &[&str]) -> Result<String, LookError> {
    let layout = layout.to_owned();
    match (tag, tags) {
        (Some(tag), tags) if tags.contains(&tag.as_str()) => Ok(tag),
        (Some(tag), tags) => Err(LookError::Tag { layout, tag, tags: listed(tags) }),
        (None, [only]) => Ok((*only).to_owned()),
        (None, tags) if tags.contains(&"latest") => Ok("latest".to_owned()),
        (None, []) => Err(LookError::Tags { layout, tags: "no image with a tag".to_owned() }),
        (None, tags) => Err(LookError::Tags { layout, tags: format!("the tags {}", listed(tags)) }),
    }
}

fn listed(tags: &[&str]) -> String {
    if tags.is_empty() { "none".to_owned() } else { tags.join(", ") }
}

fn archive(path: PathBuf) -> Result<Ingredient, LookError> {
    let beginning = || {
        let mut beginning = Vec::new();
        File::open(&path)?.take(8).read_to_end(&mut beginning)?;
        Ok(beginning)
    };
    let beginning = beginning().map_err(|error: io::Error| unreadable(&path, &error))?;
    Ok(Ingredient::Archive(path, Program::to_decompress(&beginning)))
}

fn rootfs(path: &Path) -> Result<Ingredient, LookError> {
    let whole = path.canonicalize().map_err(|error| unreadable(path, &error))?;
    match whole.is_dir() {
        true => Ok(Ingredient::Rootfs(whole)),
        false => Err(LookError::Rootfs(shown(path))),
    }
}

fn bundle(path: &Path) -> Result<Ingredient, LookError> {
    let whole = path.canonicalize().map_err(|error| unreadable(path, &error))?;
    let bundle = bundle::read::read(&whole)?;
    match bundle.rootfs.is_dir() {
        true => Ok(Ingredient::Bundle(bundle)),
        false => Err(LookError::NoRootfs(shown(path), shown(&bundle.rootfs))),
    }
}

fn unreadable(path: &Path, error: &io::Error) -> LookError {
    LookError::Read(shown(path), files::cause(error))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_image_that_is_meant_is_found_or_the_tags_are_told() {
        let choose = |tag: Option<&str>, tags: &[&str]| {
            super::choose("l", tag.map(str::to_owned), tags).map_err(|error| error.to_string())
        };
        assert_eq!(choose(Some("12"), &["11", "12"]), Ok("12".to_owned()));
        assert_eq!(choose(None, &["12"]), Ok("12".to_owned()));
        assert_eq!(choose(None, &["12", "latest"]), Ok("latest".to_owned()));
        for (tag, tags, told) in [
            (
                Some("13"),
                ["11", "12"].as_slice(),
                "'l' has no image with the tag '13'; its tags are: 11, 12",
            ),
            (Some("13"), &[], "'l' has no image with the tag '13'; its tags are: none"),
            (None, &["11", "12"], "'l' has the tags 11, 12; say which image, as in oci:l:TAG"),
            (None, &[], "'l' has no image with a tag; say which image, as in oci:l:TAG"),
        ] {
            assert_eq!(choose(tag, tags), Err(told.to_owned()));
        }
    }

    #[test]
    fn tags_stand_in_annotations() {
        let named = |tag: &str| json!({"annotations": {TAG: tag}});
        let index = json!({"manifests": [named("a"), {"digest": "sha256:0"}, named("b")]});
        assert_eq!(tags(&index), ["a", "b"]);
        assert_eq!(tags(&json!([])), [""; 0]);
    }
}

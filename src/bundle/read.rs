//! Reading a bundle's config.json and checking the types of what is used of it.
#![forbid(unsafe_code)]

use std::{
    io,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{Bundle, BundleError, Object, kind};
use crate::files;

/// Much larger than any config.json, small enough to be read by mistake.
const LARGEST: u64 = 64 << 20;

/// Reads the bundle in `dir`, which is an absolute path.
///
/// # Errors
/// config.json cannot be read, is no JSON object, or a field that is used has
/// another type than the OCI runtime specification gives it.
pub fn read(dir: &Path) -> Result<Bundle, BundleError> {
    let config = parse(&Bundle::config_path(dir), &text(dir)?)?;
    Ok(located(dir, config))
}

/// The text of the config.json in `dir`.
///
/// # Errors
/// It cannot be read.
pub fn text(dir: &Path) -> Result<Vec<u8>, BundleError> {
    let path = Bundle::config_path(dir);
    files::read_regular(&path, LARGEST).map_err(|error| unreadable(dir, &path, &error))
}

/// The bundle in `dir` with this config.json, its root file system looked up.
pub fn located(dir: &Path, config: Object) -> Bundle {
    let mut bundle = Bundle::new(dir.to_owned(), config);
    bundle.rootfs = without_links(bundle.rootfs);
    bundle
}

/// The path without links and "..", which runc refuses in `root.path`; as it is if
/// there is no such directory, for the runtime to say so.
fn without_links(path: PathBuf) -> PathBuf {
    path.canonicalize().unwrap_or(path)
}

/// The object in the text of a config.json.
///
/// # Errors
/// As [`read`], but for the reading.
pub fn parse(path: &Path, text: &[u8]) -> Result<Object, BundleError> {
    let shown = || path.display().to_string();
    let value: Value = serde_json::from_slice(text)
        .map_err(|cause| BundleError::Syntax { path: shown(), cause })?;
    let mistake =
        |(field, expected, found)| BundleError::Type { path: shown(), field, expected, found };
    match value {
        Value::Object(config) => check(&config).map_err(mistake).map(|()| config),
        other => Err(mistake(("the whole", "an object", kind(&other)))),
    }
}

/// Field, what it must be, what it is.
type Mistake = (&'static str, &'static str, &'static str);

fn check(config: &Object) -> Result<(), Mistake> {
    let empty = Object::new();
    let root = object(config, "root", "root", &empty)?;
    typed(root, "path", "root.path", "a string", Value::is_string)?;
    let process = object(config, "process", "process", &empty)?;
    if let Some(env) = typed(process, "env", "process.env", "an array", Value::is_array)? {
        each(env, "an entry of process.env", "a string", Value::is_string)?;
    }
    if let Some(mounts) = typed(config, "mounts", "mounts", "an array", Value::is_array)? {
        each(mounts, "an entry of mounts", "an object", Value::is_object)?;
    }
    object(config, "hooks", "hooks", &empty)?;
    Ok(())
}

fn object<'a>(
    parent: &'a Object,
    key: &str,
    field: &'static str,
    empty: &'a Object,
) -> Result<&'a Object, Mistake> {
    let value = typed(parent, key, field, "an object", Value::is_object)?;
    Ok(value.and_then(Value::as_object).unwrap_or(empty))
}

fn typed<'a>(
    parent: &'a Object,
    key: &str,
    field: &'static str,
    expected: &'static str,
    is: fn(&Value) -> bool,
) -> Result<Option<&'a Value>, Mistake> {
    match parent.get(key) {
        Some(value) if !is(value) => Err((field, expected, kind(value))),
        value => Ok(value),
    }
}

fn each(
    list: &Value,
    field: &'static str,
    expected: &'static str,
    is: fn(&Value) -> bool,
) -> Result<(), Mistake> {
    let other = list.as_array().into_iter().flatten().find(|entry| !is(entry));
    other.map_or(Ok(()), |entry| Err((field, expected, kind(entry))))
}

fn unreadable(dir: &Path, path: &Path, error: &io::Error) -> BundleError {
    let hint = match error.kind() {
        io::ErrorKind::NotFound if dir.is_dir() => {
            "; a bundle is a directory with a config.json and a rootfs"
        }
        io::ErrorKind::NotFound => "; the bundle must be on every node of the step",
        io::ErrorKind::NotADirectory => "; a bundle is a directory, not a file",
        io::ErrorKind::PermissionDenied => {
            "; every directory above it needs x for the user, the file r"
        }
        _ => "",
    };
    let (path, cause) = (path.display().to_string(), files::cause(error));
    BundleError::Read { path, cause, hint }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        parse(Path::new("/b/config.json"), text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn broken_json_is_named_with_its_place() {
        assert_eq!(
            message("{\n  \"process\": {,}\n}"),
            "'/b/config.json' is not valid JSON: key must be a string at line 2 column 15"
        );
        assert_eq!(
            message(""),
            "'/b/config.json' is not valid JSON: EOF while parsing a value at line 1 column 0"
        );
    }

    #[test]
    fn a_field_of_another_type_is_named() {
        let cases = [
            ("[]", "'the whole' must be an object, not an array"),
            (r#"{"process": 1}"#, "'process' must be an object, not a number"),
            (r#"{"process": {"env": {}}}"#, "'process.env' must be an array, not an object"),
            (
                r#"{"process": {"env": [1]}}"#,
                "'an entry of process.env' must be a string, not a number",
            ),
            (r#"{"root": {"path": null}}"#, "'root.path' must be a string, not null"),
            (r#"{"mounts": {}}"#, "'mounts' must be an array, not an object"),
            (r#"{"mounts": ["x"]}"#, "'an entry of mounts' must be an object, not a string"),
            (r#"{"hooks": true}"#, "'hooks' must be an object, not a boolean"),
        ];
        for (text, expected) in cases {
            assert_eq!(message(text), format!("in '/b/config.json': {expected}"));
        }
    }

    #[test]
    fn a_bundle_that_is_not_there_says_what_to_look_at() {
        let keep = tempfile::tempdir().unwrap();
        let dir = keep.path();
        let shown = dir.display();
        let read = |dir: &Path| read(dir).unwrap_err().to_string();
        assert_eq!(
            read(dir),
            format!(
                "cannot read '{shown}/config.json': no such file or directory; a bundle is a directory with a config.json and a rootfs"
            )
        );
        assert_eq!(
            read(&dir.join("x")),
            format!(
                "cannot read '{shown}/x/config.json': no such file or directory; the bundle must be on every node of the step"
            )
        );
        std::fs::write(dir.join("file"), "").unwrap();
        assert_eq!(
            read(&dir.join("file")),
            format!(
                "cannot read '{shown}/file/config.json': not a directory; a bundle is a directory, not a file"
            )
        );
    }

    #[test]
    fn a_config_json_that_is_no_file_is_not_waited_for() {
        let keep = tempfile::tempdir().unwrap();
        let path = keep.path().join("config.json");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let error = read(keep.path()).unwrap_err().to_string();
        assert_eq!(error, format!("cannot read '{}': not a regular file", path.display()));
    }

    #[test]
    fn deep_nesting_is_an_error_not_a_crash() {
        let text = "[".repeat(10_000);
        assert!(message(&text).contains("recursion limit exceeded"));
    }
}

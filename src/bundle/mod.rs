//! The user's OCI bundle: a directory with a `config.json` (OCI runtime
//! specification, "Filesystem Bundle").
//!
//! [`read`] takes the file in with the user's rights, [`policy`] holds it against the
//! site's rules, [`edit`] makes of it what the task needs, [`rootless`] what the user
//! may run. What is not edited stays what it was: order, unknown fields, numbers of any
//! size and precision.
#![forbid(unsafe_code)]

pub mod edit;
pub mod policy;
pub mod read;
pub mod rootless;
pub mod spelling;
pub mod underlay;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

/// The JSON object in config.json.
pub type Object = Map<String, Value>;

/// A bundle that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Bundle {
    /// Its directory, as the user named it, made absolute.
    pub dir: PathBuf,
    /// What its config.json says.
    pub config: Object,
    /// The container's root file system, `root.path`, as an absolute path.
    pub rootfs: PathBuf,
}

/// Why a bundle cannot be used. Each names the file and what to look at.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// config.json cannot be read.
    #[error("cannot read '{path}': {cause}{hint}")]
    Read {
        /// The file.
        path: String,
        /// The system's reason.
        cause: String,
        /// What to look at.
        hint: &'static str,
    },
    /// It is not JSON.
    #[error("'{path}' is not valid JSON: {cause}")]
    Syntax {
        /// The file.
        path: String,
        /// What the parser met, with line and column.
        cause: serde_json::Error,
    },
    /// A field has another type than the specification gives it.
    #[error("in '{path}': '{field}' must be {expected}, not {found}")]
    Type {
        /// The file.
        path: String,
        /// Dotted path of the field.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// The site does not allow something of it.
    #[error("in '{path}': {cause}")]
    Refused {
        /// The file.
        path: String,
        /// What, and what is allowed.
        cause: String,
    },
}

impl Bundle {
    /// The bundle with this config.json, whose root file system is in `dir` unless
    /// `root.path` is absolute.
    pub fn new(dir: PathBuf, config: Object) -> Self {
        let path = config.get("root").and_then(|root| root.get("path")).and_then(Value::as_str);
        let rootfs = dir.join(path.unwrap_or("rootfs"));
        Self { dir, config, rootfs }
    }

    /// The bundle's own environment, `process.env`.
    pub fn env(&self) -> Vec<Vec<u8>> {
        let list = self.config.get("process").and_then(|process| process.get("env"));
        let entries = list.and_then(Value::as_array).into_iter().flatten();
        entries.filter_map(|entry| Some(entry.as_str()?.as_bytes().to_vec())).collect()
    }

    /// The file of a bundle's configuration.
    pub fn config_path(dir: &Path) -> PathBuf {
        dir.join("config.json")
    }
}

/// What a JSON value is, in words.
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

//! Fields of another type than the OCI runtime specification gives them.
//!
//! The helper refuses to read on where it needs a field itself. Of the others runc
//! reads all, and crun takes those of another type as missing.
#![forbid(unsafe_code)]

use serde_json::Value;

use super::{
    Case,
    finding::{Fails, Findings},
    pointer::{escaped, unescaped},
};
use crate::bundle::{Object, kind};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Array,
    Boolean,
    Number,
    Object,
    Text,
}

impl Kind {
    fn is_of(self, value: &Value) -> bool {
        match self {
            Self::Array => value.is_array(),
            Self::Boolean => value.is_boolean(),
            Self::Number => value.is_number(),
            Self::Object => value.is_object(),
            Self::Text => value.is_string(),
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Array => "an array",
            Self::Boolean => "a boolean",
            Self::Number => "a number",
            Self::Object => "an object",
            Self::Text => "a string",
        }
    }
}

/// Who fails on another type.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// The helper, whatever the runtime does.
    Helper,
    /// crun and runc: the field is required.
    Runtimes,
    /// runc. To it null is as good as nothing.
    Runc,
}

/// `*` stands for every element of an array and every field of an object.
const FIELDS: [(&str, Kind, Reader); 42] = [
    ("/root", Kind::Object, Reader::Helper),
    ("/root/path", Kind::Text, Reader::Helper),
    ("/process", Kind::Object, Reader::Helper),
    ("/process/env", Kind::Array, Reader::Helper),
    ("/process/env/*", Kind::Text, Reader::Helper),
    ("/mounts", Kind::Array, Reader::Helper),
    ("/mounts/*", Kind::Object, Reader::Helper),
    ("/hooks", Kind::Object, Reader::Helper),
    ("/ociVersion", Kind::Text, Reader::Runtimes),
    ("/annotations/*", Kind::Text, Reader::Runtimes),
    ("/hooks/*/*/path", Kind::Text, Reader::Runtimes),
    ("/mounts/*/destination", Kind::Text, Reader::Runtimes),
    ("/mounts/*/type", Kind::Text, Reader::Runtimes),
    ("/process/cwd", Kind::Text, Reader::Runtimes),
    ("/annotations", Kind::Object, Reader::Runc),
    ("/domainname", Kind::Text, Reader::Runc),
    ("/hooks/*", Kind::Array, Reader::Runc),
    ("/hooks/*/*", Kind::Object, Reader::Runc),
    ("/hooks/*/*/args", Kind::Array, Reader::Runc),
    ("/hooks/*/*/env", Kind::Array, Reader::Runc),
    ("/hooks/*/*/timeout", Kind::Number, Reader::Runc),
    ("/hostname", Kind::Text, Reader::Runc),
    ("/linux", Kind::Object, Reader::Runc),
    ("/linux/devices", Kind::Array, Reader::Runc),
    ("/linux/gidMappings", Kind::Array, Reader::Runc),
    ("/linux/maskedPaths", Kind::Array, Reader::Runc),
    ("/linux/namespaces", Kind::Array, Reader::Runc),
    ("/linux/namespaces/*", Kind::Object, Reader::Runc),
    ("/linux/namespaces/*/path", Kind::Text, Reader::Runc),
    ("/linux/namespaces/*/type", Kind::Text, Reader::Runc),
    ("/linux/readonlyPaths", Kind::Array, Reader::Runc),
    ("/linux/uidMappings", Kind::Array, Reader::Runc),
    ("/mounts/*/options", Kind::Array, Reader::Runc),
    ("/mounts/*/source", Kind::Text, Reader::Runc),
    ("/process/capabilities", Kind::Object, Reader::Runc),
    ("/process/capabilities/*", Kind::Array, Reader::Runc),
    ("/process/noNewPrivileges", Kind::Boolean, Reader::Runc),
    ("/process/rlimits", Kind::Array, Reader::Runc),
    ("/process/user", Kind::Object, Reader::Runc),
    ("/process/user/gid", Kind::Number, Reader::Runc),
    ("/process/user/uid", Kind::Number, Reader::Runc),
    ("/root/readonly", Kind::Boolean, Reader::Runc),
];

pub(super) fn check(config: &Object, case: &Case) -> Findings {
    let mut findings = Findings::default();
    for (pattern, expected, reader) in FIELDS {
        for (at, value) in matching(config, pattern) {
            if expected.is_of(value) || reader == Reader::Runc && value.is_null() {
                continue;
            }
            let message =
                format!("'{}' must be {}, not {}", dotted(&at), expected.words(), kind(value));
            let fails = if reader == Reader::Runc { Fails::Runc } else { Fails::Both };
            findings.refused(fails, case, at, &message);
        }
    }
    findings
}

/// A field as people write it: `mounts[2].source`.
pub(super) fn dotted(pointer: &str) -> String {
    let mut text = String::new();
    for name in pointer.split('/').skip(1).map(unescaped) {
        match name.parse::<usize>() {
            Ok(index) => text.push_str(&format!("[{index}]")),
            Err(_) if text.is_empty() => text.push_str(&name),
            Err(_) => text.push_str(&format!(".{name}")),
        }
    }
    text
}

/// The values that are there, with their pointers.
fn matching<'a>(config: &'a Object, pattern: &str) -> Vec<(String, &'a Value)> {
    let mut tokens = pattern.split('/').skip(1);
    let first = tokens.next().unwrap_or_default();
    let whole = config.get(first).map(|value| (format!("/{first}"), value));
    tokens.fold(whole.into_iter().collect(), |parents, token| {
        parents.into_iter().flat_map(|(at, parent)| children(&at, parent, token)).collect()
    })
}

fn children<'a>(at: &str, parent: &'a Value, token: &str) -> Vec<(String, &'a Value)> {
    match parent {
        Value::Object(map) if token == "*" => {
            map.iter().map(|(name, value)| (format!("{at}/{}", escaped(name)), value)).collect()
        }
        Value::Array(list) if token == "*" => {
            list.iter().enumerate().map(|(index, value)| (format!("{at}/{index}"), value)).collect()
        }
        Value::Object(map) => {
            map.get(token).map(|value| (format!("{at}/{token}"), value)).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::bundle::read;

    /// A config.json in which the field, and nothing else, is of another type.
    fn with_wrong(pattern: &str) -> String {
        let names: Vec<_> = pattern.split('/').skip(1).collect();
        names.into_iter().rev().fold("{\"wrong\": [[]]}".to_owned(), |inner, name| match name {
            "*" => format!("[{inner}]"),
            name => format!("{{\"{name}\": {inner}}}"),
        })
    }

    #[test]
    fn what_is_said_of_the_helper_is_what_it_does() {
        for (pattern, expected, reader) in FIELDS {
            let text = match expected {
                Kind::Object => with_wrong(pattern).replace("{\"wrong\": [[]]}", "[]"),
                _ => with_wrong(pattern),
            };
            let refused = read::parse(Path::new("/c"), text.as_bytes()).is_err();
            // A list stands for the fields of an object too, which the helper sees.
            let of_hooks = pattern.starts_with("/hooks/");
            assert_eq!(refused, reader == Reader::Helper || of_hooks, "{text}");
        }
    }

    #[test]
    fn fields_are_written_as_people_write_them() {
        assert_eq!(dotted("/mounts/2/source"), "mounts[2].source");
    }
}

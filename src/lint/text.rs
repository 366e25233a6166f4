//! The text of a config.json, and what is wrong with it as a whole.
#![forbid(unsafe_code)]

use std::path::Path;

use serde_json::Value;

use crate::{
    bundle::{BundleError, Object, read},
    diagnostic::{Diagnostic, Place, Severity},
};

/// The text and the object in it, of the bundle in `dir`, whose config.json is called
/// `path`.
pub(super) fn read(dir: &Path, path: &Path) -> Result<(String, Object), Box<Diagnostic>> {
    let failed = |(place, message, hint): Mistake| {
        let (severity, file) = (Severity::Error, path.to_owned());
        Box::new(Diagnostic { severity, file, place, message, hint })
    };
    let bytes = read::text(dir).map_err(|error| failed(unreadable(error)))?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(config)) => Ok((text, config)),
        Ok(_) => {
            let place = Place::of(&text, 0..1);
            let message = "the whole must be an object".to_owned();
            Err(failed((Some(place), message, Some("write: { … }".to_owned()))))
        }
        Err(error) => {
            let message = format!("not valid JSON: {}", without_place(&error));
            Err(failed((Some(place(&text, &error)), message, None)))
        }
    }
}

/// Place, message and hint.
type Mistake = (Option<Place>, String, Option<String>);

fn unreadable(error: BundleError) -> Mistake {
    match error {
        BundleError::Read { cause, hint, .. } => {
            let hint = hint.trim_start_matches("; ");
            let hint = (!hint.is_empty()).then(|| hint.to_owned());
            (None, format!("cannot be read: {cause}"), hint)
        }
        other => (None, other.to_string(), None),
    }
}

/// serde_json counts bytes, and points at the last one it has read.
fn place(text: &str, error: &serde_json::Error) -> Place {
    let before: usize =
        text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let mut start = (before + error.column().saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let length = text.get(start..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    Place::of(text, start..start + length)
}

fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).unwrap_or(&text).to_owned()
}

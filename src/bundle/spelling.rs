//! Names of fields that only some runtimes know: Go's parser, which runc uses, takes
//! `Hooks` for `hooks`. A rule of the site's about hooks must not be missed for that.
#![forbid(unsafe_code)]

use serde_json::Value;

use super::Object;

/// Fields that the site's rules are about, and those on the way to them.
const FIELDS: [&str; 18] = [
    "root",
    "path",
    "mounts",
    "type",
    "source",
    "options",
    "linux",
    "devices",
    "process",
    "capabilities",
    "annotations",
    "hooks",
    "prestart",
    "createRuntime",
    "createContainer",
    "startContainer",
    "poststart",
    "poststop",
];

/// Refuses names that some runtimes would take for one of these fields.
///
/// # Errors
/// Both names, in words.
pub fn check(config: &Object) -> Result<(), String> {
    config.iter().try_for_each(|(name, value)| {
        let like = FIELDS.into_iter().find(|field| *field != name && folded(field) == folded(name));
        match like {
            Some(field) => {
                Err(format!("the field '{name}' would be '{field}' for some runtimes; correct it"))
            }
            // The names of annotations are the user's.
            None if name == "annotations" => Ok(()),
            None => inside(value),
        }
    })
}

fn inside(value: &Value) -> Result<(), String> {
    match value {
        Value::Object(object) => check(object),
        Value::Array(list) => list.iter().try_for_each(inside),
        _ => Ok(()),
    }
}

/// As Go compares names: case aside, and the two letters beyond ASCII that have an
/// ASCII letter for their other case.
fn folded(name: &str) -> String {
    let plain = |c| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    };
    name.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(config: Value) -> Option<String> {
        check(config.as_object().unwrap()).err()
    }

    #[test]
    fn names_that_only_some_runtimes_know_are_refused() {
        for (config, name, field) in [
            (json!({"Hooks": {}}), "Hooks", "hooks"),
            (json!({"mount\u{17f}": []}), "mount\u{17f}", "mounts"),
            (json!({"hoo\u{212a}s": {}}), "hoo\u{212a}s", "hooks"),
            (json!({"linux": {"DEVICES": []}}), "DEVICES", "devices"),
            (json!({"mounts": [{}, {"Source": "/"}]}), "Source", "source"),
            (json!({"hooks": {"createruntime": []}}), "createruntime", "createRuntime"),
        ] {
            let expected =
                format!("the field '{name}' would be '{field}' for some runtimes; correct it");
            assert_eq!(told(config), Some(expected));
        }
    }

    #[test]
    fn other_names_are_nobodys_business() {
        assert_eq!(told(json!({"hooks": {}, "x": {"Y": 1}, "annotations": {"Path": "p"}})), None);
    }
}

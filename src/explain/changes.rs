//! What one config.json has that another has not, by the paths of its values.
#![forbid(unsafe_code)]

use serde::Serialize;
use serde_json::Value;

/// A value that was added, removed, or replaced.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// Where it stands, as in `process.rlimits[0]`; in the old file if it was removed.
    pub path: String,
    /// The old value; none if it was added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// The new value; none if it was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// What makes `new` of `old`. Objects are looked into. Of lists of objects (mounts, limits,
/// namespaces) the entries that only one has are told, so an entry that was edited is one
/// removed and one added; other lists are replaced as a whole.
pub fn between(old: &Value, new: &Value) -> Vec<Change> {
    let mut changes = Vec::new();
    compare("", Some(old), Some(new), &mut changes);
    changes
}

fn compare(path: &str, old: Option<&Value>, new: Option<&Value>, changes: &mut Vec<Change>) {
    match (old, new) {
        (old, new) if old == new => {}
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let added = new.keys().filter(|key| !old.contains_key(*key));
            for key in old.keys().chain(added) {
                let dot = if path.is_empty() { "" } else { "." };
                compare(&format!("{path}{dot}{key}"), old.get(key), new.get(key), changes);
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) if of_objects(old, new) => {
            let entry =
                |(index, value): (usize, &Value)| (format!("{path}[{index}]"), value.clone());
            changes.extend(only_in(old, new).map(entry).map(|(path, value)| Change {
                path,
                before: Some(value),
                after: None,
            }));
            changes.extend(only_in(new, old).map(entry).map(|(path, value)| Change {
                path,
                before: None,
                after: Some(value),
            }));
        }
        (old, new) => changes.push(Change {
            path: path.to_owned(),
            before: old.cloned(),
            after: new.cloned(),
        }),
    }
}

fn of_objects(old: &[Value], new: &[Value]) -> bool {
    old.iter().chain(new).all(Value::is_object)
}

/// The entries of a list that another has not, or not as often, with their places.
fn only_in<'a>(list: &'a [Value], other: &'a [Value]) -> impl Iterator<Item = (usize, &'a Value)> {
    let mut others: Vec<_> = other.iter().collect();
    list.iter().enumerate().filter(move |(_, value)| {
        let found = others.iter().position(|other| other == value);
        found.map(|place| others.swap_remove(place)).is_none()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(old: &Value, new: &Value) -> Vec<String> {
        let side = |value: &Option<Value>| value.as_ref().map(Value::to_string).unwrap_or_default();
        let changes = between(old, new);
        changes
            .iter()
            .map(|it| format!("{}: {} -> {}", it.path, side(&it.before), side(&it.after)))
            .collect()
    }

    #[test]
    fn what_is_the_same_is_no_change() {
        let config = json!({"a": {"b": [1, {"c": null}]}});
        assert_eq!(told(&config, &config), [""; 0]);
    }

    #[test]
    fn values_are_named_by_their_paths() {
        let old = json!({"process": {"args": ["sh"], "terminal": true}, "hostname": "x"});
        let new = json!({"process": {"args": ["id", "-u"], "terminal": true, "cwd": "/"}});
        assert_eq!(
            told(&old, &new),
            [
                r#"process.args: ["sh"] -> ["id","-u"]"#,
                r#"process.cwd:  -> "/""#,
                r#"hostname: "x" -> "#
            ]
        );
    }

    #[test]
    fn of_lists_of_objects_only_the_entries_that_differ_are_told() {
        let old = json!({"mounts": [{"d": "/a"}, {"d": "/a"}, {"d": "/sys", "t": 1}]});
        let new = json!({"mounts": [{"d": "/new"}, {"d": "/a"}, {"d": "/sys", "t": 2}]});
        assert_eq!(
            told(&old, &new),
            [
                r#"mounts[1]: {"d":"/a"} -> "#,
                r#"mounts[2]: {"d":"/sys","t":1} -> "#,
                r#"mounts[0]:  -> {"d":"/new"}"#,
                r#"mounts[2]:  -> {"d":"/sys","t":2}"#
            ]
        );
    }

    #[test]
    fn a_value_of_another_type_is_replaced_as_a_whole() {
        let change = told(&json!({"hooks": {"a": []}}), &json!({"hooks": null}));
        assert_eq!(change, [r#"hooks: {"a":[]} -> null"#]);
    }
}

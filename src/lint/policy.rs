//! What the site's rules say to a bundle. They stop at the first thing that is not
//! allowed, so each part is held against them alone.
#![forbid(unsafe_code)]

use serde_json::{Value, json};

use super::{
    finding::Findings,
    pointer::{escaped, unescaped},
};
use crate::{
    bundle::{Bundle, BundleError, Object, policy},
    config::Config,
};

pub(super) fn findings(bundle: &Bundle, site: &Config) -> Findings {
    let mut findings = Findings::default();
    let only_root = Bundle { config: Object::new(), ..bundle.clone() };
    judge(&mut findings, "/root/path", only_root, site);
    for part in parts(&bundle.config) {
        // With a root file system that every site allows.
        let (dir, rootfs) = (bundle.dir.clone(), bundle.dir.clone());
        let config = alone(&bundle.config, &part);
        judge(&mut findings, &meant(&part), Bundle { dir, config, rootfs }, site);
    }
    findings
}

fn judge(findings: &mut Findings, at: &str, mut part: Bundle, site: &Config) {
    match policy::apply(&site.policy, &site.disable_hooks, &mut part) {
        Ok(notes) => notes.into_iter().for_each(|note| {
            findings.warning(at, note);
        }),
        Err(BundleError::Refused { cause, .. }) => {
            findings.error(at, cause);
        }
        Err(_) => {}
    }
}

/// Pointers to what is allowed or not by itself.
fn parts(config: &Object) -> Vec<String> {
    let of = |(name, value): (&String, &Value)| {
        let at = format!("/{}", escaped(name));
        match (name.as_str(), value) {
            ("mounts", list) => elements(at, list),
            ("hooks", Value::Object(kinds)) => fields(&at, kinds)
                .into_iter()
                .flat_map(|(_, at, hooks)| elements(at, hooks))
                .collect(),
            ("linux", Value::Object(linux)) => fields(&at, linux)
                .into_iter()
                .flat_map(|(name, at, value)| match name {
                    "devices" => elements(at, value),
                    _ => vec![at],
                })
                .collect(),
            _ => vec![at],
        }
    };
    config.iter().flat_map(of).collect()
}

fn fields<'a>(at: &str, object: &'a Object) -> Vec<(&'a str, String, &'a Value)> {
    let pointer = |name: &str| format!("{at}/{}", escaped(name));
    object.iter().map(|(name, value)| (name.as_str(), pointer(name), value)).collect()
}

/// Those of an array; anything else as it is, since the rules have a word about it too.
fn elements(at: String, list: &Value) -> Vec<String> {
    match list.as_array().map(Vec::len) {
        None | Some(0) => vec![at],
        Some(count) => (0..count).map(|index| format!("{at}/{index}")).collect(),
    }
}

/// The field of a part that the rules are about.
fn meant(part: &str) -> String {
    match part.split('/').nth(1) {
        Some("mounts") => format!("{part}/source"),
        Some("hooks" | "linux") => format!("{part}/path"),
        Some("process") => format!("{part}/capabilities"),
        _ => part.to_owned(),
    }
}

/// A config.json with nothing but this part.
fn alone(config: &Object, part: &str) -> Object {
    let names: Vec<_> = part.split('/').skip(1).map(unescaped).collect();
    let mut value = config.get(&names[0]).cloned().unwrap_or_default();
    value = within(&value, &names[1..]);
    Object::from_iter([(names[0].clone(), value)])
}

fn within(value: &Value, names: &[String]) -> Value {
    let Some((name, rest)) = names.split_first() else { return value.clone() };
    match value {
        Value::Object(object) => {
            json!({name: within(object.get(name).unwrap_or(&Value::Null), rest)})
        }
        Value::Array(list) => {
            let element = name.parse::<usize>().ok().and_then(|index| list.get(index));
            json!([within(element.unwrap_or(&Value::Null), rest)])
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_stands_alone() {
        let config = json!({"a/b": 1, "mounts": [1, 2], "hooks": {"x": [3], "y": {}},
            "linux": {"devices": [4], "resources": {"r": 5}}});
        let config = config.as_object().unwrap();
        let parts = parts(config);
        let all: Vec<_> =
            parts.iter().map(|part| Value::Object(alone(config, part)).to_string()).collect();
        assert_eq!(
            all,
            [
                r#"{"a/b":1}"#,
                r#"{"mounts":[1]}"#,
                r#"{"mounts":[2]}"#,
                r#"{"hooks":{"x":[3]}}"#,
                r#"{"hooks":{"y":{}}}"#,
                r#"{"linux":{"devices":[4]}}"#,
                r#"{"linux":{"resources":{"r":5}}}"#,
            ]
        );
    }
}

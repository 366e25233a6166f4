//! Where in a JSON text the value is that a JSON pointer (RFC 6901) names.
#![forbid(unsafe_code)]

use std::{fmt, ops::Range};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// Bytes of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The name of the value, with its quotes; `None` for the whole and in arrays.
    pub name: Option<Range<usize>>,
    /// The value.
    pub value: Range<usize>,
}

/// The value a pointer names in a valid JSON text, if it is there. Of fields with the
/// same name the last one counts, as for serde_json and the runtimes.
pub fn find(text: &str, pointer: &str) -> Option<Spot> {
    let whole: &RawValue = serde_json::from_str(text).ok()?;
    let mut spot = Spot { name: None, value: span(text, whole) };
    for token in pointer.split('/').skip(1) {
        let inside = text.get(spot.value)?;
        spot = match inside.starts_with('{') {
            true => member(text, inside, &unescaped(token))?,
            false => element(text, inside, token.parse().ok()?)?,
        };
    }
    Some(spot)
}

/// A name as a part of a pointer.
pub fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// The name that a part of a pointer stands for.
pub fn unescaped(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}

fn element(text: &str, array: &str, index: usize) -> Option<Spot> {
    let elements: Vec<&RawValue> = serde_json::from_str(array).ok()?;
    Some(Spot { name: None, value: span(text, elements.get(index)?) })
}

fn member(text: &str, object: &str, name: &str) -> Option<Spot> {
    let Members(members) = serde_json::from_str(object).ok()?;
    let is_meant = |raw: &RawValue| {
        serde_json::from_str::<String>(raw.get()).is_ok_and(|decoded| decoded == name)
    };
    let (name, value) = members.into_iter().rev().find(|(name, _)| is_meant(name))?;
    Some(Spot { name: Some(span(text, name)), value: span(text, value) })
}

/// A raw value is a part of the text it was read from.
fn span(text: &str, raw: &RawValue) -> Range<usize> {
    let start = raw.get().as_ptr().addr() - text.as_ptr().addr();
    start..start + raw.get().len()
}

/// The fields of an object in their order.
struct Members<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields).map(Self)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Vec<(&'de RawValue, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::{prelude::*, test_runner::TestRunner};
    use serde_json::Value;

    fn found<'a>(text: &'a str, pointer: &str) -> Option<&'a str> {
        find(text, pointer).map(|spot| &text[spot.value])
    }

    #[test]
    fn a_value_is_found_with_its_name() {
        let text = r#" {"a": [1, {"b/~é": "x"}], "a\u0062": null} "#;
        let spot = find(text, "/a/1/b~1~0é").unwrap();
        assert_eq!((&text[spot.name.unwrap()], &text[spot.value]), ("\"b/~é\"", "\"x\""));
        assert_eq!(found(text, ""), Some(text.trim()));
        assert_eq!(found(text, "/ab"), Some("null"));
        for missing in ["/b", "/a/2", "/a/x", "/a/0/x", "/ab/x"] {
            assert_eq!(found(text, missing), None, "{missing}");
        }
    }

    #[test]
    fn the_last_of_two_fields_counts() {
        let text = r#"{"a": 1, "a": 2}"#;
        assert_eq!(found(text, "/a"), Some("2"));
        assert_eq!(serde_json::from_str::<Value>(text).unwrap()["a"], 2);
    }

    /// Any JSON.
    pub(in crate::lint) fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a\"\\\\/~é\n\u{1F600}]{0,4}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 30, 4, |inner| {
            let name = "[ab/~\"\\\\é]{0,2}";
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map(name, inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// The pointers to a value and to all in it.
    fn pointers(value: &Value, to_it: String, all: &mut Vec<String>) {
        match value {
            Value::Object(map) => map.iter().for_each(|(name, value)| {
                pointers(value, format!("{to_it}/{}", escaped(name)), all);
            }),
            Value::Array(list) => list.iter().enumerate().for_each(|(index, value)| {
                pointers(value, format!("{to_it}/{index}"), all);
            }),
            _ => {}
        }
        all.push(to_it);
    }

    #[test]
    fn what_is_found_is_what_serde_json_finds() {
        let result =
            TestRunner::deterministic().run(&(any_value(), any::<bool>()), |(value, pretty)| {
                let text = match pretty {
                    true => serde_json::to_string_pretty(&value).unwrap(),
                    false => value.to_string(),
                };
                let mut all = Vec::new();
                pointers(&value, String::new(), &mut all);
                for pointer in all {
                    let spot = find(&text, &pointer).unwrap();
                    let found: Value = serde_json::from_str(&text[spot.value]).unwrap();
                    prop_assert_eq!(Some(&found), value.pointer(&pointer));
                }
                Ok(())
            });
        result.unwrap();
    }
}

//! What stands in config.json.

use std::{fs, path::Path};

use serde_json::{Value, json};

use super::{Output, among_others, refused};
use crate::{
    bundles::Variant,
    cluster::{ALICE, BOB},
    leftovers::Marker,
};

/// What alice is told about this text.
fn told(case: &str, bundle: &Variant, text: &[u8]) -> Output {
    fs::write(Path::new(&bundle.path()).join("config.json"), text).unwrap();
    refused(case, &bundle.path())
}

/// The rest of the task's one line.
fn assert_told(case: &str, text: &[u8], expected: &str) {
    let bundle = Variant::new("case", |_| {});
    let output = told(case, &bundle, text);
    let file = format!("'{}/config.json'", bundle.path());
    let expected = format!("spank-oci: n1: task 0: {}", expected.replace("FILE", &file));
    assert_eq!(output.messages(), [expected], "{case}: {}", output.story());
    assert_eq!(output.status, 125);
}

#[test]
fn a_config_json_that_is_no_json_or_too_much_of_it() {
    among_others(|| {
        let deep = [vec![b'['; 10_000], vec![b']'; 10_000]].concat();
        let large = [b"{\"x\": \"", vec![b'x'; 50 << 20].as_slice()].concat();
        let cases: [(&str, &[u8], &str); 6] = [
            ("empty", b"", "FILE is not valid JSON: EOF while parsing a value at line 1 column 0"),
            (
                "cut",
                b"{\"process\": {",
                "FILE is not valid JSON: EOF while parsing an object at line 1 column 13",
            ),
            (
                "invalid UTF-8",
                b"{\"hostname\": \"\xff\"}",
                "FILE is not valid JSON: invalid unicode code point at line 1 column 15",
            ),
            (
                "deep",
                &deep,
                "FILE is not valid JSON: recursion limit exceeded at line 1 column 128",
            ),
            (
                "50 MB that are cut",
                &large,
                "FILE is not valid JSON: EOF while parsing a string at line 1 column 52428807",
            ),
            ("no object", b"[]", "in FILE: 'the whole' must be an object, not an array"),
        ];
        for (case, text, expected) in cases {
            assert_told(case, text, expected);
        }
    });
}

#[test]
fn a_field_that_is_used_and_has_another_type() {
    let cases = [
        (json!({"root": []}), "'root' must be an object, not an array"),
        (json!({"root": {"path": 1}}), "'root.path' must be a string, not a number"),
        (json!({"root": {"path": null}}), "'root.path' must be a string, not null"),
        (json!({"process": "x"}), "'process' must be an object, not a string"),
        (json!({"process": {"env": {}}}), "'process.env' must be an array, not an object"),
        (
            json!({"process": {"env": ["A=b", true]}}),
            "'an entry of process.env' must be a string, not a boolean",
        ),
        (json!({"mounts": {}}), "'mounts' must be an array, not an object"),
        (json!({"mounts": [[]]}), "'an entry of mounts' must be an object, not an array"),
        (json!({"hooks": []}), "'hooks' must be an object, not an array"),
    ];
    among_others(|| {
        for (config, expected) in &cases {
            let text = config.to_string();
            assert_told(&text, text.as_bytes(), &format!("in FILE: {expected}"));
        }
    });
}

/// Fields that are changed or left out where they can be, and the runtime's to judge.
const OTHERS: [&str; 18] = [
    "/root/readonly",
    "/process/cwd",
    "/process/user",
    "/process/user/uid",
    "/process/rlimits",
    "/process/rlimits/0",
    "/process/capabilities",
    "/process/capabilities/bounding",
    "/mounts/0/destination",
    "/mounts/0/options",
    "/mounts/0/source",
    "/linux",
    "/linux/namespaces",
    "/linux/namespaces/0/type",
    "/linux/uidMappings",
    "/linux/uidMappings/0/hostID",
    "/hooks/prestart",
    "/annotations",
];

/// Neither a task on the host nor a panic, whatever becomes of the container.
fn assert_not_on_the_host(case: &str, bundle: &str) {
    let output = ALICE.srun_in(bundle, &["touch", &Marker::path()]);
    Marker::assert_absent(&format!("{case}: {}", output.story()));
    assert!(!output.stderr.contains("panicked"), "{case}: {}", output.story());
    // In the container there is no such directory, and a bundle that is refused is told.
    assert!(output.status != 0 && !output.messages().is_empty(), "{case}: {}", output.story());
}

fn with(pointer: &str, value: &Value) -> Variant {
    Variant::new("case", |config| {
        config["hooks"] = json!({"prestart": []});
        config["annotations"] = json!({"a": "b"});
        config["mounts"][0]["options"] = json!(["nosuid"]);
        config["process"]["rlimits"] = json!([{"type": "RLIMIT_CORE", "hard": 0, "soft": 0}]);
        *config.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}")) = value.clone();
    })
}

#[test]
fn any_other_field_with_any_other_type_or_a_number_out_of_range() {
    among_others(|| {
        let vast: Value = serde_json::from_str("1e999").unwrap();
        for (index, field) in OTHERS.into_iter().enumerate() {
            let values = [json!(-1), json!("/dev"), json!([null]), json!({"x": {}}), json!(true)];
            // Two of them each: all with all would take minutes.
            for value in [&values[index % 5], &values[(index + 2) % 5], &vast] {
                assert_not_on_the_host(&format!("{field} {value}"), &with(field, value).path());
            }
        }
        for (field, number) in [
            ("/process/rlimits/0/hard", "99999999999999999999999"),
            ("/process/rlimits/0/soft", "-1"),
            ("/process/user/uid", "4294967296"),
            ("/linux/uidMappings/0/size", "18446744073709551616"),
        ] {
            let number = serde_json::from_str(number).unwrap();
            assert_not_on_the_host(&format!("{field} {number}"), &with(field, &number).path());
        }
        assert_eq!(BOB.srun(&["-wn1", "echo", "fine"]).text(), "fine\n");
    });
}

#[test]
fn a_config_json_of_50_mb_is_only_a_large_one() {
    among_others(|| {
        let bundle = Variant::new("case", |config| {
            config["annotations"] = json!({"large": "x".repeat(50 << 20)});
        });
        let output = ALICE.srun_in(&bundle.path(), &["cat", "/etc/os-release"]);
        assert!(output.text().contains("busybox"), "{}", output.story());
    });
}

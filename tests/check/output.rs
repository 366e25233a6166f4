//! The forms of the answer, and exit statuses.

use std::{fs, process::Command};

use serde_json::{Value, json};

use crate::user::{Place, changed};

const SITE: &str = "RunTimeRun=\"true %b\"\nRunTimeKill=true\nRunTimeDelete=true\n";

/// A place with a good configuration and one with a warning.
fn place() -> Place {
    let place = Place::new();
    fs::write(place.path("good.conf"), SITE).unwrap();
    fs::write(place.path("odd.conf"), format!("{SITE}SrunPath=/x\n")).unwrap();
    place
}

#[test]
fn a_warning_is_a_mistake_for_those_who_are_strict() {
    let place = place();
    let status = |arguments: &[&str]| place.check(arguments).1;
    assert_eq!(status(&["--conf", "odd.conf"]), 0);
    assert_eq!(status(&["--conf", "odd.conf", "--strict"]), 1);
    assert_eq!(status(&["--conf", "good.conf", "--strict", "bundle"]), 0);
    assert_eq!(status(&["--conf", "odd.conf", "--strict", "nowhere"]), 2);
    let terminal = changed(&place, &json!({"/process/terminal": true}));
    place.write("bundle/config.json", &terminal);
    assert_eq!(status(&["--conf", "good.conf", "--strict", "bundle"]), 0);
}

#[test]
fn json_has_an_object_for_each_mistake() {
    let place = place();
    let mount =
        json!({"destination": "/m", "type": "none", "source": "/no/such", "options": ["bind"]});
    place.write("bundle/config.json", &changed(&place, &json!({"/mounts/-": mount})));
    let (text, status) =
        place.check(&["--conf", "odd.conf", "--format", "json", "bundle", "nowhere"]);
    let told: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        told,
        json!([
            {"file": "odd.conf", "severity": "warning", "line": 4, "column": 1, "length": 8,
             "message": "'SrunPath' is unused by spank-oci", "hint": "it is for Slurm's scrun; the line can be removed"},
            {"file": "bundle/config.json", "severity": "error", "line": 119, "column": 17, "length": 10,
             "message": "cannot mount '/no/such': no such file or directory", "hint": "it must be on every node of the step"},
            {"file": "nowhere/config.json", "severity": "error", "line": null, "column": null, "length": null,
             "message": "cannot be read: no such file or directory", "hint": "the bundle must be on every node of the step"},
        ])
    );
    assert_eq!(status, 2);
}

#[test]
fn json_of_what_is_clean_or_cannot_be_read_is_json() {
    let place = place();
    assert_eq!(place.check(&["--conf", "good.conf", "--format=json"]), ("[]\n".into(), 0));
    let (text, status) = place.check(&["--conf", "none.conf", "--format=json"]);
    let told: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (told[0]["severity"].as_str(), told[0]["file"].as_str(), status),
        (Some("error"), Some("none.conf"), 2)
    );
}

#[test]
fn colours_are_for_terminals() {
    let place = place();
    let shown = |environment: (&str, &str)| {
        let mut command = place.program();
        let output = command
            .args(["check", "--conf", "odd.conf"])
            .env(environment.0, environment.1)
            .output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    let plain = shown(("NO_COLOR", "1"));
    let coloured = shown(("CLICOLOR_FORCE", "1"));
    assert!(!plain.contains('\u{1b}'), "{plain}");
    assert!(
        coloured.contains("\u{1b}[33mwarning:\u{1b}[0m")
            || coloured.contains("\u{1b}[1m\u{1b}[33mwarning:\u{1b}[0m"),
        "{coloured:?}"
    );
    assert!(coloured.contains("\u{1b}[2mhint: "), "{coloured:?}");
}

#[test]
fn bundles_that_are_none_are_told_apart() {
    let place = place();
    place.directory("empty");
    let told = |bundle: &str| {
        let (text, status) = place.check(&["--conf", "good.conf", bundle]);
        assert_eq!(status, 2, "{text}");
        text.strip_prefix("oci.conf: no mistakes\n\n")
            .or(text.strip_prefix("good.conf: no mistakes\n\n"))
            .unwrap()
            .lines()
            .take(3)
            .map(|line| line.to_owned() + "\n")
            .collect::<String>()
    };
    let expected = |name: &str, cause: &str, hint: &str| {
        format!("{name}/config.json: error: cannot be read: {cause}\n  hint: {hint}\n\n")
    };
    let none = "no such file or directory";
    assert_eq!(
        told("nowhere"),
        expected("nowhere", none, "the bundle must be on every node of the step")
    );
    assert_eq!(
        told("empty"),
        expected("empty", none, "a bundle is a directory with a config.json and a rootfs")
    );
    assert_eq!(
        told("good.conf"),
        expected("good.conf", "not a directory", "a bundle is a directory, not a file")
    );
    fs::create_dir(place.path("closed")).unwrap();
    fs::set_permissions(place.path("closed"), std::os::unix::fs::PermissionsExt::from_mode(0o700))
        .unwrap();
    assert_eq!(
        told("closed"),
        expected(
            "closed",
            "permission denied",
            "every directory above it needs x for the user, the file r"
        )
    );
}

#[test]
fn broken_json_is_shown_where_it_breaks() {
    let place = place();
    let told = |text: &str| {
        place.write("bundle/config.json", text);
        place.check(&["--conf", "good.conf", "bundle"]).0
    };
    let shown = |told: &str| {
        format!(
            "good.conf: no mistakes\n\nbundle/config.json:{told}\n\nbundle: 1 error, 0 warnings\n"
        )
    };
    assert_eq!(
        told("{\n\t\"é\": {,}\n}\n"),
        shown("2:8: error: not valid JSON: key must be a string\n      \"é\": {,}\n            ^")
    );
    assert_eq!(
        told("{\"a\": 1"),
        shown("1:7: error: not valid JSON: EOF while parsing an object\n  {\"a\": 1\n        ^")
    );
    assert_eq!(
        told("[]"),
        shown("1:1: error: the whole must be an object\n  []\n  ^\n  hint: write: { … }")
    );
    assert!(told("").contains("config.json:1:1: error: not valid JSON: EOF while parsing a value"));
}

#[test]
fn root_is_told_that_users_are_bound_by_more() {
    let place = place();
    let output = Command::new(place.path("spank-oci"))
        .args(["check", "--conf", "good.conf", "bundle"])
        .current_dir(place.path(""))
        .output();
    let text = String::from_utf8(output.unwrap().stdout).unwrap();
    let note = "bundle/config.json: note: checked for root, who may do what users may not\n  hint: run: sudo -u USER spank-oci check bundle\n";
    assert!(text.contains(note), "{text}");
}

#[test]
fn help_has_examples() {
    let (text, status) = place().check(&["--help"]);
    assert_eq!(status, 0);
    assert!(
        text.contains("Exit status:") && text.contains("spank-oci check ~/bundles/*"),
        "{text}"
    );
}

//! What `spank-oci explain` tells is what the helper then does: the commands that a
//! recording runtime was given, and the config.json that it found.

use std::fs;

use serde_json::Value;

use crate::host::{Host, Kind, Site};

/// What a shell, or a runtime that splits words, would spoil.
const COMMAND: [&str; 6] = ["echo", "it's", "$(id)", "", "two\nlines", "é"];

const RUN: &str = "RunTimeRun=\"@RUNTIME@ run --bundle %b %n.%j.%s.%t\"\n";
const CREATE_START: &str = "RunTimeCreate=\"@RUNTIME@ create --bundle %b %n.%j.%s.%t\"\n\
    RunTimeQuery=\"@RUNTIME@ state %n.%j.%s.%t\"\n\
    RunTimeStart=\"@RUNTIME@ start %n.%j.%s.%t\"\n";
const END: &str = "RunTimeKill=\"@RUNTIME@ kill %n.%j.%s.%t\"\n\
    RunTimeDelete=\"@RUNTIME@ delete %r %m %n.%j.%s.%t\"\n\
    EnvExclude=\"^SECRET\"\nMountSpoolDir=/tmp/spool\n";

fn explained(host: &Host) -> Value {
    let path = |name: &str| host.path(name).display().to_string();
    let options = [
        "explain".to_owned(),
        format!("--bundle={}", path("bundle")),
        format!("--conf={}", path("oci.conf")),
        format!("--state={}", path("state")),
        "--format=json".to_owned(),
        // As the mock has no such plugin loaded.
        "--proctrack=linuxproc".to_owned(),
        "--".to_owned(),
    ];
    // In a task on the host, whose environment is the one of a task in a container.
    let program = path("spank-oci");
    let words = [program].into_iter().chain(options);
    let words: Vec<_> = words.chain(COMMAND.map(str::to_owned)).collect();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let output = host.on_host(&words).variable("SECRET", "x").run();
    assert_eq!((output.stderr.as_str(), output.status), ("", Some(0)));
    serde_json::from_str(&output.stdout).unwrap()
}

/// Keys of oci.conf, in the order of the commands that were executed, with their words.
fn done(host: &Host, status: i32) -> Vec<String> {
    fs::write(host.path("runtimes/record/status"), status.to_string()).unwrap();
    let output = host.in_container(&COMMAND).by_our_option().variable("SECRET", "x").run();
    assert_eq!((output.stderr.as_str(), output.status), ("", Some(status)));
    let words = host.path("runtimes/record/words");
    let recorded = fs::read_to_string(&words).unwrap();
    fs::remove_file(words).unwrap();
    recorded.split_terminator("\0\n").map(str::to_owned).collect()
}

fn told(explained: &Value, keys: &[&str]) -> Vec<String> {
    let commands = explained["commands"].as_array().unwrap();
    let words = |key: &&str| {
        let command = commands.iter().find(|command| command["operation"] == *key).unwrap();
        let words = command["words"].as_array().unwrap().iter().skip(1);
        let words: Vec<_> = words.map(|word| word.as_str().unwrap()).collect();
        words.join("\0")
    };
    keys.iter().map(words).collect()
}

/// The config.json that was told, without the variables that the mock does not set.
fn told_config(explained: &Value) -> Value {
    let text = explained["files"][0]["content"].as_str().unwrap();
    let mut config: Value = serde_json::from_str(text).unwrap();
    let assumed = explained["assumed"].as_array().unwrap();
    let variables = config["process"]["env"].as_array_mut().unwrap();
    variables.retain(|variable| !assumed.contains(variable));
    config
}

/// A host whose runtime, of this name, only records.
fn host(start: &str, name: &str) -> Host {
    let text = format!("{start}{END}").replace("@RUNTIME@", &format!("@ROOT@/{name}"));
    let host = Host::new(Kind::Prepends, Site::from_text(&text));
    fs::copy("tests/mock/recording-runtime", host.path("runtimes").join(name)).unwrap();
    fs::create_dir(host.path("runtimes/record")).unwrap();
    host.give_to_user(&host.path("runtimes/record"));
    host
}

fn assert_as_told(start: &str, name: &str, cases: &[(i32, &[&str])]) {
    let host = host(start, name);
    let explained = explained(&host);
    assert!(!host.path("runtimes/record/words").exists(), "explain has executed the runtime");
    for (status, keys) in cases {
        assert_eq!(done(&host, *status), told(&explained, keys), "exit status {status}");
    }
    let written = fs::read(host.path("runtimes/record/config.json")).unwrap();
    let written: Value = serde_json::from_slice(&written).unwrap();
    assert_eq!(written, told_config(&explained));
    assert!(!written.to_string().contains("SECRET"), "{written}");
    let spool = &explained["cleanup"]["record"].as_str().unwrap();
    assert!(spool.starts_with(&host.path("state").display().to_string()), "{spool}");
}

#[test]
fn what_is_explained_is_done_by_one_command_that_runs_the_container() {
    assert_as_told(
        RUN,
        "recording-runtime",
        &[
            (0, &["RunTimeRun"]),
            (7, &["RunTimeRun", "RunTimeDelete"]),
            (137, &["RunTimeRun", "RunTimeKill", "RunTimeDelete"]),
        ],
    );
}

#[test]
fn what_is_explained_is_done_by_one_command_that_leaves_the_container_to_the_helper() {
    let ended = &["RunTimeRun", "RunTimeDelete"];
    assert_as_told(RUN, "crun", &[(0, ended), (7, ended), (137, ended)]);
}

#[test]
fn what_is_explained_is_done_by_commands_that_create_and_start() {
    let created = &["RunTimeCreate", "RunTimeQuery", "RunTimeStart", "RunTimeDelete"];
    assert_as_told(CREATE_START, "recording-runtime", &[(0, created), (7, created)]);
}

#[test]
fn what_is_explained_is_done_by_commands_that_create_and_start_without_a_question() {
    let created = &["RunTimeCreate", "RunTimeStart", "RunTimeDelete"];
    assert_as_told(CREATE_START, "crun", &[(0, created), (7, created)]);
}

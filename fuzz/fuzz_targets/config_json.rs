//! A user's config.json, held against a site's rules and made ready for the user's
//! runtime: what is written can be read again, has the task's command, asks for nothing
//! that the site does not allow, and keeps every field that nobody edits.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};
use spank_oci::{
    bundle::{
        Bundle,
        edit::{Edit, WindowSize, edited, script_place},
        policy,
        read::parse,
        rootless::Rootless,
    },
    config::Policy,
};

/// What the edit may change.
const EDITED: [&str; 7] = ["root", "mounts", "process", "hooks", "linux", "hostname", "domainname"];
const ALLOWED: &str = "CAP_KILL";

fuzz_target!(|text: &[u8]| {
    let Ok(config) = parse(Path::new("/b/config.json"), text) else { return };
    let mut bundle = Bundle::new("/b".into(), config);
    bundle.env();
    written(&bundle);
    if policy::apply(&rules(), &["prestart".into()], &mut bundle).is_ok() {
        let config = written(&bundle);
        let asked = capabilities(&config);
        assert!(asked.iter().all(|name| name == ALLOWED), "{asked:?}");
        assert!(config.get("annotations").and_then(Value::as_object).is_none_or(Map::is_empty));
        assert!(config.get("hooks").is_none_or(|hooks| hooks.get("prestart").is_none()));
    }
});

/// A site that allows next to nothing.
fn rules() -> Policy {
    Policy {
        hooks: Some(vec![]),
        devices: Some(vec![]),
        mounts: Some(vec![]),
        capabilities: Some(vec![ALLOWED.into()]),
        annotations: Some(vec![]),
    }
}

fn capabilities(config: &Map<String, Value>) -> Vec<Value> {
    let sets = config["process"].get("capabilities").and_then(Value::as_object);
    let lists = sets.into_iter().flat_map(Map::values).filter_map(Value::as_array);
    lists.flatten().cloned().collect()
}

/// The config.json of a task, as its runtime reads it.
fn written(bundle: &Bundle) -> Map<String, Value> {
    let edit = Edit {
        args: vec!["command".into(), "argument".into()],
        env: vec!["A=b".into()],
        terminal: Some(WindowSize { height: 24, width: 80 }),
        script: Some(script_place(&bundle.config, Some("/in"))),
        spool: Some(("/spool".into(), "/in".into())),
        disable_hooks: vec!["prestart".into()],
        open_files: Some((1, 2)),
        underlay: Some(("/own".into(), vec![("/b/rootfs/etc".into(), "/etc".into())])),
        rootless: Some(Rootless { uid: 1, gid: 2, limits: vec![("RLIMIT_CORE", 0)] }),
        cgroups_path: Some("/group".into()),
    };
    let text = Value::Object(edited(bundle.clone(), edit).0).to_string();
    let read = parse(Path::new("/b/config.json"), text.as_bytes()).expect("it can be read");
    assert_eq!(read["process"]["args"][1], "argument");
    for (key, value) in bundle.config.iter().filter(|(key, _)| !EDITED.contains(&key.as_str())) {
        assert_eq!(&read[key], value);
    }
    read
}

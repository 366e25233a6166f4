//! Rules that depend on more than an ordinary user's machine: tests/check has the others,
//! on real ones.

use std::path::PathBuf;

use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Value, json};

use super::*;
use crate::bundle::{Object, rootless::Rootless};

/// alice, who may map others, on a machine without anything of the bundle.
fn case() -> Case {
    let user = Rootless { uid: 1000, gid: 100, limits: vec![("RLIMIT_NOFILE", 4096)] };
    let subordinate = Some(vec![(100_000, 65_536)]);
    let facts = Facts {
        user,
        subordinate_uids: subordinate.clone(),
        subordinate_gids: subordinate,
        can_map: true,
        ..Facts::default()
    };
    Case { runtime: Runtime::Unknown, privileged: false, no_new_privileges: false, facts }
}

/// A config.json that is as it should be, with something more.
fn with(more: Value) -> Object {
    let mut config = json!({"ociVersion": "1.0.2", "process": {"args": ["sh"]}, "linux": {
        "namespaces": [{"type": "user"}, {"type": "mount"}, {"type": "uts"}],
        "uidMappings": [{"containerID": 0, "hostID": 1000, "size": 1}],
        "gidMappings": [{"containerID": 0, "hostID": 100, "size": 1}],
    }});
    for (pointer, value) in more.as_object().unwrap() {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        config.pointer_mut(parent).unwrap()[name] = value.clone();
    }
    config.as_object().unwrap().clone()
}

fn told(config: Object, case: &Case) -> Vec<(String, Severity, String)> {
    let bundle = Bundle { dir: "/b".into(), config, rootfs: PathBuf::from("/b/rootfs") };
    let found = findings(&bundle, case).into_sorted();
    found.into_iter().map(|it| (it.at, it.severity, it.message)).collect()
}

fn mapped(host: u64, size: u64) -> Object {
    let others = json!([{"containerID": 0, "hostID": 1000, "size": 1}, {"containerID": 1, "hostID": host, "size": size}]);
    with(json!({"/linux/uidMappings": others}))
}

#[test]
fn ids_that_are_the_users_may_be_mapped() {
    assert_eq!(told(with(json!({})), &case()), []);
    assert_eq!(told(mapped(100_000, 65_536), &case()), []);
    assert_eq!(told(mapped(165_535, 1), &case()), []);
}

#[test]
fn ids_beyond_the_users_may_not() {
    for (host, size) in [(99_999, 2), (100_000, 65_537), (u64::MAX, u64::MAX)] {
        let told = told(mapped(host, size), &case());
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0].0, "/linux/uidMappings/1/hostID");
        assert!(told[0].2.ends_with("of the host are not yours to map"), "{told:?}");
    }
}

#[test]
fn where_another_source_than_the_file_decides_nothing_is_said_of_ids() {
    let mut case = case();
    case.facts.subordinate_uids = None;
    assert_eq!(told(mapped(5, 5), &case), []);
}

#[test]
fn without_newuidmap_only_the_user_is_mapped() {
    let mut case = case();
    case.facts.can_map = false;
    assert_eq!(told(with(json!({})), &case), []);
    let expected = "newuidmap and newgidmap are missing, which map more than yourself";
    let error = ("/linux/uidMappings".into(), Severity::Error, expected.into());
    assert_eq!(told(mapped(100_000, 65_536), &case), [error]);
}

#[test]
fn a_runtime_with_more_rights_than_the_user_takes_a_bundle_for_root() {
    let for_root = || {
        with(json!({
            "/linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}], "resources": {}},
            "/hostname": "x",
            "/process/user": {"uid": 33, "gid": 33, "additionalGids": [4]},
            "/mounts": [{"destination": "/m", "type": "ext4", "source": "/dev/sda1"}],
        }))
    };
    assert_eq!(told(for_root(), &Case { privileged: true, ..case() }), []);
    let as_user = told(for_root(), &case());
    assert_eq!(as_user.iter().filter(|it| it.1 == Severity::Error).count(), 1, "{as_user:?}");
    assert_eq!(as_user.iter().filter(|it| it.1 == Severity::Note).count(), 3, "{as_user:?}");
}

#[test]
fn what_one_runtime_refuses_is_an_error_where_the_site_has_it() {
    let config = || with(json!({"/process/cwd": "tmp"}));
    let severity = |runtime| told(config(), &Case { runtime, ..case() })[0].1;
    assert_eq!(severity(Runtime::Runc), Severity::Error);
    assert_eq!(severity(Runtime::Crun), Severity::Warning);
    assert_eq!(severity(Runtime::Unknown), Severity::Warning);
}

#[test]
fn limits_are_compared_as_the_helper_lowers_them() {
    let limits = |soft: u64, hard: u64| {
        let limits = json!([{"type": "RLIMIT_NOFILE", "soft": soft, "hard": hard}]);
        let told = told(with(json!({"/process/rlimits": limits})), &case());
        told.into_iter().map(|it| it.1).collect::<Vec<_>>()
    };
    assert_eq!(limits(4096, 4096), []);
    assert_eq!(limits(9000, 8000), [Severity::Note, Severity::Note]);
    assert_eq!(limits(4096, 4095), [Severity::Error]);
}

#[test]
fn of_very_many_mistakes_the_worst_are_told() {
    let env: Vec<_> = (0..300).map(|_| "x").collect();
    let config = with(json!({"/process/env": env, "/process/cwd": 1}));
    let text = Value::Object(config.clone()).to_string();
    let bundle = Bundle { dir: "/b".into(), config, rootfs: PathBuf::from("/b/rootfs") };
    let found = findings(&bundle, &case()).into_sorted();
    let placed = placed(Path::new("config.json"), &text, found);
    assert_eq!(placed.len(), MOST_TOLD);
    assert!(placed.iter().any(|told| told.severity == Severity::Error));
}

#[test]
fn where_nothing_may_gain_rights_only_the_user_is_mapped() {
    let case = Case { no_new_privileges: true, ..case() };
    assert_eq!(told(with(json!({})), &case), []);
    let expected = "oci.conf says NoNewPrivileges, so that nobody can be mapped but yourself";
    let error = ("/linux/uidMappings".into(), Severity::Error, expected.into());
    assert_eq!(told(mapped(100_000, 65_536), &case), [error]);
}

#[test]
fn nothing_is_said_of_who_is_in_a_user_namespace_that_is_joined() {
    let namespaces = json!([{"type": "user", "path": "/proc/1/ns/user"}, {"type": "mount"}]);
    let config = with(json!({"/linux": {"namespaces": namespaces}, "/process/user": {"uid": 33}}));
    assert_eq!(told(config, &case()), []);
}

#[test]
fn security_modules_are_those_of_the_machine() {
    let config = || with(json!({"/process/selinuxLabel": "s0", "/process/apparmorProfile": "p"}));
    let severities: Vec<_> = told(config(), &case()).into_iter().map(|it| it.1).collect();
    assert_eq!(severities, [Severity::Error, Severity::Warning]);
    let mut case = case();
    (case.facts.selinux, case.facts.apparmor) = (true, true);
    assert_eq!(told(config(), &case), []);
}

/// Fields on which some rule depends.
const SPOTS: [&str; 16] = [
    "/root",
    "/root/path",
    "/process",
    "/process/user",
    "/process/user/uid",
    "/process/env",
    "/process/rlimits",
    "/mounts",
    "/mounts/0",
    "/mounts/0/options",
    "/linux",
    "/linux/namespaces",
    "/linux/namespaces/0",
    "/linux/uidMappings",
    "/hooks",
    "/hooks/poststop",
];

#[test]
fn no_config_json_is_too_strange() {
    let seed = json!({
        "root": {"path": "r"}, "process": {"user": {"uid": 0}, "env": [], "rlimits": [{}]},
        "mounts": [{"options": ["bind", "uid=1"], "source": "é"}], "hooks": {"poststop": [{}]},
        "linux": {"namespaces": [{"type": "user"}], "uidMappings": [{"hostID": 1, "size": -1}]},
    });
    let changes =
        proptest::collection::vec((0..SPOTS.len(), super::pointer::tests::any_value()), 1..4);
    let result = TestRunner::deterministic().run(&(changes, any::<bool>()), |(changes, pretty)| {
        let mut config = seed.clone();
        for (spot, value) in changes {
            if let Some(found) = config.pointer_mut(SPOTS[spot]) {
                *found = value;
            }
        }
        let text = match pretty {
            true => serde_json::to_string_pretty(&config).unwrap(),
            false => config.to_string(),
        };
        let config = config.as_object().unwrap().clone();
        let bundle = Bundle::new("/b".into(), config);
        let found = findings(&bundle, &case()).into_sorted();
        for told in placed(Path::new("config.json"), &text, found) {
            let place = told.place.as_ref().map(|place| (place.line, place.source.clone()));
            prop_assert!(
                place.is_none_or(|(line, source)| text.lines().nth(line - 1) == Some(&source))
            );
            prop_assert!(!told.to_string().is_empty());
        }
        Ok(())
    });
    result.unwrap();
}

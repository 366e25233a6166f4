//! The site's rules against config.json files.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
};

use serde_json::json;

use super::*;

/// A bundle in a directory of its own.
fn bundle(config: Value) -> (tempfile::TempDir, Bundle) {
    let keep = tempfile::tempdir().unwrap();
    fs::create_dir(keep.path().join("rootfs")).unwrap();
    let Value::Object(config) = config else { panic!("no object") };
    let bundle = Bundle::new(keep.path().to_owned(), config);
    (keep, bundle)
}

/// What is refused, without the name of the file.
fn refused(policy: &Policy, config: Value) -> Option<String> {
    let (_keep, mut bundle) = bundle(config);
    match apply(policy, &[], &mut bundle) {
        Ok(_) => None,
        Err(BundleError::Refused { cause, .. }) => Some(cause),
        Err(other) => panic!("{other}"),
    }
}

fn mounts(allowed: &[&str]) -> Policy {
    Policy { mounts: Some(allowed.iter().map(PathBuf::from).collect()), ..Policy::default() }
}

#[test]
fn without_rules_everything_stays() {
    let config =
        json!({"hooks": {"prestart": [{"path": "/x"}]}, "annotations": {"a": "b"}, "Hooks": 1});
    let (_keep, mut bundle) = bundle(config.clone());
    assert_eq!(apply(&Policy::default(), &[], &mut bundle).unwrap(), Vec::<String>::new());
    assert_eq!(Value::Object(bundle.config), config);
}

#[test]
fn of_the_host_only_allowed_places_are_mounted() {
    let policy = mounts(&["/usr"]);
    let of = |mount: Value| refused(&policy, json!({"mounts": [mount]}));
    for fine in [
        json!({"type": "proc", "source": "proc"}),
        json!({"type": "tmpfs", "source": "/etc", "options": ["nosuid"]}),
        json!({"type": "bind", "source": "/usr/bin"}),
        json!({"type": "none", "source": "/usr", "options": ["rbind", "ro"]}),
        json!({"source": "/usr/../usr/bin/", "options": ["bind"]}),
    ] {
        assert_eq!(of(fine.clone()), None, "{fine}");
    }
    let denied = |source: &str| {
        format!(
            "the site does not allow the mount of '{source}'; AllowMounts in oci.conf allows /usr"
        )
    };
    for (source, mount) in [
        ("/etc", json!({"type": "bind", "source": "/etc"})),
        ("/", json!({"type": "none", "source": "/", "options": ["rbind"]})),
        ("/etc", json!({"type": "tmpfs", "source": "/etc", "options": ["bind"]})),
        ("/usr/../etc", json!({"source": "/usr/../etc", "options": ["bind"]})),
        ("/usrlocal", json!({"source": "/usrlocal", "options": ["bind"]})),
        ("etc", json!({"source": "etc", "options": ["bind"]})),
        ("", json!({"type": "bind"})),
    ] {
        assert_eq!(of(mount), Some(denied(source)));
    }
    assert_eq!(
        of(json!({"type": "overlay", "source": "overlay", "options": ["lowerdir=/"]})).unwrap(),
        "the site does not allow the mount of type 'overlay' (AllowMounts in oci.conf)"
    );
    assert_eq!(
        of(json!({"type": "bind", "source": 1})).unwrap(),
        "'mounts.source' must be a string, not a number"
    );
    assert_eq!(
        of(json!({"options": "bind"})).unwrap(),
        "'mounts.options' must be an array, not a string"
    );
}

#[test]
fn a_link_is_where_it_leads() {
    let keep = tempfile::tempdir().unwrap();
    let link = keep.path().join("link");
    symlink("/etc", &link).unwrap();
    let policy = mounts(&[keep.path().to_str().unwrap()]);
    assert!(refused(&policy, json!({"mounts": [{"type": "bind", "source": link}]})).is_some());
}

#[test]
fn the_root_file_system_is_in_the_bundle_or_in_an_allowed_place() {
    assert_eq!(refused(&mounts(&[]), json!({"root": {"path": "rootfs"}})), None);
    assert_eq!(refused(&mounts(&["/usr"]), json!({"root": {"path": "/usr"}})), None);
    assert_eq!(
        refused(&mounts(&[]), json!({"root": {"path": "/"}})).unwrap(),
        "the site does not allow root.path '/'; AllowMounts in oci.conf allows none"
    );
    let (keep, mut bundle) = bundle(json!({"root": {"path": "link"}}));
    symlink("/", keep.path().join("link")).unwrap();
    assert!(apply(&mounts(&[]), &[], &mut bundle).is_err());
}

#[test]
fn devices_are_those_that_are_allowed_mounted_ones_too() {
    let policy =
        Policy { devices: Some(vec!["/dev/null".into(), "/dev/dri".into()]), ..Policy::default() };
    let device = |path: &str| refused(&policy, json!({"linux": {"devices": [{"path": path}]}}));
    assert_eq!((device("/dev/null"), device("/dev/dri/card0")), (None, None));
    for path in ["/dev/nullx", "/dev", "/dev/dri/../sda", ""] {
        let expected = format!(
            "the site does not allow the device '{path}'; AllowDevices in oci.conf allows /dev/null, /dev/dri"
        );
        assert_eq!(device(path), Some(expected));
    }
    let bound =
        |source: &str| refused(&policy, json!({"mounts": [{"type": "bind", "source": source}]}));
    assert_eq!((bound("/dev/null"), bound("/usr")), (None, None));
    assert!(bound("/dev/zero").is_some() && bound("/dev").is_some());
}

#[test]
fn hooks_are_roots_in_an_allowed_directory() {
    let keep = tempfile::tempdir().unwrap();
    let hook = keep.path().join("hook");
    fs::write(&hook, "").unwrap();
    let policy = Policy { hooks: Some(vec![keep.path().to_owned()]), ..Policy::default() };
    let of = |path: &Path| refused(&policy, json!({"hooks": {"poststop": [{"path": path}]}}));
    assert_eq!(of(&hook), None);
    let shown = keep.path().display();
    assert_eq!(
        of(Path::new("/bin/true")).unwrap(),
        format!(
            "the site does not allow the hook (poststop) '/bin/true'; AllowHooks in oci.conf allows {shown}"
        )
    );
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o777)).unwrap();
    let told = of(&hook).unwrap();
    assert!(
        told.starts_with("the site does not trust the hook (poststop) '")
            && told.ends_with("/hook'"),
        "{told}"
    );
    assert_eq!(
        refused(&policy, json!({"hooks": {"poststop": 1}})).unwrap(),
        "'hooks' must be an array, not a number"
    );

    let (_keep, mut bundle) = bundle(json!({"hooks": {"poststop": [{"path": "/bin/true"}]}}));
    let notes = apply(&policy, &["poststop".into()], &mut bundle).unwrap();
    assert_eq!(
        notes,
        ["left out of config.json, as the site wants it (DisableHooks): hooks poststop"]
    );
}

#[test]
fn capabilities_and_annotations_that_are_not_allowed_are_left_out_and_told() {
    let (_keep, mut bundle) = bundle(json!({
        "process": {"capabilities": {"bounding": ["CAP_KILL", "CAP_SYS_ADMIN"], "ambient": ["CAP_SYS_ADMIN"]}},
        "annotations": {"run.oci.handler": "krun", "org.example": "x"},
    }));
    let policy = Policy {
        capabilities: Some(vec!["CAP_KILL".into()]),
        annotations: Some(vec!["org.".into()]),
        ..Policy::default()
    };
    let notes = apply(&policy, &[], &mut bundle).unwrap();
    assert_eq!(
        notes,
        [
            "left out of config.json, as the site wants it (AllowCapabilities): capabilities CAP_SYS_ADMIN",
            "left out of config.json, as the site wants it (AllowAnnotations): annotations run.oci.handler",
        ]
    );
    assert_eq!(
        Value::Object(bundle.config),
        json!({
            "process": {"capabilities": {"bounding": ["CAP_KILL"], "ambient": []}},
            "annotations": {"org.example": "x"},
        })
    );
}

#[test]
fn what_cannot_be_judged_is_refused() {
    let all = Policy {
        hooks: Some(vec![]),
        devices: Some(vec![]),
        mounts: Some(vec![]),
        capabilities: Some(vec![]),
        annotations: Some(vec![]),
    };
    for (config, expected) in [
        (json!({"annotations": []}), "'annotations' must be an object, not an array"),
        (json!({"linux": 1}), "'linux' must be an object, not a number"),
        (json!({"linux": {"devices": {}}}), "'devices' must be an array, not an object"),
        (
            json!({"process": {"capabilities": []}}),
            "'capabilities' must be an object, not an array",
        ),
        (
            json!({"process": {"capabilities": {"bounding": "all"}}}),
            "'process.capabilities' must be an array, not a string",
        ),
        (json!({"HOOKS": {}}), "the field 'HOOKS' would be 'hooks' for some runtimes; correct it"),
    ] {
        assert_eq!(refused(&all, config).as_deref(), Some(expected));
    }
}

//! What the site lets a user's config.json ask for: the rest is left out or the task
//! refused, and the user is told.

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::{Value, json};

use crate::{
    cluster::{ALICE, Output, path},
    leftovers::Marker,
    site::{Restored, change, with_each_runtime_and},
};

/// Alice's bundle with another config.json, until the value is dropped.
fn edited(edit: impl FnOnce(&mut Value)) -> Restored {
    let file = format!("{}/config.json", ALICE.bundle());
    let mut config = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    edit(&mut config);
    change(file.into(), Some(&config.to_string()))
}

fn note(text: &str) -> String {
    format!("spank-oci: n1: task 0: {text}")
}

/// The task ends with 125 and this line about config.json.
fn assert_refused(expected: &str) {
    let output = ALICE.srun_in_bundle(&["touch", &Marker::path()]);
    Marker::assert_absent(&output.story());
    let file = format!("{}/config.json", ALICE.bundle());
    assert_eq!(output.messages(), [note(&format!("in '{file}': {expected}"))]);
    assert_eq!(output.status, 125);
}

/// The command succeeds, and this is said beside.
fn assert_told(output: &Output, expected: &str) {
    assert_eq!(output.status, 0, "{}", output.story());
    assert!(output.messages().contains(&note(expected)), "{}", output.story());
}

#[test]
fn hooks_of_the_sites_directory_run_and_no_others() {
    let directory = path("hooks");
    fs::create_dir(&directory).unwrap();
    let hook = directory.join("hook");
    fs::write(&hook, "#!/bin/sh\ncat >/dev/null\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    let shown = directory.display();
    with_each_runtime_and(&format!("AllowHooks={shown}\n"), || {
        let hooks = |path: &str| json!({"createRuntime": [{"path": path}]});
        let _restored = edited(|config| config["hooks"] = hooks(hook.to_str().unwrap()));
        assert_eq!(ALICE.srun_in_bundle(&["echo", "fine"]).text(), "fine\n");
        let own = ALICE.script("hook", "#!/bin/sh\n");
        let _restored = edited(|config| config["hooks"] = hooks(&own));
        assert_refused(&format!(
            "the site does not allow the hook (createRuntime) '{own}'; AllowHooks in oci.conf allows {shown}"
        ));
        let _restored = edited(|config| config["Hooks"] = hooks(&own));
        assert_refused("the field 'Hooks' would be 'hooks' for some runtimes; correct it");
        fs::remove_file(own).unwrap();
    });
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn hooks_that_are_disabled_are_left_out_and_told() {
    with_each_runtime_and("DisableHooks=prestart\n", || {
        let _restored =
            edited(|config| config["hooks"] = json!({"prestart": [{"path": "/bin/false"}]}));
        assert_told(
            &ALICE.srun_in_bundle(&["true"]),
            "left out of config.json, as the site wants it (DisableHooks): hooks prestart",
        );
    });
}

#[test]
fn only_allowed_places_of_the_host_are_mounted() {
    with_each_runtime_and("AllowMounts=/usr,/sys\n", || {
        let mount = |source: &str| json!({"destination": "/mnt", "type": "bind", "source": source, "options": ["bind"]});
        let mounted = |source: &str| {
            edited(|config| config["mounts"].as_array_mut().unwrap().push(mount(source)))
        };
        let _restored = mounted("/usr/bin");
        fs::create_dir_all(format!("{}/rootfs/mnt", ALICE.bundle())).unwrap();
        let seen = ALICE.srun_in_bundle(&["test", "-e", "/mnt/env"]);
        fs::remove_dir(format!("{}/rootfs/mnt", ALICE.bundle())).unwrap();
        assert_eq!(seen.status, 0, "{}", seen.story());
        let _restored = mounted("/etc");
        assert_refused(
            "the site does not allow the mount of '/etc'; AllowMounts in oci.conf allows /usr, /sys",
        );
        let _restored = edited(|config| config["root"]["path"] = "/".into());
        assert_refused(
            "the site does not allow root.path '/'; AllowMounts in oci.conf allows /usr, /sys",
        );
    });
}

#[test]
fn only_allowed_devices_are_there() {
    with_each_runtime_and("AllowDevices=/dev/fuse\n", || {
        let device = |path: &str| json!({"path": path, "type": "c", "major": 1, "minor": 3});
        let _restored = edited(|config| config["linux"]["devices"] = json!([device("/dev/kmsg")]));
        assert_refused(
            "the site does not allow the device '/dev/kmsg'; AllowDevices in oci.conf allows /dev/fuse",
        );
    });
}

#[test]
fn capabilities_and_annotations_that_are_not_allowed_are_left_out_and_told() {
    with_each_runtime_and("AllowCapabilities=KILL\nAllowAnnotations=\"\"\n", || {
        let _restored = edited(|config| config["annotations"] = json!({"run.oci.handler": "krun"}));
        let output = ALICE.srun_in_bundle(&["grep", "CapBnd", "/proc/self/status"]);
        assert_told(
            &output,
            "left out of config.json, as the site wants it (AllowAnnotations): annotations run.oci.handler",
        );
        assert_told(
            &output,
            "left out of config.json, as the site wants it (AllowCapabilities): capabilities CAP_AUDIT_WRITE, CAP_NET_BIND_SERVICE",
        );
        // CAP_KILL has number 5.
        assert_eq!(output.text(), "CapBnd:\t0000000000000020\n");
    });
}

#[test]
fn the_runtime_gains_no_privileges_where_the_site_wants_none() {
    let seen = || {
        let _restored = edited(|config| config["process"]["noNewPrivileges"] = false.into());
        ALICE.srun_in_bundle(&["grep", "NoNewPrivs", "/proc/self/status"]).text()
    };
    with_each_runtime_and("", || assert_eq!(seen(), "NoNewPrivs:\t0\n"));
    with_each_runtime_and("NoNewPrivileges=yes\n", || assert_eq!(seen(), "NoNewPrivs:\t1\n"));
}

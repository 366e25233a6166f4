//! What the site's oci.conf says about bundles, and this machine about oci.conf.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
};

use serde_json::{Value, json};

use crate::user::{Place, changed};

/// A configuration for a program that tells this version.
fn with_program(place: &Place, version: &str) -> String {
    let program = place.path("runtime");
    fs::write(&program, format!("#!/bin/sh\n[ \"$*\" = --version ] && echo '{version}'\n"))
        .unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    let program = program.display();
    let text = format!(
        "RunTimeRun=\"{program} run %b\"\nRunTimeKill=\"{program} --root=/r kill --all %n\"\nRunTimeDelete=true\n"
    );
    fs::write(place.path("oci.conf"), text).unwrap();
    place.check(&["--conf", "oci.conf"]).0
}

#[test]
fn kill_all_is_not_what_it_was_since_runc_1_2() {
    let place = Place::new();
    let told = with_program(&place, "runc version 1.3.6+ds1");
    // The name of the place stands before what is meant, and has a length of its own.
    let line = fs::read_to_string(place.path("oci.conf")).unwrap();
    let at = line.lines().nth(1).unwrap().find("--all").unwrap();
    let blanks = " ".repeat(at);
    assert_eq!(
        told,
        format!(
            "oci.conf:2:{}: warning: runc 1.3 takes no notice of '--all': the signal goes to the container's first process alone\n  RunTimeKill=\"PLACE/runtime --root=/r kill --all %n\"\n  {blanks}^~~~~\n  hint: leave '--all' out; 'kill … KILL' ends all processes, as they share a PID namespace\n\noci.conf: 0 errors, 1 warning\n",
            at + 1
        )
    );
    for version in ["runc version 1.1.15", "crun version 1.21", ""] {
        assert_eq!(with_program(&place, version), "oci.conf: no mistakes\n", "{version}");
    }
}

#[test]
fn a_program_that_does_not_answer_is_given_up() {
    let place = Place::new();
    let before = std::time::Instant::now();
    fs::write(
        place.path("sleep.conf"),
        format!(
            "RunTimeRun=\"true %b\"\nRunTimeKill=\"{0} kill -a\"\nRunTimeDelete=true\n",
            place.path("slow").display()
        ),
    )
    .unwrap();
    fs::write(place.path("slow"), "#!/bin/sh\nexec sleep 600\n").unwrap();
    fs::set_permissions(place.path("slow"), Permissions::from_mode(0o755)).unwrap();
    assert_eq!(place.check(&["--conf", "sleep.conf"]), ("sleep.conf: no mistakes\n".into(), 0));
    assert!(before.elapsed().as_secs() < 60);
}

#[test]
fn programs_that_are_not_here_are_named_where_they_stand() {
    let place = Place::new();
    let text = "RunTimeRun=\"nosuchrun run %b\"\nRunTimeKill=\"/no/such kill\"\nRunTimeDelete=\"nosuch %n || true\"\n";
    fs::write(place.path("oci.conf"), text).unwrap();
    let hint = "  hint: install it on every node that runs jobs; it is looked for in /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n\n";
    let expected = format!(
        "oci.conf:1:13: error: there is no program 'nosuchrun' on this machine\n  RunTimeRun=\"nosuchrun run %b\"\n              ^~~~~~~~~\n{hint}oci.conf:2:14: warning: there is no program '/no/such' on this machine\n  RunTimeKill=\"/no/such kill\"\n               ^~~~~~~~\n{hint}oci.conf: 1 error, 1 warning\n"
    );
    assert_eq!(place.check(&["--conf", "oci.conf"]), (expected, 2));
}

const SITE: &str = "RunTimeRun=\"true %b\"\nRunTimeKill=true\nRunTimeDelete=true\n";

/// What is said of a bundle with these changes where the site says this.
fn under(place: &Place, rules: &str, changes: &Value) -> (String, i32) {
    fs::write(place.path("oci.conf"), format!("{SITE}{rules}\n")).unwrap();
    place.write("bundle/config.json", &changed(place, changes));
    let (text, status) = place.check(&["--conf", "oci.conf", "bundle"]);
    (text.strip_prefix("oci.conf: no mistakes\n\n").unwrap().to_owned(), status)
}

#[test]
fn all_that_the_site_does_not_allow_is_shown_where_it_stands() {
    let place = Place::new();
    let hooks = json!({"createRuntime": [{"path": "/bin/true"}, {"path": "/bin/cat"}], "poststop": [{"path": "/bin/cat"}]});
    let devices = json!([{"path": "/dev/fuse", "type": "c"}, {"path": "/dev/kmsg", "type": "c"}]);
    let mount = |source| json!({"destination": "/m", "type": "none", "source": source, "options": ["rbind"]});
    let changes = json!({"/hooks": hooks, "/linux/devices": devices, "/mounts/-": mount("/usr"),
        "/annotations": {"run.oci.handler": "krun"}});
    let rules = "AllowHooks=\"\"\nAllowMounts=/sys\nAllowDevices=/dev/fuse\nAllowCapabilities=KILL\nAllowAnnotations=org.\nDisableHooks=poststop";
    let (text, status) = under(&place, rules, &changes);
    let told: Vec<_> = text.lines().filter(|line| line.starts_with("bundle/config.json")).collect();
    let expected = include_str!("../data/check/policy.told");
    assert_eq!(told.join("\n") + "\n", expected);
    assert_eq!(status, 2);
}

#[test]
fn what_the_site_allows_is_no_mistake() {
    let place = Place::new();
    let rules = "AllowMounts=/sys\nAllowCapabilities=KILL,AUDIT_WRITE,NET_BIND_SERVICE\nAllowHooks=/usr\nAllowDevices=\"\"\nAllowAnnotations=\"\"";
    assert_eq!(under(&place, rules, &json!({})), ("bundle: no mistakes\n".into(), 0));
}

#[test]
fn where_config_json_is_not_read_it_is_not_looked_at() {
    let place = Place::new();
    let text = "RunTimeRun=\"true %b\"\nIgnoreFileConfigJson=yes\n";
    fs::write(place.path("oci.conf"), text).unwrap();
    let (text, status) = place.check(&["--conf", "oci.conf", "bundle/rootfs", "nowhere"]);
    assert_eq!(
        text,
        "oci.conf: no mistakes\n\nbundle/rootfs: note: nothing to check: oci.conf says IgnoreFileConfigJson\n\nbundle/rootfs: no mistakes, 1 note\n\nnowhere: warning: there is no such file or directory on this machine\n\nnowhere: 0 errors, 1 warning\n"
    );
    assert_eq!(status, 0);
}

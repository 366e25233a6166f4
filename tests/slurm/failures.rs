//! What keeps a container from being started: one line that says so, the task
//! fails, and nothing of it runs on the host.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use crate::{
    cluster::{ALICE, Output, path},
    leftovers::{self, Marker},
    site::{change, plugstack, site, with_each_runtime},
};

/// Runs a task that would leave a mark on the host, and one without a container
/// afterwards, which must not suffer.
fn run_marked(bundle: &str) -> Output {
    let output = ALICE.srun_in(bundle, &["touch", &Marker::path()]);
    Marker::assert_absent(&output.story());
    assert_eq!(ALICE.srun(&["-wn1", "echo", "fine"]).text(), "fine\n");
    output
}

/// The task ends with 125 and this line.
fn assert_refused(bundle: &str, expected: &str) {
    let output = run_marked(bundle);
    assert_eq!(
        output.messages(),
        [format!("spank-oci: n1: task 0: {expected}")],
        "{}",
        output.story()
    );
    assert_eq!(output.status, 125, "{}", output.story());
}

/// The task ends with 125 and this line of the plugin, before the helper.
fn assert_refused_by_the_plugin(expected: &str) {
    let output = run_marked(&ALICE.bundle());
    let expected = [format!("spank-oci: {expected}")];
    assert_eq!(output.told_by_slurmstepd(), expected, "{}", output.story());
    assert_eq!(output.messages().len(), 1, "{}", output.story());
    assert_eq!(output.status, 125, "{}", output.story());
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_missing_bundle() {
    with_each_runtime(|| {
        assert_refused(
            "/no/such/bundle",
            "cannot read '/no/such/bundle/config.json': no such file or directory; the bundle must be on every node of the step",
        );
    });
}

#[test]
fn a_file_in_place_of_a_bundle() {
    with_each_runtime(|| {
        assert_refused(
            "/etc/passwd",
            "cannot read '/etc/passwd/config.json': not a directory; a bundle is a directory, not a file",
        );
    });
}

#[test]
fn a_bundle_that_the_user_may_not_read() {
    with_each_runtime(|| {
        let bundle = path("bundles/secret");
        fs::create_dir(&bundle).unwrap();
        fs::write(bundle.join("config.json"), "{}").unwrap();
        chmod(&bundle, 0o700);
        let shown = bundle.display().to_string();
        assert_refused(
            &shown,
            &format!(
                "cannot read '{shown}/config.json': permission denied; every directory above it needs x for the user, the file r"
            ),
        );
        fs::remove_dir_all(bundle).unwrap();
    });
}

#[test]
fn a_config_json_that_is_broken() {
    with_each_runtime(|| {
        let bundle = path("bundles/broken");
        fs::create_dir(&bundle).unwrap();
        let shown = bundle.display().to_string();
        let cases = [
            (
                "{\"process\": {",
                format!(
                    "'{shown}/config.json' is not valid JSON: EOF while parsing an object at line 1 column 13"
                ),
            ),
            (
                "{\"process\": []}",
                format!("in '{shown}/config.json': 'process' must be an object, not an array"),
            ),
        ];
        for (text, expected) in cases {
            fs::write(bundle.join("config.json"), text).unwrap();
            assert_refused(&shown, &expected);
        }
        fs::remove_dir_all(bundle).unwrap();
    });
}

#[test]
fn a_site_without_oci_conf() {
    leftovers::after(|| {
        let _restored = change(site(), None);
        let shown = site().display().to_string();
        assert_refused(
            &ALICE.bundle(),
            &format!(
                "cannot read the site's configuration '{shown}': no such file or directory; it must be on every node, where plugstack.conf names it with conf="
            ),
        );
    });
}

#[test]
fn an_oci_conf_with_a_mistake() {
    leftovers::after(|| {
        let text = fs::read_to_string(site()).unwrap();
        let _restored = change(site(), Some(&text.replace("%b", "%q")));
        let output = run_marked(&ALICE.bundle());
        let shown = site().display().to_string();
        let start =
            format!("spank-oci: n1: task 0: the site's configuration has mistakes: {shown}:");
        let [line] = output.messages().try_into().unwrap();
        assert!(line.starts_with(&start) && line.contains("unknown pattern '%q'"), "{line}");
        assert_eq!(output.status, 125);
    });
}

#[test]
fn an_oci_conf_that_others_may_write() {
    leftovers::after(|| {
        chmod(&site(), 0o666);
        let shown = site().display().to_string();
        assert_refused(
            &ALICE.bundle(),
            &format!(
                "cannot trust the site's configuration: '{shown}' has mode 0666, so others than its owner can write it; run: chmod go-w '{shown}'"
            ),
        );
        chmod(&site(), 0o644);
    });
}

#[test]
fn a_missing_runtime() {
    leftovers::after(|| {
        let text = fs::read_to_string(site()).unwrap();
        let _restored = change(site(), Some(&text.replace("crun ", "no-such-runtime ")));
        assert_refused(
            &ALICE.bundle(),
            "cannot execute RunTimeRun: 'no-such-runtime': no such file or directory; install the runtime on this node, or correct oci.conf",
        );
    });
}

#[test]
fn a_missing_helper_and_one_that_cannot_be_executed() {
    leftovers::after(|| {
        let helper = path("bin/spank-oci").display().to_string();
        let line = fs::read_to_string(plugstack()).unwrap();
        for (other, cause) in
            [("/no/such/helper", "no such file or directory"), ("/etc/passwd", "permission denied")]
        {
            let _restored = change(plugstack(), Some(&line.replace(&helper, other)));
            assert_refused_by_the_plugin(&format!(
                "cannot execute the helper '{other}': {cause}; install it, or name it with helper= in plugstack.conf"
            ));
        }
    });
}

#[test]
fn a_plugin_that_is_only_optional_still_keeps_the_task_from_the_host() {
    leftovers::after(|| {
        let line = fs::read_to_string(plugstack()).unwrap().replace("required", "optional");
        let helper = path("bin/spank-oci").display().to_string();
        let _restored = change(plugstack(), Some(&line.replace(&helper, "/no/such/helper")));
        assert_refused_by_the_plugin(
            "cannot execute the helper '/no/such/helper': no such file or directory; install it, or name it with helper= in plugstack.conf",
        );
    });
}

#[test]
fn a_full_disk() {
    leftovers::after(|| {
        let state = path("small");
        fs::create_dir(&state).unwrap();
        let small = ["-t", "tmpfs", "-o", "size=40k,mode=755", "tmpfs"];
        let mounted = Command::new("mount").args(small).arg(&state).status();
        assert!(mounted.unwrap().success());
        fs::write(state.join("fill"), vec![0; 36 << 10]).unwrap();
        let line = fs::read_to_string(plugstack()).unwrap();
        let line = format!("{} state={}\n", line.trim(), state.display());
        let _restored = change(plugstack(), Some(&line));
        let output = run_marked(&ALICE.bundle());
        let left = fs::read_dir(&state).unwrap().count();
        let unmounted = Command::new("umount").arg(&state).status();
        assert!(unmounted.unwrap().success());
        fs::remove_dir(&state).unwrap();

        let [message] = output.messages().try_into().unwrap();
        assert!(message.starts_with("spank-oci: n1: task 0: cannot write '"), "{message}");
        assert!(
            message.ends_with("/spool/task-0/config.json': no space left on device"),
            "{message}"
        );
        assert_eq!((output.status, left), (125, 1), "only the file that fills the disk is left");
    });
}

#[test]
fn a_container_option_without_a_bundle() {
    leftovers::after(|| {
        let output = ALICE.srun(&["--container=", "touch", &Marker::path()]);
        Marker::assert_absent(&output.story());
        let first = output.stderr.lines().next();
        assert_eq!(
            first,
            Some("srun: error: spank-oci: --container names no bundle: its value is empty")
        );
        assert_eq!(output.status, 1);
    });
}

#[test]
fn a_helper_of_another_kind() {
    leftovers::after(|| {
        let helper = path("bin/spank-oci").display().to_string();
        let line = fs::read_to_string(plugstack()).unwrap();
        let _restored = change(plugstack(), Some(&line.replace(&helper, "/bin/false")));
        assert_eq!(run_marked(&ALICE.bundle()).status, 1);
    });
}

#[test]
fn an_unknown_argument_in_plugstack_conf() {
    leftovers::after(|| {
        let line = fs::read_to_string(plugstack()).unwrap();
        let _restored = change(plugstack(), Some(&line.replace("conf=", "config=")));
        let output = run_marked(&ALICE.bundle());
        assert!(
            output.stderr.starts_with(
                "srun: error: spank-oci: plugstack.conf: unknown name in argument 'config="
            ),
            "{}",
            output.story()
        );
        assert_eq!(output.stderr.lines().filter(|line| line.contains("spank-oci")).count(), 1);
        assert_ne!(output.status, 0);
    });
}

#[test]
fn a_state_directory_that_others_may_write() {
    leftovers::after(|| {
        let state = path("open");
        fs::create_dir(&state).unwrap();
        chmod(&state, 0o777);
        let line = fs::read_to_string(plugstack()).unwrap();
        let _restored =
            change(plugstack(), Some(&format!("{} state={}\n", line.trim(), state.display())));
        let shown = state.display();
        assert_refused_by_the_plugin(&format!(
            "cannot use directory '{shown}': owner 0 and mode 0777, but it must be root's and writable by root only; run: chown root '{shown}' && chmod 0711 '{shown}'"
        ));
        fs::remove_dir(&state).unwrap();
    });
}

#[test]
fn the_batch_job_of_a_missing_bundle_fails_and_its_node_stays_in_service() {
    with_each_runtime(|| {
        let job = format!(
            "sbatch --wait --output=$HOME/job.out --container=/no/such/bundle --wrap 'touch {}'; status=$?; cat $HOME/job.out; rm $HOME/job.out; exit $status",
            Marker::path()
        );
        let output = ALICE.sh(&job);
        Marker::assert_absent(&output.story());
        assert_eq!(output.status, 125, "{}", output.story());
        assert!(
            output.any_text().contains("cannot read '/no/such/bundle/config.json'"),
            "{}",
            output.story()
        );
    });
}

//! What keeps a container from being started beyond what fail_closed has in tables: one
//! line that says so, the task fails, and nothing of it runs on the host.

use std::fs;

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

/// The task ends with 125 and this line of the plugin, before the helper.
fn assert_refused_by_the_plugin(expected: &str) {
    let output = run_marked(&ALICE.bundle());
    let expected = [format!("spank-oci: {expected}")];
    assert_eq!(output.told_by_slurmstepd(), expected, "{}", output.story());
    assert_eq!(output.messages().len(), 1, "{}", output.story());
    assert_eq!(output.status, 125, "{}", output.story());
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

//! Slurm 22.05's own container support beside ours: the differences that the
//! README claims. Where Slurm's support is looked at, the plugin is off.

use std::{fs, process::Command};

use crate::{
    cluster::{ALICE, Output, path},
    leftovers,
    site::{change, plugstack, with_site},
};

/// Runs a check under Slurm's own support, with this oci.conf; `None` is a site
/// without one.
fn with_native(oci_conf: Option<&str>, check: impl Fn()) {
    let _no_plugin = change(plugstack(), Some(""));
    let file = path("etc/oci.conf");
    if let Some(text) = oci_conf {
        fs::write(&file, text).unwrap();
    }
    leftovers::after(check);
    let _ = fs::remove_file(file);
}

/// A site whose commands are templates of a shell; 22.05 knows no %U.
fn native_site(run: &str) -> String {
    format!(
        "RunTimeRun=\"{run}\"\nRunTimeQuery=\"true\"\nRunTimeKill=\"true\"\nRunTimeDelete=\"true\"\n"
    )
}

fn native_crun() -> String {
    let command = "crun --rootless=true --root=/run/user/$(id -u)/";
    let id = "%n.%u.%j.%s.%t";
    format!(
        "RunTimeRun=\"{command} run --bundle %b {id}\"\nRunTimeQuery=\"{command} state {id}\"\n\
         RunTimeKill=\"{command} kill {id}\"\nRunTimeDelete=\"{command} delete --force {id}\"\n"
    )
}

fn os_of_the_task() -> Output {
    ALICE.srun_in_bundle(&["/bin/sh", "-c", "grep ^ID= /etc/os-release"])
}

#[test]
fn slurms_own_support_works_here_so_that_the_comparison_is_fair() {
    with_native(Some(&native_crun()), || assert_eq!(os_of_the_task().text(), "ID=busybox\n"));
}

#[test]
fn without_oci_conf_slurm_runs_the_task_on_the_host_and_we_do_not() {
    with_native(None, || assert_eq!(os_of_the_task().text(), "ID=debian\n"));
    // Ours: failures::a_site_without_oci_conf.
}

#[test]
fn several_tasks_per_node_are_refused_by_slurm_and_run_by_us() {
    with_native(Some(&native_crun()), || {
        let container = format!("--container={}", ALICE.bundle());
        let output = ALICE.srun(&["-wn1", "-n2", &container, "/bin/sh", "-c", "echo ran"]);
        assert_eq!(output.any_text(), "", "{}", output.story());
    });
    // Ours: tasks::sixteen_tasks_share_a_node.
}

#[test]
fn the_bundles_path_is_a_piece_of_shell_to_slurm_and_a_path_to_us() {
    let script = "echo bundle: %r";
    let odd = ALICE.home("$(echo injected)").display().to_string();
    let made = ALICE.run(&["cp", "-r", &ALICE.bundle(), &odd]);
    assert_eq!(made.status, 0, "{}", made.story());
    with_native(Some(&native_site(script)), || {
        let output = ALICE.srun_in(&odd, &["/bin/true"]);
        assert!(output.any_text().contains("/injected/rootfs"), "{}", output.story());
    });
    with_site(
        "RunTimeRun=\"cd / && echo bundle: %r\"\nRunTimeKill=\"true\"\nRunTimeDelete=\"true\"\n",
        || {
            let output = ALICE.srun_in(&odd, &["/bin/true"]);
            assert_eq!(output.text(), format!("bundle: {odd}/rootfs\n"));
        },
    );
    fs::remove_dir_all(odd).unwrap();
}

#[test]
fn slurm_runs_its_cleanup_commands_as_root_and_we_as_the_user() {
    let record = path("cleanup-uid");
    fs::write(&record, "").unwrap();
    let opened = Command::new("chmod").arg("0666").arg(&record).status();
    assert!(opened.unwrap().success());
    let site = format!(
        "RunTimeRun=\"false\"\nRunTimeQuery=\"id -u >>{0}; echo '{{}}'\"\nRunTimeKill=\"true\"\nRunTimeDelete=\"id -u >>{0}\"\n",
        record.display()
    );
    with_native(Some(&site), || {
        ALICE.srun_in_bundle(&["/bin/true"]);
    });
    let as_slurm = fs::read_to_string(&record).unwrap();
    assert!(as_slurm.lines().any(|uid| uid == "0"), "{as_slurm}");
    fs::write(&record, "").unwrap();
    with_site(&site, || {
        ALICE.srun_in_bundle(&["/bin/true"]);
    });
    assert_eq!(fs::read_to_string(&record).unwrap(), format!("{}\n", ALICE.id()));
    fs::remove_file(record).unwrap();
}

#[test]
fn slurm_keeps_a_mistake_in_oci_conf_to_slurmds_log_and_we_tell_the_user() {
    let site = "Nonsense=1\nRunTimeRun=\"crun %q\"\n";
    with_native(Some(site), || {
        let output = os_of_the_task();
        assert_ne!(output.status, 0, "{}", output.story());
        assert!(!output.stderr.contains("Nonsense"), "{}", output.stderr);
    });
    with_site(site, || {
        let output = os_of_the_task();
        let [line] = output.messages().try_into().unwrap();
        assert!(line.contains("unknown key 'Nonsense'") && line.contains("(and "), "{line}");
    });
}

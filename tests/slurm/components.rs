//! Heterogeneous jobs and steps: each component runs where it asked to, or says
//! why not.

use crate::{
    cluster::{ALICE, Output, leave_out, release},
    site::with_lines,
};

const WHERE: &str = "sh -c 'echo $SLURM_PROCID $(sed -n s/^ID=//p /etc/os-release)'";

fn het_job(first: &str, second: &str) -> Output {
    ALICE.sh(&format!("srun -N1 -n1 {first} {WHERE} : -N1 -n1 {second} {WHERE}"))
}

fn het_step(first: &str, second: &str) -> Output {
    ALICE.sh(&format!("salloc -N2 -n4 srun -N1 -n1 {first} {WHERE} : -N1 -n1 {second} {WHERE}"))
}

/// A second bundle of alice's, that calls itself another.
fn another_bundle() -> String {
    let bundle = ALICE.home("other").display().to_string();
    let made = ALICE.sh(&format!(
        "cp -r $BUNDLE {bundle} && sed -i s/busybox/another/ {bundle}/rootfs/etc/os-release"
    ));
    assert_eq!(made.status, 0, "{}", made.story());
    bundle
}

fn with_another_bundle(check: impl Fn(&str)) {
    with_lines("", || {
        let bundle = another_bundle();
        check(&bundle);
        assert_eq!(ALICE.run(&["rm", "-r", &bundle]).status, 0);
    });
}

#[test]
fn components_of_a_job_run_in_the_bundles_they_ask_for() {
    with_another_bundle(|other| {
        for option in ["--container", "--oci-bundle"] {
            let (one, other) = (format!("{option}=$BUNDLE"), format!("{option}={other}"));
            assert_eq!(
                het_job(&one, &other).sorted_lines(),
                ["0 busybox", "1 another"],
                "{option}"
            );
            assert_eq!(het_job("", &other).sorted_lines(), ["0 debian", "1 another"], "{option}");
            // As with Slurm's other options: a component has what the one before it had.
            assert_eq!(het_job(&one, "").sorted_lines(), ["0 busybox", "1 busybox"], "{option}");
        }
        assert_eq!(het_job("", "").sorted_lines(), ["0 debian", "1 debian"]);
    });
}

#[test]
fn components_of_a_step_run_in_the_bundles_they_ask_for_or_not_at_all() {
    with_another_bundle(|other| {
        let one = "--container=$BUNDLE";
        if release() < (26, 5) {
            assert_eq!(het_step(one, "").sorted_lines(), ["0 busybox", "1 busybox"]);
        } else {
            leave_out(
                "components of a step in one bundle",
                "26.05 does not tell them apart, and both nodes are on this machine",
            );
        }
        let output = het_step(one, &format!("--container={other}"));
        if release() < (26, 5) {
            assert_eq!(output.sorted_lines(), ["0 busybox", "1 another"]);
            return;
        }
        assert_eq!(output.any_text(), "", "{}", output.story());
        assert_eq!(
            output.told_by_slurmstepd(),
            ["spank-oci: the components of this step ask for different containers, and this Slurm does not tell which of them this is; start one srun for each";
                2],
            "{}",
            output.story()
        );
    });
}

#[test]
fn a_later_component_of_a_batch_job_has_no_script_for_a_container() {
    with_lines("", || {
        let output = ALICE.sh("sbatch -n1 : -n1 --container=$BUNDLE --wrap=true");
        assert_ne!(output.status, 0);
        assert!(
            output.stderr.contains("give --container or --oci-bundle before the first ':' only"),
            "{}",
            output.story()
        );
    });
}

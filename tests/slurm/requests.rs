//! Every way to ask for a container, alone and inside of one another.

use std::fs;

use crate::{
    batch::{host_in_a_bundle, sbatch},
    cluster::{ALICE, Output, leave_out, release},
    leftovers,
    site::{change, plugstack, with_crun_and_all_variables, with_each_runtime, with_lines},
};

const OS: &str = "grep ^ID= /etc/os-release";
const INSIDE: &str = "ID=busybox\n";
const OUTSIDE: &str = "ID=debian\n";

/// Slurm's own option (the plugin's, on 20.11) and the plugin's own.
const OPTIONS: [&str; 2] = ["--container", "--oci-bundle"];

fn each_option(check: impl Fn(&str)) {
    OPTIONS.iter().for_each(|option| check(&format!("{option}={}", ALICE.bundle())));
}

/// Types a line into salloc's interactive step, and returns what the terminal shows.
fn typed_into_salloc(options: &str, line: &str) -> Output {
    ALICE.sh(&format!("echo '{line}; exit' | script -qec \"salloc -n1 {options}\" /dev/null"))
}

#[test]
fn a_batch_script() {
    with_lines("", || {
        each_option(|asked| assert_eq!(sbatch(&[asked, &format!("--wrap={OS}")]), INSIDE))
    });
}

#[test]
fn a_step_of_a_batch_script() {
    with_lines("", || {
        each_option(|asked| assert_eq!(sbatch(&[&format!("--wrap=srun {asked} {OS}")]), INSIDE));
    });
}

#[test]
fn the_interactive_step_of_salloc() {
    with_each_runtime(|| {
        each_option(|asked| {
            let output = typed_into_salloc(asked, OS);
            assert!(output.any_text().contains("ID=busybox"), "{}", output.story());
        });
    });
}

#[test]
fn a_step_of_an_allocation() {
    with_each_runtime(|| {
        each_option(|asked| {
            let output = ALICE.sh(&format!("salloc -n1 srun {asked} {OS}"));
            assert_eq!(output.text(), INSIDE);
        });
    });
}

#[test]
fn a_step() {
    with_each_runtime(|| {
        each_option(|asked| assert_eq!(ALICE.sh(&format!("srun {asked} {OS}")).text(), INSIDE));
    });
}

#[test]
fn a_step_in_a_step() {
    with_lines("", || {
        each_option(|asked| {
            // The inner step would wait for the outer one's CPUs.
            let output = ALICE.sh(&format!("srun -n1 srun --overlap {asked} {OS}"));
            assert_eq!(output.text(), INSIDE);
        });
    });
}

#[test]
fn variables_of_srun_sbatch_and_salloc() {
    with_lines("", || {
        for name in ["CONTAINER", "OCI_BUNDLE"] {
            let output = ALICE.sh(&format!("SRUN_{name}=$BUNDLE srun {OS}"));
            assert_eq!(output.text(), INSIDE, "{name}");
            let output = ALICE.sh(&format!(
                "SBATCH_{name}=$BUNDLE sbatch --wait --output=job.out --wrap='{OS}' && cat job.out && rm job.out"
            ));
            assert!(output.text().ends_with(INSIDE), "{}", output.story());
            let output = ALICE.sh(&format!(
                "export SALLOC_{name}=$BUNDLE; echo '{OS}; exit' | script -qec 'salloc -n1' /dev/null"
            ));
            assert!(output.any_text().contains("ID=busybox"), "{}", output.story());
        }
    });
}

#[test]
fn a_line_of_the_batch_script() {
    with_lines("", || {
        for option in OPTIONS {
            let script = ALICE.script(
                "job.sh",
                &format!("#!/bin/sh\n#SBATCH {option}={}\n{OS}\n", ALICE.bundle()),
            );
            assert_eq!(sbatch(&[&script]), INSIDE, "{option}");
        }
    });
}

#[test]
fn the_plugins_own_option_leaves_slurms_field_empty() {
    with_lines("", || {
        let own = format!("--oci-bundle={}", ALICE.bundle());
        let variables = ALICE.srun(&[&own, "env"]).text();
        for name in ["SLURM_CONTAINER", "SLURM_OCI_BUNDLE", "SLURM_SPANK"] {
            assert!(!variables.contains(name), "{variables}");
        }
        let show = ALICE.srun(&["--oci-bundle", &ALICE.bundle(), "true"]);
        assert_eq!((show.status, show.stderr.as_str()), (0, ""));
    });
}

#[test]
fn no_option_is_handed_down_to_later_steps() {
    with_lines("", || {
        each_option(|asked| {
            let steps = format!(
                "srun {OS}; srun {asked} true; srun {OS}; srun env | grep SLURM_SPANK; true"
            );
            let output = ALICE.run(&["salloc", "-n1", asked, "sh", "-c", &steps]);
            assert_eq!(output.text(), [OUTSIDE, OUTSIDE].concat());
            assert_eq!(sbatch(&[&format!("--wrap={steps}")]), [OUTSIDE, OUTSIDE].concat());
            // A script in the container has no srun, but the same variables.
            assert_eq!(sbatch(&[asked, "--wrap=env | grep SLURM_SPANK; true"]), "");
        });
    });
}

#[test]
fn a_container_in_the_login_shells_environment_is_not_a_request() {
    with_lines("", || {
        let stale = "export SLURM_CONTAINER=/stale SLURM_OCI_BUNDLE=/stale SLURM_SPANK_OCI_BUNDLE=/stale SLURM_SPANK__SLURM_SPANK_OPTION_spank_oci_oci_bundle=/stale;";
        assert_eq!(ALICE.sh(&format!("{stale} srun {OS}")).text(), OUTSIDE);
        let output = ALICE.sh(&format!("{stale} srun --container=$BUNDLE {OS}"));
        assert_eq!(output.text(), INSIDE);
        let output = ALICE.sh(&format!("{stale} salloc -n1 srun {OS}"));
        assert_eq!(output.text(), OUTSIDE);
        let output = ALICE.sh(&format!(
            "{stale} sbatch --wait --output=job.out --wrap='{OS}' && cat job.out && rm job.out"
        ));
        assert!(output.text().ends_with(OUTSIDE), "{}", output.story());
    });
}

#[test]
fn a_job_submitted_from_a_container_job_runs_where_it_says() {
    with_crun_and_all_variables(|| {
        let host_bundle = host_in_a_bundle();
        let submit = |options: &str| {
            format!(
                "sbatch --wait {options} --output=$HOME/inner.out --wrap='{OS}' >/dev/null; cat $HOME/inner.out; rm $HOME/inner.out\n"
            )
        };
        let script = format!(
            "#!/bin/sh\ncat /this-is-the-bundle\n{}{}",
            submit(""),
            submit("--container=$BUNDLE")
        );
        let script = ALICE.script("job.sh", &script);
        for option in OPTIONS {
            let written = sbatch(&[&format!("{option}={host_bundle}"), &script]);
            assert_eq!(written, format!("bundle\n{OUTSIDE}{INSIDE}"), "{option}");
        }
        fs::remove_dir_all(host_bundle).unwrap();
    });
}

#[test]
fn no_form_of_export_changes_where_a_step_of_a_container_job_runs() {
    with_crun_and_all_variables(|| {
        let host_bundle = host_in_a_bundle();
        let script = format!(
            "#!/bin/sh\nfor e in NONE ALL PATH; do srun --export=$e {0}; srun --export=$e --container=$BUNDLE {0}; done\n",
            OS.replace("grep", "/bin/grep")
        );
        let script = ALICE.script("job.sh", &script);
        let written = sbatch(&[&format!("--container={host_bundle}"), &script]);
        assert_eq!(written, format!("{OUTSIDE}{INSIDE}").repeat(3));
        fs::remove_dir_all(host_bundle).unwrap();
    });
}

#[test]
fn two_options_with_different_bundles_are_refused_at_submission() {
    leftovers::after(|| {
        let (one, other) = (format!("--container={}", ALICE.bundle()), "--oci-bundle=/other");
        let expected = format!(
            "spank-oci: --container names '{}' and --oci-bundle '/other': give one of them",
            ALICE.bundle()
        );
        let line = fs::read_to_string(plugstack()).unwrap();
        for kind in ["required", "optional"] {
            let _restored = change(plugstack(), Some(&line.replace("required", kind)));
            for command in [
                &["srun", &one, other, "true"][..],
                &["sbatch", &one, other, "--wrap=true"],
                &["salloc", &one, other, "true"],
            ] {
                let output = ALICE.run(command);
                assert_eq!(output.status, 1, "{}", output.story());
                let expected = format!("{}: error: {expected}\n", command[0]);
                assert_eq!(output.stderr, expected, "{kind} {}", output.story());
            }
        }
    });
}

#[test]
fn both_options_stand_in_the_help_of_each_command() {
    leftovers::after(|| {
        for command in ["srun", "sbatch", "salloc"] {
            let help = ALICE.run(&[command, "--help"]).text();
            for option in ["--container", "--oci-bundle=PATH"] {
                assert!(help.contains(option), "{command} {option}");
            }
        }
    });
}

#[test]
fn pmix_works_with_the_plugins_own_option_and_slurms_is_warned_of() {
    if !ALICE.run(&["srun", "--mpi=list"]).everything().contains("pmix") {
        return leave_out("PMIx", "this Slurm has no PMIx plugin");
    }
    with_lines("", || {
        let output = ALICE.sh(&format!("srun --mpi=pmix --oci-bundle=$BUNDLE {OS}"));
        assert_eq!(output.text(), INSIDE);
        if release() < (23, 2) {
            return leave_out("the warning about PMIx", "before 23.02 --container goes with it");
        }
        let output = ALICE.sh("srun --mpi=pmix --container=$BUNDLE true");
        let expected = format!(
            "srun: spank-oci: --container fails together with PMIx in this Slurm, before any task starts; use --oci-bundle={} instead\n",
            ALICE.bundle()
        );
        assert!(output.stderr.starts_with(&expected), "{}", output.story());
        assert_ne!(output.status, 0, "the warning is no longer true: {}", output.story());
    });
}

//! The profiles of OCI runtimes in profiles/, on this system's versions of them, and
//! the choice among several that a site has.

use std::{fs, os::unix::fs::symlink, path::PathBuf};

use serde_json::json;

use crate::{
    batch::sbatch,
    bundles::Variant,
    cluster::{ALICE, path},
    leftovers,
    site::{RUN, Restored, change, plugstack, with_lines},
};

const PROFILES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/profiles");
const OCI: [&str; 6] =
    ["crun-run", "crun-create", "runc-run", "runc-create", "nvidia-run", "nvidia-create"];

/// Configurations to choose from, until the value is dropped.
struct Site {
    _plugstack: Restored,
    _directory: tempfile::TempDir,
}

impl Site {
    /// With these configurations, and these words for plugstack.conf.
    fn new(profiles: &[(&str, String)], words: &str) -> Self {
        let directory = tempfile::tempdir_in(path("etc/spank-oci")).unwrap();
        // A configuration is for every user to read.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(directory.path(), mode).unwrap();
        let mut line = fs::read_to_string(plugstack()).unwrap().trim_end().to_owned();
        for (name, text) in profiles {
            let file = directory.path().join(format!("{name}.conf"));
            fs::write(&file, text).unwrap();
            line += &format!(" profile={name}:{}", file.display());
        }
        let restored = change(plugstack(), Some(&format!("{line} {words}\n")));
        Self { _plugstack: restored, _directory: directory }
    }
}

/// runc as nvidia-container-runtime, whose package is not to be had. It is runc that
/// is executed in the end, with a hook of NVIDIA's in config.json.
struct Nvidia(PathBuf);

impl Nvidia {
    fn new() -> Self {
        let link = path("bin/nvidia-container-runtime");
        let runc = ["/usr/sbin/runc", "/usr/bin/runc"].map(PathBuf::from);
        symlink(runc.into_iter().find(|file| file.exists()).unwrap(), &link).unwrap();
        Self(link)
    }

    /// A profile that finds it there.
    fn profile(&self, text: &str) -> String {
        text.replace("\"nvidia-container-runtime", &format!("\"{}", self.0.display()))
    }
}

impl Drop for Nvidia {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn each_oci_profile_runs_containers_and_ends_them() {
    leftovers::after(|| {
        let nvidia = Nvidia::new();
        let text = |name: &str| fs::read_to_string(format!("{PROFILES}/{name}.conf")).unwrap();
        let profiles = OCI.map(|name| (name, nvidia.profile(&text(name))));
        let _site = Site::new(&profiles, "");
        for name in OCI {
            let chosen = format!("--container-runtime={name}");
            let (chosen, container) = (chosen.as_str(), format!("--container={}", ALICE.bundle()));
            let srun = |command: &[&str], input: &[u8]| {
                let options = ["srun", "-wn1", chosen, &container];
                ALICE.run_with_input(&[&options, command].concat(), input)
            };
            let output = srun(&["sh", "-c", "cat; grep ^ID= /etc/os-release; exit 7"], b"in\n");
            assert_eq!(output.any_text(), "in\nID=busybox\n", "{name}: {}", output.story());
            assert_eq!(output.status, 7, "{name}");
            let asked_to_end =
                "trap 'echo asked; exit 3' TERM; (sleep 0.5; kill 1)& while :; do sleep 0.1; done";
            let output = srun(&["sh", "-c", asked_to_end], b"");
            assert_eq!((output.any_text().as_str(), output.status), ("asked\n", 3), "{name}");
        }
    });
}

#[test]
fn a_hook_as_nvidias_runs_before_the_container() {
    leftovers::after(|| {
        let nvidia = Nvidia::new();
        let text = |name: &str| fs::read_to_string(format!("{PROFILES}/{name}.conf")).unwrap();
        let profiles =
            ["nvidia-run", "nvidia-create"].map(|name| (name, nvidia.profile(&text(name))));
        let _site = Site::new(&profiles, "");
        let trace = ALICE.home("trace");
        let hook = ALICE.script(
            "hook",
            &format!("#!/bin/sh\ngrep -o 'n1.alice[0-9.]*' >{}\n", trace.display()),
        );
        let bundle = Variant::new("hooked", |config| {
            config["hooks"] = json!({"prestart": [{"path": hook, "args": ["nvidia-container-runtime-hook", "prestart"]}]});
        });
        for (name, _) in profiles {
            let chosen = format!("--container-runtime={name}");
            let container = format!("--container={}", bundle.path());
            let output =
                ALICE.run(&["srun", "-wn1", &chosen, &container, "sh", "-c", "echo $SLURM_JOB_ID"]);
            let job = output.text();
            // The state on the hook's standard input names the container.
            let told = fs::read_to_string(&trace).unwrap();
            assert!(told.contains(&format!("n1.alice.{}.0.0", job.trim())), "{name}: {told}");
            fs::remove_file(&trace).unwrap();
        }
    });
}

/// A configuration that shows itself by a variable which its containers lack.
fn without(variable: &str) -> String {
    RUN.replace("RUNTIME", "crun").replacen("SLURM_CONF|", &format!("{variable}|SLURM_CONF|"), 1)
}

#[test]
fn a_job_is_run_as_it_chooses_else_as_its_partition_says() {
    with_lines("", || {
        let profiles = [("one", without("ONE")), ("two", without("TWO"))];
        let _site = Site::new(&profiles, "partition=pgid:two");
        let show = "echo $ONE$TWO";
        let shown = |options: &str| {
            ALICE
                .sh(&format!(
                    "export ONE=1 TWO=2; srun {options} --container=$BUNDLE sh -c '{show}'"
                ))
                .text()
        };
        assert_eq!(shown("-wn1"), "12\n");
        assert_eq!(shown("-wn1 --container-runtime=one"), "2\n");
        assert_eq!(shown("-p pgid"), "1\n");
        assert_eq!(shown("-p pgid --export=ALL,MORE=1"), "1\n");
        assert_eq!(shown("-p pgid --container-runtime=one"), "2\n");
        let by_variable = ALICE.sh(&format!(
            "export ONE=1 TWO=2 SRUN_CONTAINER_RUNTIME=two; srun -wn1 --container=$BUNDLE sh -c '{show}'; srun -wn1 sh -c '{show}'"
        ));
        assert_eq!(by_variable.text(), "1\n12\n");

        // The steps of a batch job choose for themselves.
        let container = format!("--container={}", ALICE.bundle());
        let step = format!("srun {container} sh -c '{show}'");
        let one = step.replace("srun", "srun --container-runtime=one");
        let script = format!("#!/bin/sh\nexport ONE=1 TWO=2\n{one}\n{step}\n");
        assert_eq!(sbatch(&[&ALICE.script("job.sh", &script)]), "2\n12\n");
        let job = |options: &[&str]| {
            let wrap = format!("--wrap={show}");
            let exported = "--export=ALL,ONE=1,TWO=2";
            sbatch(&[&[&container, exported], options, &[&wrap]].concat())
        };
        assert_eq!(job(&["--container-runtime=one"]), "2\n");
        assert_eq!(job(&["-p", "pgid"]), "1\n");
    });
}

#[test]
fn a_runtime_that_the_site_does_not_have_is_refused_at_submission() {
    with_lines("", || {
        let _site = Site::new(&[("two", without("TWO")), ("one", without("ONE"))], "");
        let container = format!("--container={}", ALICE.bundle());
        for command in ["srun", "sbatch", "salloc"] {
            let more = if command == "sbatch" { "--wrap=true" } else { "true" };
            for (options, expected) in [
                (
                    ["--container-runtime=three", &container],
                    "--container-runtime: this site has no 'three'; choose one of: two, one",
                ),
                (
                    ["--container-runtime=one", "-N1"],
                    "--container-runtime is for containers: give --container or --oci-bundle too",
                ),
            ] {
                let output = ALICE.run(&[&[command], &options[..], &[more]].concat());
                assert_eq!(output.status, 1, "{}", output.story());
                assert_eq!(output.stderr, format!("{command}: error: spank-oci: {expected}\n"));
            }
            assert!(ALICE.run(&[command, "--help"]).text().contains("--container-runtime=NAME"));
        }
    });
    assert!(ALICE.run(&["squeue", "--noheader"]).text().is_empty());
}

//! `srun --bcast`: the program is copied to the nodes and runs in the container,
//! under the path it has there.

use std::{fs, path::PathBuf, process::Command};

use nix::unistd::chown;
use serde_json::{Value, json};

use crate::{
    cluster::{ALICE, Output, path},
    site::with_each_runtime,
};

/// Tells its own name, its arguments and whether it is in the bundle.
const PROGRAM: &str = "#!/bin/sh\necho $0 $# \"$1\" $(sed -n s/^ID=//p /etc/os-release)\n";

/// A directory of the host, and a bundle in which it is at the same place.
struct Shared {
    directory: PathBuf,
    bundle: PathBuf,
    program: String,
}

impl Shared {
    fn new() -> Self {
        let shared = Self {
            directory: path("shared"),
            bundle: path("bundles/shared"),
            program: ALICE.script("program", PROGRAM),
        };
        fs::create_dir(&shared.directory).unwrap();
        chown(&shared.directory, Some(ALICE.id().into()), None).unwrap();
        let id = ALICE.id().to_string();
        let mut make = Command::new("tests/bundles/make-busybox");
        let made = make.arg(&shared.bundle).args([&id, &id]).status();
        assert!(made.unwrap().success());
        let file = shared.bundle.join("config.json");
        let mut config: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        config["mounts"].as_array_mut().unwrap().push(json!({
            "destination": &shared.directory,
            "type": "bind",
            "source": &shared.directory,
            "options": ["rbind", "ro"],
        }));
        fs::write(file, config.to_string()).unwrap();
        shared
    }

    fn srun(&self, bcast: &str, options: &[&str]) -> Output {
        let container = format!("--container={}", self.bundle.display());
        let command = [&self.program, "one", "two words"];
        ALICE.srun(&[&[bcast, &container], options, &command].concat())
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
        let _ = fs::remove_dir_all(&self.bundle);
        let _ = fs::remove_file(&self.program);
    }
}

#[test]
fn a_copy_with_a_name_runs_in_the_container() {
    with_each_runtime(|| {
        let shared = Shared::new();
        let copy = shared.directory.join("copy").display().to_string();
        let output = shared.srun(&format!("--bcast={copy}"), &["-wn1"]);
        assert_eq!(output.text(), format!("{copy} 2 one busybox\n"), "{}", output.story());
    });
}

#[test]
fn a_copy_in_a_directory_has_the_name_that_slurm_gives_it() {
    with_each_runtime(|| {
        let shared = Shared::new();
        let directory = format!("{}/", shared.directory.display());
        let output = shared.srun(&format!("--bcast={directory}"), &["-N2", "-n2"]);
        let mut expected = Vec::new();
        for entry in fs::read_dir(&shared.directory).unwrap() {
            let copy = entry.unwrap().path().display().to_string();
            assert!(copy.starts_with(&format!("{directory}slurm_bcast_")), "{copy}");
            expected.push(format!("{copy} 2 one busybox"));
        }
        expected.sort();
        assert_eq!(expected.len(), 2, "{}", output.story());
        assert_eq!(output.sorted_lines(), expected, "{}", output.story());
    });
}

#[test]
fn a_copy_that_is_not_in_the_container_is_named_and_does_not_run_on_the_host() {
    with_each_runtime(|| {
        let shared = Shared::new();
        let copy = ALICE.home("copy").display().to_string();
        let unnamed = ALICE.home("slurm_bcast_").display().to_string();
        // Without a place it is copied to where the job works.
        for (bcast, name) in [("--bcast", &unnamed), (&format!("--bcast={copy}"), &copy)] {
            let output = shared.srun(bcast, &["-wn1"]);
            assert_ne!(output.status, 0, "{}", output.story());
            assert_eq!(output.any_text(), "", "{}", output.story());
            assert!(output.stderr.contains(name), "{}", output.story());
        }
        for entry in fs::read_dir(ALICE.home("")).unwrap() {
            let file = entry.unwrap();
            if file.file_name().to_string_lossy().starts_with("slurm_bcast_") {
                fs::remove_file(file.path()).unwrap();
            }
        }
        fs::remove_file(copy).unwrap();
    });
}

//! Batch scripts, and steps inside of them.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::{
    cluster::{ALICE, path},
    site::{with_crun_and_all_variables, with_each_runtime, with_lines},
};

/// Submits a job, waits for it, and returns its output.
pub fn sbatch(arguments: &[&str]) -> String {
    let output = format!("--output={}", ALICE.home("job.out").display());
    let run = ALICE.run(&[&["sbatch", "--wait", &output], arguments].concat());
    let written = fs::read_to_string(ALICE.home("job.out")).unwrap_or_default();
    assert_eq!(run.status, 0, "{}\njob: {written}", run.story());
    fs::remove_file(ALICE.home("job.out")).unwrap();
    // A step may have to wait until the one before it is gone.
    let waits = ["srun: Job ", "srun: Step created "];
    let lines = written.split_inclusive('\n');
    lines.filter(|line| !waits.iter().any(|begin| line.starts_with(begin))).collect()
}

#[test]
fn a_batch_script_runs_in_the_container_with_its_arguments() {
    with_each_runtime(|| {
        let script = ALICE.script(
            "job.sh",
            "#!/bin/sh\necho $#: \"$2\"\ngrep ^ID /etc/os-release\n{ echo changed >>$0; } 2>/dev/null || echo read-only\n",
        );
        let container = format!("--container={}", ALICE.bundle());
        let written = sbatch(&[&container, &script, "one", "two  words"]);
        assert_eq!(written, "2: two  words\nID=busybox\nread-only\n");
    });
}

#[test]
fn no_form_of_export_loses_the_container() {
    with_lines("", || {
        let container = format!("--container={}", ALICE.bundle());
        ALICE.script("variables", "PATH=/usr/bin:/bin\0MINE=1\0");
        let file = format!("--export-file={}", ALICE.home("variables").display());
        for export in ["--export=NONE", "--export=NIL", "--export=PATH", "--export=ALL", &file] {
            let wrap = "--wrap=grep ^ID= /etc/os-release; ! env | grep OCI_BUNDLE";
            assert_eq!(sbatch(&[&container, export, wrap]), "ID=busybox\n", "{export}");
            if export != file {
                let output = ALICE.srun(&[&container, export, "grep", "^ID=", "/etc/os-release"]);
                assert_eq!(output.text(), "ID=busybox\n", "{export}");
            }
        }
        // Slurm 26.05 hands no variable of the file on to steps, PATH neither.
        let step = "--wrap=/usr/bin/srun /bin/grep ^ID= /etc/os-release; ! env | grep OCI_BUNDLE";
        assert_eq!(sbatch(&[&file, step]), "ID=debian\n");
    });
}

#[test]
fn steps_of_a_batch_script_on_the_host_run_where_each_says() {
    with_each_runtime(|| {
        let script = ALICE.script(
            "job.sh",
            "#!/bin/sh\nsrun --container=$BUNDLE grep ^ID= /etc/os-release\nsrun grep ^ID= /etc/os-release\n",
        );
        assert_eq!(sbatch(&[&script]), "ID=busybox\nID=debian\n");
    });
}

#[test]
fn steps_of_a_batch_script_in_a_container_run_where_each_says() {
    // srun in the container is to be alice, which runc 1.1 cannot do: it wants
    // whoever runs it to be root inside. And it must find slurm.conf, which is at
    // an odd place here.
    with_crun_and_all_variables(|| {
        let host_bundle = host_in_a_bundle();
        let script = ALICE.script(
            "job.sh",
            "#!/bin/sh\ncat /this-is-the-bundle\nsrun sh -c 'test -e /this-is-the-bundle || echo host'\nsrun --container=$BUNDLE grep ^ID= /etc/os-release\nsrun --container=$OTHER cat /this-is-the-bundle\n",
        );
        let container = format!("--container={host_bundle}");
        let other = format!("--export=ALL,OTHER={host_bundle}");
        let written = sbatch(&[&container, &other, &script]);
        assert_eq!(written, "bundle\nhost\nID=busybox\nbundle\n");
        fs::remove_dir_all(&host_bundle).unwrap();
    });
}

#[test]
fn a_step_in_an_allocation_for_a_container_runs_on_the_host_unless_it_says_so() {
    with_each_runtime(|| {
        let script = "echo $SLURM_CONTAINER; srun grep ^ID= /etc/os-release; srun --container=$BUNDLE grep ^ID= /etc/os-release";
        let container = format!("--container={}", ALICE.bundle());
        let output = ALICE.run(&["salloc", "-n1", &container, "sh", "-c", script]);
        assert_eq!(output.text(), format!("{}\nID=debian\nID=busybox\n", ALICE.bundle()));
    });
}

#[test]
fn an_interactive_step_of_salloc_runs_in_the_container() {
    with_each_runtime(|| {
        let script = "echo 'grep ^ID= /etc/os-release; exit' | script -qec \"salloc -n1 --container=$BUNDLE\" /dev/null";
        let output = ALICE.sh(script);
        assert!(output.any_text().contains("ID=busybox"), "{}", output.story());
    });
}

/// A bundle that shows the host's own directories, so that Slurm's commands work
/// inside of it: an empty root with everything mounted, and a file to tell it by.
pub fn host_in_a_bundle() -> String {
    let bundle = path("bundles/host");
    let rootfs = bundle.join("rootfs");
    fs::create_dir_all(&rootfs).unwrap();
    fs::write(rootfs.join("this-is-the-bundle"), "bundle\n").unwrap();
    let mut mounts = Vec::new();
    for entry in fs::read_dir("/").unwrap().map(Result::unwrap) {
        let (source, place) = (entry.path(), rootfs.join(entry.file_name()));
        if source.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&source).unwrap(), place).unwrap();
        } else if source.is_dir() && source.file_name() != Some("lost+found".as_ref()) {
            fs::create_dir(place).unwrap();
            mounts.push(json!({"destination": source, "type": "bind", "source": source, "options": ["rbind", "rw"]}));
        }
    }
    let config = Path::new(&ALICE.bundle()).join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(config).unwrap()).unwrap();
    let id = ALICE.id();
    let map = json!([{"containerID": id, "hostID": id, "size": 1}]);
    config["process"]["user"] = json!({"uid": id, "gid": id});
    config["process"]["cwd"] = json!(ALICE.home(""));
    config["process"]["env"] = json!([]);
    config["root"] = json!({"path": "rootfs", "readonly": false});
    config["mounts"] = Value::Array(mounts);
    config["linux"] = json!({
        "uidMappings": map, "gidMappings": map,
        "namespaces": [{"type": "user"}, {"type": "mount"}],
    });
    config.as_object_mut().unwrap().shift_remove("hostname");
    fs::write(bundle.join("config.json"), config.to_string()).unwrap();
    let owned = std::process::Command::new("chown").args(["-R", "alice"]).arg(&bundle).status();
    assert!(owned.unwrap().success());
    bundle.display().to_string()
}

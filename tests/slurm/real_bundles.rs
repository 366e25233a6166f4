//! Bundles as people have them: written for root, with more limits and control groups
//! than a user may set, on file systems that cannot be written, with next to nothing
//! in them.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

use crate::{
    batch::sbatch,
    bundles::Variant,
    cluster::{ALICE, path},
    site::{Restored, change, site, with_each_runtime, with_each_runtime_and_mode, with_lines},
};

/// A task in a variant of the users' bundle says this.
fn assert_says(edit: impl Fn(&mut Value), command: &[&str], expected: &str) {
    with_each_runtime_and_mode(|| {
        let bundle = Variant::new("real", &edit);
        assert_eq!(ALICE.srun_in(&bundle.path(), command).text(), expected);
    });
}

fn drop_namespace(config: &mut Value, kind: &str) {
    let namespaces = config["linux"]["namespaces"].as_array_mut().unwrap();
    namespaces.retain(|namespace| namespace["type"] != kind);
}

/// The config.json that a runtime's `spec` makes for root.
fn made_for_root(runtime: &str) -> Value {
    let keep = tempfile::tempdir().unwrap();
    let status = Command::new(runtime).arg("spec").current_dir(keep.path()).status().unwrap();
    assert!(status.success(), "{runtime} spec: {status}");
    serde_json::from_slice(&fs::read(keep.path().join("config.json")).unwrap()).unwrap()
}

#[test]
fn a_config_json_made_for_root_runs_as_its_user() {
    for maker in ["runc", "crun"] {
        let made = made_for_root(maker);
        assert_eq!(made["process"]["terminal"], true, "{maker}");
        assert!(!made["linux"]["namespaces"].to_string().contains("user"), "{maker}");
        let edit = |config: &mut Value| {
            let root = config["root"].take();
            *config = made.clone();
            config["root"] = root;
        };
        let command =
            "id -u; readlink /proc/1/exe; ip link | grep -c LOOPBACK,UP; id -u >/dev/shm/x";
        assert_says(edit, &["sh", "-c", command], "0\n/bin/busybox\n1\n");
    }
}

#[test]
fn a_user_of_the_image_who_is_not_mapped_is_the_job_s_user() {
    let edit = |config: &mut Value| {
        drop_namespace(config, "user");
        config["linux"].as_object_mut().unwrap().retain(|key, _| !key.ends_with("Mappings"));
        config["process"]["user"] = json!({"uid": 1000, "gid": 1000, "additionalGids": [27]});
    };
    assert_says(edit, &["sh", "-c", "id -u; id -g"], "0\n0\n");
}

#[test]
fn limits_above_the_task_s_own_are_lowered_to_them() {
    let edit = |config: &mut Value| {
        config["process"]["rlimits"] = json!([
            {"type": "RLIMIT_NOFILE", "hard": u64::MAX, "soft": u64::MAX},
            {"type": "RLIMIT_CORE", "hard": 0, "soft": 0},
        ]);
    };
    let own = ALICE.srun(&["-wn1", "sh", "-c", "ulimit -Hn"]).text();
    assert_says(
        edit,
        &["sh", "-c", "ulimit -Hn; ulimit -Sn; ulimit -Hc"],
        &format!("{own}{own}0\n"),
    );
}

#[test]
fn control_groups_are_left_to_slurm() {
    let edit = |config: &mut Value| {
        config["linux"]["cgroupsPath"] = "/not/yours".into();
        config["linux"]["resources"] = json!({
            "devices": [{"allow": false, "access": "rwm"}],
            "memory": {"limit": 1 << 20},
            "cpu": {"shares": 10, "cpus": "0"},
            "pids": {"limit": 1},
        });
    };
    assert_says(edit, &["echo", "fine"], "fine\n");
}

#[test]
fn without_a_uts_namespace_the_host_keeps_its_name() {
    let edit = |config: &mut Value| drop_namespace(config, "uts");
    let name = ALICE.srun(&["-wn1", "hostname"]).text();
    assert_says(edit, &["hostname"], &name);
}

#[test]
fn those_who_ask_are_told_what_could_not_stay() {
    with_lines("StdIODebug=info\n", || {
        let bundle = Variant::new("real", |config| drop_namespace(config, "uts"));
        let output = ALICE.srun_in(&bundle.path(), &["true"]);
        let expected =
            "spank-oci: n1: task 0: bundle: hostname left out: there is no uts namespace";
        assert_eq!(output.messages(), [expected], "{}", output.story());
    });
    let bundle = Variant::new("real", |config| drop_namespace(config, "uts"));
    assert_eq!(ALICE.srun_in(&bundle.path(), &["true"]).messages(), Vec::<String>::new());
}

/// A rootfs beside the users' own, gone when the value is dropped.
struct Rootfs(PathBuf);

impl Rootfs {
    fn new() -> Self {
        let rootfs = Self(path("bundles").join("real.rootfs"));
        fs::create_dir(&rootfs.0).unwrap();
        rootfs
    }

    /// One with these directories and a static program, `/busybox`.
    fn with_program(directories: &[&str]) -> Self {
        let rootfs = Self::new();
        directories.iter().for_each(|name| fs::create_dir_all(rootfs.0.join(name)).unwrap());
        fs::copy("/bin/busybox", rootfs.0.join("busybox")).unwrap();
        rootfs
    }

    fn mount(&self, arguments: &[&str]) {
        let status = Command::new("mount").args(arguments).arg(&self.0).status().unwrap();
        assert!(status.success(), "mount {arguments:?}: {status}");
    }

    /// A bundle of it.
    fn bundle(&self) -> Variant {
        let rootfs = self.0.display().to_string();
        Variant::new("real", |config| config["root"]["path"] = rootfs.clone().into())
    }
}

impl Drop for Rootfs {
    fn drop(&mut self) {
        let is_mounted = || {
            let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
            mounts.contains(&format!(" {} ", self.0.display()))
        };
        while is_mounted() && Command::new("umount").arg(&self.0).status().is_ok() {}
        let _ = fs::remove_file(&self.0).or_else(|_| fs::remove_dir_all(&self.0));
    }
}

#[test]
fn a_rootfs_behind_links() {
    with_each_runtime_and_mode(|| {
        let rootfs = Rootfs(path("bundles").join("real.rootfs"));
        symlink(Path::new(&ALICE.bundle()).join("rootfs"), &rootfs.0).unwrap();
        let bundle = rootfs.bundle();
        assert_eq!(ALICE.srun_in(&bundle.path(), &["echo", "fine"]).text(), "fine\n");
    });
}

#[test]
fn an_image_with_one_static_program_and_nothing_else() {
    with_each_runtime_and_mode(|| {
        let rootfs = Rootfs::with_program(&["dev", "proc", "sys"]);
        let output =
            ALICE.srun_in(&rootfs.bundle().path(), &["/busybox", "sh", "-c", "id -u; id -g; pwd"]);
        assert_eq!(output.text(), "0\n0\n/\n");
        let output = ALICE.srun_in(&rootfs.bundle().path(), &["/bin/sh"]);
        assert_ne!(output.status, 0);
        assert!(output.stderr.contains("/bin/sh"), "{}", output.story());
    });
}

/// An image that belongs to root, and a bundle of it that mounts where the image has
/// nothing, as the site does with the spool directory.
struct Sealed {
    rootfs: Rootfs,
    bundle: Variant,
    _site: Restored,
    _scratch: tempfile::TempDir,
}

impl Sealed {
    fn new() -> Self {
        let text = fs::read_to_string(site()).unwrap() + "MountSpoolDir=/var/run/slurm\n";
        let restored = change(site(), Some(&text));
        let rootfs = Rootfs::with_program(&["dev", "proc", "sys", "tmp", "run", "var", "data"]);
        for name in ["tmp/id", "run/id", "data/id"] {
            fs::write(rootfs.0.join(name), "of the image\n").unwrap();
        }
        symlink("/run", rootfs.0.join("var/run")).unwrap();
        let scratch = tempfile::tempdir_in(path("state")).unwrap();
        fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(scratch.path().join("new"), "").unwrap();
        let mut bundle = rootfs.bundle();
        bundle.edit(|config| mount(config, "/scratch/alice", scratch.path()));
        Self { rootfs, bundle, _site: restored, _scratch: scratch }
    }

    fn put_on_a_read_only_file_system(&self) {
        self.rootfs.mount(&["--bind", self.rootfs.0.to_str().unwrap()]);
        self.rootfs.mount(&["-o", "remount,bind,ro"]);
    }

    /// A step sees all that is mounted, and all that the image has.
    fn assert_all_there(&self) {
        let look = "cat /data/id /var/run/id /run/id /tmp/id
            ls -d /var/run/slurm/task-0/config.json /scratch/alice/n*
            ! touch /data/x";
        let look = look.replace("cat", "/busybox cat").replace("ls", "/busybox ls");
        let output = ALICE.srun_in(&self.bundle.path(), &["/busybox", "sh", "-c", &look]);
        let expected = "/scratch/alice/new\n/var/run/slurm/task-0/config.json\n";
        assert_eq!(output.text(), "of the image\n".repeat(4) + expected);
    }

    /// A batch job sees its script.
    fn assert_runs_a_script(&self) {
        let script = ALICE.script("job.sh", "#!/busybox sh\n/busybox cat /tmp/id\n");
        let container = format!("--container={}", self.bundle.path());
        assert_eq!(sbatch(&["-wn1", &container, &script]), "of the image\n");
    }
}

fn mount(config: &mut Value, destination: &str, source: &Path) {
    let mount =
        json!({"destination": destination, "type": "none", "source": source, "options": ["rbind"]});
    config["mounts"].as_array_mut().unwrap().push(mount);
}

#[test]
fn an_image_that_cannot_be_written_takes_all_mounts() {
    with_each_runtime_and_mode(|| {
        let sealed = Sealed::new();
        sealed.assert_all_there();
        sealed.put_on_a_read_only_file_system();
        sealed.assert_all_there();
    });
}

#[test]
fn an_image_that_cannot_be_written_takes_a_batch_script() {
    with_each_runtime(|| {
        let mut sealed = Sealed::new();
        sealed.put_on_a_read_only_file_system();
        // Without a temporary file system the script goes below /tmp.
        sealed.bundle.edit(|config| {
            let mounts = config["mounts"].as_array_mut().unwrap();
            mounts.retain(|mount| !mount["destination"].as_str().unwrap().starts_with("/dev"));
            mount(config, "/dev", Path::new("/dev"));
            config["root"]["readonly"] = false.into();
        });
        sealed.assert_runs_a_script();
    });
}

#[test]
fn an_image_on_an_overlay() {
    with_each_runtime_and_mode(|| {
        let (rootfs, layers) = (Rootfs::new(), tempfile::tempdir_in(path("state")).unwrap());
        let [upper, work] = ["upper", "work"].map(|name| layers.path().join(name));
        for directory in [&upper, &work] {
            fs::create_dir(directory).unwrap();
        }
        let lower = Path::new(&ALICE.bundle()).join("rootfs");
        let options = format!(
            "lowerdir={},upperdir={},workdir={}",
            lower.display(),
            upper.display(),
            work.display()
        );
        rootfs.mount(&["-t", "overlay", "overlay", "-o", &options]);
        let bundle = rootfs.bundle();
        assert_eq!(ALICE.srun_in(&bundle.path(), &["echo", "fine"]).text(), "fine\n");
    });
}

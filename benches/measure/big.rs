//! Big inputs: what the helper adds to a container's start for a large config.json, and
//! what a runtime takes to read the same file.

use std::{
    fs,
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use nix::unistd::geteuid;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use spank_oci::request::{Delivery, Request, VARIABLE};

use crate::{
    Effort,
    result::build,
    rounds::{Case, Samples, take},
    tell,
};

const CONFIG: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/bundles/rootless.json"));
/// A user that no system has.
const USER: u32 = 54_321;
/// Parts of the whole size that are measured.
const PARTS: [usize; 3] = [4, 2, 1];
/// Sizes of the largest inputs.
const ANNOTATIONS: usize = 50_000;
const MOUNTS: usize = 5_000;
const VARIABLES: usize = 20_000;

/// A kind of input, in growing sizes.
#[derive(Serialize, Deserialize)]
pub struct Input {
    pub name: String,
    pub sizes: Vec<Size>,
}

#[derive(Serialize, Deserialize)]
pub struct Size {
    pub entries: usize,
    /// Bytes of config.json.
    pub bytes: u64,
    /// Milliseconds of the helper, and of each runtime until it has read a file as the
    /// helper writes it.
    pub wall: Samples,
}

/// What makes config.json big.
#[derive(Clone, Copy)]
enum Kind {
    /// Nothing.
    Small,
    Annotations,
    Mounts,
    /// Mounts in an image that the user cannot write.
    MountsOfASealedImage,
    Variables,
}

pub fn measure(effort: Effort) -> Vec<Input> {
    tell("big inputs");
    let input = |name: &str, kind: Kind, most: usize| {
        let size = |part: &usize| size(kind, most / part, effort);
        Input { name: name.to_owned(), sizes: PARTS.iter().map(size).collect() }
    };
    vec![
        Input { name: "small".to_owned(), sizes: vec![size(Kind::Small, 0, effort)] },
        input("annotations", Kind::Annotations, ANNOTATIONS),
        input("mounts", Kind::Mounts, MOUNTS),
        input("mounts in an image of another's", Kind::MountsOfASealedImage, MOUNTS),
        input("variables", Kind::Variables, VARIABLES),
    ]
}

fn size(kind: Kind, entries: usize, effort: Effort) -> Size {
    let site = Place::make(kind, entries);
    let ours = Case::new("helper", || run(&mut site.helper(), true));
    // A container of that name is there, which a runtime sees once config.json is read.
    let runtimes = ["crun", "runc"]
        .map(|runtime| Case::new(runtime, || run(&mut site.runtime(runtime), false)));
    let bytes = fs::metadata(site.path("bundle/config.json")).unwrap().len();
    let cases: Vec<_> = [ours].into_iter().chain(runtimes).collect();
    Size { entries, bytes, wall: take(&cases, effort.rounds(20)) }
}

fn run(command: &mut Command, succeeds: bool) -> f64 {
    let start = Instant::now();
    let output = command.stdin(Stdio::null()).output().unwrap();
    let elapsed = start.elapsed();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() == succeeds, "{command:?}: {}, {told}", output.status);
    assert!(succeeds || told.contains("exist"), "{told}");
    elapsed.as_secs_f64() * 1e3
}

/// A site, a bundle and a helper, for a user who may be another one than this.
struct Place {
    directory: tempfile::TempDir,
    variables: usize,
}

impl Place {
    fn make(kind: Kind, entries: usize) -> Self {
        // Half of them are the job's.
        let variables = if matches!(kind, Kind::Variables) { entries / 2 } else { 0 };
        let place = Self { directory: tempfile::tempdir().unwrap(), variables };
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(place.path(""), mode).unwrap();
        let names = [
            "bundle",
            "bundle/rootfs",
            "edited",
            "edited/rootfs",
            "spool",
            "runtimes",
            "runtimes/there",
        ];
        names.iter().for_each(|name| fs::create_dir(place.path(name)).unwrap());
        let sealed = matches!(kind, Kind::MountsOfASealedImage);
        for name in names {
            if geteuid().is_root() && !(sealed && name == "bundle/rootfs") {
                chown(place.path(name), Some(USER), Some(USER)).unwrap();
            }
        }
        let mut config: Value =
            serde_json::from_str(&CONFIG.replace("@UID@", "54321").replace("@GID@", "54321"))
                .unwrap();
        grow(&mut config, kind, entries - variables);
        fs::write(place.path("bundle/config.json"), config.to_string()).unwrap();
        grow(&mut config, Kind::Variables, variables);
        fs::write(place.path("edited/config.json"), config.to_string()).unwrap();
        let conf = ["Run", "Kill", "Delete"].map(|name| format!("RunTime{name}=\"/bin/true\"\n"));
        fs::write(place.path("oci.conf"), conf.concat()).unwrap();
        fs::copy(build().join("spank-oci"), place.path("spank-oci")).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A command of the user's.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").current_dir("/");
        command.envs((0..self.variables).map(|number| (format!("JOB_{number}"), "a value of it")));
        if geteuid().is_root() {
            command.uid(USER).gid(USER);
        }
        command
    }

    fn helper(&self) -> Command {
        let request = Request {
            bundle: self.path("bundle"),
            config: self.path("oci.conf"),
            spool: self.path("spool"),
            job: 1,
            step: 0,
            task: 0,
            delivery: Delivery::Everyone,
            program: None,
        };
        let mut command = self.command(&self.path("spank-oci"));
        command.arg("true").env(VARIABLE, request.encode());
        command
    }

    fn runtime(&self, name: &str) -> Command {
        let mut command = self.command(Path::new(name));
        command.args(["--rootless=true", "--root"]).arg(self.path("runtimes"));
        command.args(["run", "--bundle"]).arg(self.path("edited")).arg("there");
        command
    }
}

fn grow(config: &mut Value, kind: Kind, entries: usize) {
    match kind {
        Kind::Small => {}
        Kind::Annotations => {
            let entry = |number| (format!("org.example.annotation-{number:06}"), "x".repeat(64));
            let all: std::collections::BTreeMap<_, _> = (0..entries).map(entry).collect();
            config["annotations"] = json!(all);
        }
        Kind::Mounts | Kind::MountsOfASealedImage => {
            let entry = |number: usize| json!({"destination": format!("/mnt/part-{}/{number:06}", number % 10), "type": "bind", "source": "/tmp", "options": ["rbind", "ro", "nosuid"]});
            config["mounts"].as_array_mut().unwrap().extend((0..entries).map(entry));
        }
        Kind::Variables => {
            let entry = |number: usize| json!(format!("BUNDLE_{number}=a value of it"));
            config["process"]["env"].as_array_mut().unwrap().extend((0..entries).map(entry));
        }
    }
}

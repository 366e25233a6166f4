//! `spank-oci doctor` on a node without Slurm, as an administrator sees it. Files of the
//! node that are not to be there are hidden in a mount namespace of its own.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use nix::unistd::{User, geteuid};
use serde_json::Value;

/// Whom every system has.
const USER: &str = "nobody";
/// What makes a node one with Slurm.
const SLURM: [&str; 3] = ["/usr/bin/srun", "/usr/sbin/slurmd", "/usr/bin/scontrol"];
/// Hides the files whose names come before `--`, if they are there, and Slurm's
/// configuration.
const HIDE: &str = r#"
    while [ "$1" != -- ]; do [ ! -e "$1" ] || mount --bind /dev/null "$(readlink -f "$1")"; shift; done
    [ ! -d /etc/slurm ] || mount -t tmpfs none /etc/slurm
    shift
    exec "$@""#;

/// A directory that the user may enter, with the program and a configuration for runc.
struct Site {
    directory: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        assert!(geteuid().is_root(), "needs root, to run containers as somebody else");
        let site = Self { directory: tempfile::tempdir().unwrap() };
        fs::set_permissions(site.directory.path(), Permissions::from_mode(0o755)).unwrap();
        fs::copy(env!("CARGO_BIN_EXE_spank-oci"), site.path("spank-oci")).unwrap();
        fs::create_dir(site.path("root")).unwrap();
        let user = User::from_name(USER).unwrap().unwrap();
        chown(site.path("root"), Some(user.uid.as_raw()), Some(user.gid.as_raw())).unwrap();
        let guide = include_str!("data/slurm/run.conf");
        let text = guide
            .replace("RUNTIME", "runc")
            .replace("/run/user/%U/", site.path("root").to_str().unwrap());
        fs::write(site.path("oci.conf"), text).unwrap();
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// `doctor` with these arguments, on a node without these files.
    fn doctor(&self, hidden: &[&str], arguments: &[&str]) -> Output {
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-euc", HIDE, "hide"]).args(SLURM).args(hidden).arg("--");
        command.arg(self.path("spank-oci")).args(["doctor", "--user", USER]).args(arguments);
        command.env_remove("SLURM_CONF").output().unwrap()
    }

    /// What it says as JSON, without running containers.
    fn report(&self, hidden: &[&str], arguments: &[&str]) -> Report {
        let conf = self.path("oci.conf");
        let usual = ["--format=json", "--no-containers", "--conf", conf.to_str().unwrap()];
        Report::of(&self.doctor(hidden, &[usual.as_slice(), arguments].concat()))
    }
}

/// What `--format json` says, and the exit status.
struct Report {
    value: Value,
    status: i32,
}

impl Report {
    fn of(output: &Output) -> Self {
        let value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!("{error}: {}", String::from_utf8_lossy(&output.stderr));
        });
        Self { value, status: output.status.code().unwrap() }
    }

    /// Verdict, what was seen, and the remedy of one subject.
    fn about(&self, subject: &str) -> [String; 3] {
        let sections = self.value["sections"].as_array().unwrap();
        let mut findings = sections.iter().flat_map(|it| it["findings"].as_array().unwrap());
        let found = findings.find(|it| it["subject"] == subject);
        let found = found.unwrap_or_else(|| panic!("no {subject}: {:#}", self.value));
        ["verdict", "seen", "remedy"].map(|key| found[key].as_str().unwrap_or_default().to_owned())
    }
}

#[test]
fn without_slurm_containers_are_tried_all_the_same() {
    let site = Site::new();
    let conf = site.path("oci.conf");
    let output = site.doctor(&[], &["--format=json", "--conf", conf.to_str().unwrap()]);
    let report = Report::of(&output);
    assert_eq!(
        report.about("Slurm"),
        ["skip", "not installed here: there is no slurmd and no srun", ""]
    );
    for subject in ["a try at one", "a task", "its end", "the guide's test"] {
        assert_eq!(report.about(subject)[0], "ok", "{subject}: {:?}", report.about(subject));
    }
    let root = site.path("root").display().to_string();
    assert_eq!(
        report.about("the guide's test")[1],
        format!("runc --rootless=true --root={root}: create, start, kill, delete")
    );
    assert_eq!(report.about(conf.to_str().unwrap())[..2], ["ok", "root's alone, no mistakes"]);
    assert_eq!(fs::read_dir(site.path("root")).unwrap().count(), 0, "a container is left");
    let names = fs::read_dir("/tmp").unwrap().flatten().map(|it| it.file_name());
    let left = names.filter(|name| name.to_string_lossy().starts_with("spank-oci-doctor."));
    assert_eq!(left.collect::<Vec<_>>(), [""; 0], "files are left");
}

#[test]
fn missing_programs_are_told_with_what_to_install() {
    let site = Site::new();
    let report = site.report(&["/usr/bin/newuidmap", "/usr/sbin/runc", "/usr/bin/runc"], &[]);
    assert_eq!(
        report.about("newuidmap"),
        [
            "warn",
            "not there: only bundles that map nobody but the user run",
            "run: apt-get install uidmap (Debian, Ubuntu), or: dnf install shadow-utils (Fedora, RHEL)"
        ]
    );
    assert_eq!(report.about("runc")[0], "fail");
    assert_eq!(report.about("runc")[2], "install it, or correct oci.conf");
    assert_eq!(report.about("containers")[..2], ["skip", "left out, as you asked"]);
    assert_eq!((report.value["verdict"].as_str(), report.status), (Some("fail"), 2));
}

#[test]
fn newuidmap_without_rights_maps_nobody() {
    let site = Site::new();
    fs::copy("/usr/bin/newuidmap", site.path("newuidmap")).unwrap();
    // Found first on the runtimes' path; a copy has no rights.
    let local = Path::new("/usr/local/bin/newuidmap");
    if local.exists() {
        panic!("'{}' is in the way of this test", local.display());
    }
    let mut command = Command::new("unshare");
    let script =
        "mount -t tmpfs none /usr/local/bin; cp \"$0\" /usr/local/bin/newuidmap; exec \"$@\"";
    command.args(["--mount", "sh", "-euc", script]).arg(site.path("newuidmap"));
    command.arg(site.path("spank-oci")).args(["doctor", "--user", USER]);
    let report = Report::of(&command.args(["--format=json", "--no-containers"]).output().unwrap());
    assert_eq!(
        report.about("newuidmap"),
        [
            "warn",
            "'/usr/local/bin/newuidmap' is neither setuid root nor has file capabilities: it maps nobody",
            "run: chown root '/usr/local/bin/newuidmap' && chmod u+s '/usr/local/bin/newuidmap'"
        ]
    );
}

#[test]
fn a_plugstack_conf_is_looked_at_before_it_is_installed() {
    let site = Site::new();
    let plugstack = site.path("plugstack.conf");
    let shown = plugstack.display();
    let helper = site.path("spank-oci").display().to_string();
    fs::write(&plugstack, format!("# ours\noptional /missing/spank_oci.so helper={helper}\n"))
        .unwrap();
    let report = site.report(&[], &["--plugstack", plugstack.to_str().unwrap()]);
    assert_eq!(report.about("plugstack.conf")[0], "warn");
    assert_eq!(
        report.about("plugstack.conf")[2],
        format!("write 'required' for 'optional' in {shown}:2")
    );
    assert_eq!(
        report.about("library"),
        ["fail", "there is no '/missing/spank_oci.so'", "install it, or correct plugstack.conf"]
    );
    let release = env!("CARGO_PKG_VERSION");
    assert_eq!(report.about("helper")[..2], ["ok", &format!("{helper}, release {release}")]);
    assert_eq!(report.about("loading it")[0], "skip");
}

#[test]
fn a_configuration_with_mistakes_is_not_tried() {
    let site = Site::new();
    let conf = site.path("oci.conf");
    fs::write(&conf, "Nonsense=1\n").unwrap();
    let report = site.report(&[], &[]);
    let [verdict, seen, remedy] = report.about(conf.to_str().unwrap());
    assert_eq!(verdict, "fail");
    assert!(seen.ends_with(" mistakes"), "{seen}");
    assert_eq!(remedy, format!("run: spank-oci check --conf {}", conf.display()));
}

#[test]
fn people_get_aligned_lines_and_a_summary() {
    let site = Site::new();
    let conf = site.path("oci.conf");
    let output = site.doctor(&[], &["--no-containers", "--conf", conf.to_str().unwrap()]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("Kernel\n  ok    user namespaces "), "{text}");
    assert!(text.contains("\nSlurm\n  skip  Slurm "), "{text}");
    assert!(text.trim_end().lines().last().unwrap().contains("2 not looked at"), "{text}");
    assert!(!text.contains('\u{1b}'), "colours without a terminal: {text}");
}

#[test]
fn warnings_count_only_for_those_who_are_strict() {
    let site = Site::new();
    // Without it there is a warning for sure, but no failure of its own.
    let hidden = ["/usr/bin/newgidmap"];
    let relaxed = site.report(&hidden, &[]);
    let strict = site.report(&hidden, &["--strict"]);
    assert_eq!(relaxed.value, strict.value);
    match relaxed.value["verdict"].as_str().unwrap() {
        "warn" => assert_eq!((relaxed.status, strict.status), (0, 1)),
        verdict => panic!("{verdict}: {:#}", relaxed.value),
    }
}

#[test]
fn a_user_who_is_not_there_is_named() {
    let output = Command::new(env!("CARGO_BIN_EXE_spank-oci"))
        .args(["doctor", "--user", "no-such-user"])
        .output()
        .unwrap();
    assert_eq!(output.stderr, b"spank-oci: there is no user 'no-such-user' on this node\n");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn the_help_has_examples() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_spank-oci")).args(["doctor", "--help"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("Examples:\n  sudo spank-oci doctor --user alice"), "{text}");
    assert!(text.contains("Exit status:"), "{text}");
}

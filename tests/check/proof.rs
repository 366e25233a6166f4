//! What `check` says is true: crun and runc, started by the helper as an ordinary user,
//! run what it finds no error in, and nothing else.

use std::{
    fs::{self, Permissions},
    os::unix::{
        fs::{PermissionsExt, chown},
        process::ExitStatusExt,
    },
    process::{Command, Output},
};

use spank_oci::request::{self, Delivery, Request};

use crate::user::{Place, cases, changed};

/// Runtimes refuse a mixture of cgroup v1 and v2, which this machine may have.
const WORLD: &str =
    "mount --make-rprivate / && mount -t cgroup2 none /sys/fs/cgroup && exec \"$@\"";

/// What older releases of crun (1.8, 1.21) let pass, and newer ones and runc do not.
const WORSE_SINCE: [&str; 2] = ["one type twice", "poststart"];

/// A site with this runtime, which keeps its state in the place.
fn site(place: &Place, runtime: &str) -> String {
    let option = if runtime == "crun" { "--cgroup-manager=disabled" } else { "--rootless=true" };
    let command = format!("{runtime} {option} --root={}", place.path("state").display());
    format!(
        "RunTimeRun=\"{command} run --bundle %b %n.%j.%s.%t\"\nRunTimeKill=\"{command} kill %n.%j.%s.%t KILL\"\nRunTimeDelete=\"{command} delete --force %n.%j.%s.%t\"\n"
    )
}

/// The helper in the role that slurmstepd gives it.
fn task(place: &Place, bundle: &str) -> Output {
    let request = Request {
        bundle: place.path(bundle),
        config: place.path("oci.conf"),
        spool: place.directory("spool"),
        job: 7,
        step: 0,
        task: 0,
        delivery: Delivery::Task,
        program: None,
    };
    place.directory("state");
    let helper = place.program();
    let mut command = Command::new("unshare");
    command.args(["--mount", "timeout", "60", "sh", "-c", WORLD, "sh"]).arg(helper.get_program());
    command.args(helper.get_args()).args(["sh", "-c", "exit 7"]).env_clear();
    command
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("XDG_RUNTIME_DIR", place.path("state"));
    command.env(request::VARIABLE, request.encode()).output().unwrap()
}

#[test]
fn what_is_called_an_error_fails_and_nothing_else() {
    let place = Place::new();
    let mut wrong = Vec::new();
    for runtime in ["crun", "runc"] {
        fs::write(place.path("oci.conf"), site(&place, runtime)).unwrap();
        for (_, cases) in cases() {
            for (name, changes) in cases {
                place.write("bundle/config.json", &changed(&place, &changes));
                let (told, status) = place.check(&["--conf", "oci.conf", "bundle"]);
                let output = task(&place, "bundle");
                let ran = output.status.code() == Some(7);
                let early = ran && runtime == "crun" && WORSE_SINCE.contains(&name.as_str());
                if ran != (status == 0) && !early {
                    let story = String::from_utf8_lossy(&output.stderr).into_owned();
                    let status = output.status.code().or(output.status.signal());
                    wrong.push(format!("{runtime}: {name}: {status:?}\n{story}\n{told}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_image_behind_a_closed_directory_is_an_error() {
    let place = Place::new();
    let image = place.path("image");
    fs::rename(place.path("bundle/rootfs"), &image).unwrap();
    chown(&image, Some(0), Some(0)).unwrap();
    fs::set_permissions(&image, Permissions::from_mode(0o700)).unwrap();
    let changes = serde_json::json!({"/root/path": image});
    place.write("bundle/config.json", &changed(&place, &changes));
    for runtime in ["crun", "runc"] {
        fs::write(place.path("oci.conf"), site(&place, runtime)).unwrap();
        let (told, status) = place.check(&["--conf", "oci.conf", "bundle"]);
        assert!(told.contains("error: you may not enter the root file system"), "{told}");
        assert_eq!(status, 2);
        assert_ne!(task(&place, "bundle").status.code(), Some(7), "{runtime}");
    }
}

/// Bundles as people make them, without a word about who will run them.
const MAKERS: [(&str, &str); 5] = [
    ("runc-rootless", "runc spec --rootless"),
    ("runc", "runc spec"),
    ("crun-rootless", "crun spec --rootless"),
    ("crun", "crun spec"),
    (
        "umoci",
        "umoci init --layout layout && umoci new --image layout:i &&
        umoci insert --rootless --image layout:i \"$(realpath ../bundle/rootfs)\" / &&
        umoci unpack --rootless --image layout:i unpacked && mv unpacked/* .",
    ),
];

#[test]
fn bundles_by_those_who_make_them_have_no_errors_and_run() {
    let place = Place::new();
    for (name, script) in MAKERS {
        let directory = place.directory(name);
        let script = format!("{script} && {{ [ -e rootfs ] || ln -s ../bundle/rootfs rootfs; }}");
        let mut maker = place.user(&["sh", "-e", "-c", &script]);
        let made = maker.current_dir(&directory).env("HOME", &directory).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        for runtime in ["crun", "runc"] {
            fs::write(place.path("oci.conf"), site(&place, runtime)).unwrap();
            let (told, status) = place.check(&["--conf", "oci.conf", name]);
            assert_eq!(status, 0, "{runtime}: {told}");
            let output = task(&place, name);
            let story = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(7), "{name}, {runtime}: {story}");
        }
    }
}

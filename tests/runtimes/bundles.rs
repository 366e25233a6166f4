//! `spank-oci bundle` by an ordinary user: a bundle from every kind of source, each run
//! under `srun --container` and by hand.

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};

use crate::{
    cluster::{ALICE, AS_USER, path},
    makers::{Place, Registry, assert_is, assert_runs, make_layout, podman_export, ready},
};

/// Makes `bundle` of it, after a script.
fn make(place: &Place, script: &str, source: &str) -> String {
    let program = path("bin/spank-oci");
    place.alice(&format!("{script}\n{} bundle bundle --from {source}", program.display()))
}

/// The bundle is complete, runs as what it should be, and nothing else was left.
fn assert_made(place: &Place, told: &str, id: &str) {
    let bundle = place.path("bundle");
    assert_eq!(
        told,
        format!("bundle ready: {bundle}; try: srun --container={bundle} cat /etc/os-release\n")
    );
    let hidden = place.alice("ls -A | grep '^[.]' || true");
    assert_eq!(hidden, "");
    assert_is(&bundle, id);
    by_hand(place, id);
}

/// Without Slurm and the helper, which would adapt it.
fn by_hand(place: &Place, id: &str) {
    let bundle = place.0.join("bundle");
    let text = fs::read(bundle.join("config.json")).unwrap();
    let mut config: Value = serde_json::from_slice(&text).unwrap();
    let rootfs = bundle.join(config["root"]["path"].as_str().unwrap());
    config["root"]["path"] = json!(rootfs);
    config["process"]["args"] = json!(["grep", "^ID=", "/etc/os-release"]);
    let by_hand = place.0.join("by-hand");
    fs::create_dir(&by_hand).unwrap();
    fs::write(by_hand.join("config.json"), config.to_string()).unwrap();
    for runtime in ["crun", "runc"] {
        let run = format!("{runtime} --root $HOME/state run --bundle by-hand hand </dev/null");
        assert_eq!(place.alice(&run), format!("ID={id}\n"), "{runtime}");
    }
    fs::remove_dir_all(by_hand).unwrap();
}

#[test]
fn an_image_in_a_layout() {
    let place = Place::new();
    make_layout(&place);
    // The image's own user is nobody whom a user may be.
    let user = "umoci config --image layout:latest --config.user 1000:1000";
    let told = make(&place, user, "oci:layout");
    assert_made(&place, &told, "busybox");
    assert_runs(&place.path("bundle"), &["sh", "-c", "echo $MINE; id -u"], "image\n0\n");
    let made = fs::read_dir(place.0.join("bundle")).unwrap().count();
    assert_eq!(made, 2, "more than config.json and rootfs");
}

#[test]
fn an_image_saved_by_docker_or_podman_and_one_in_an_archive() {
    for kind in ["docker-archive", "oci-archive"] {
        let place = Place::new();
        make_layout(&place);
        let save = format!("skopeo copy --quiet oci:layout:latest {kind}:image.tar:tiny:latest");
        let told = make(&place, &save, &format!("{kind}:image.tar"));
        assert_made(&place, &told, "busybox");
    }
}

#[test]
fn an_image_in_a_registry() {
    let place = Place::new();
    make_layout(&place);
    let registry = Registry::new(&place);
    let address = Registry::ADDRESS;
    let settings = ALICE.home(".config/containers");
    let image = format!("docker://{address}/tiny:latest");
    let push = format!(
        "mkdir -p {0}; printf '[[registry]]\nlocation = \"{address}\"\ninsecure = true\n' >{0}/registries.conf
        skopeo copy --quiet oci:layout:latest {image}",
        settings.display()
    );
    let told = make(&place, &push, &image);
    drop(registry);
    fs::remove_file(settings.join("registries.conf")).unwrap();
    assert_made(&place, &told, "busybox");
}

#[test]
fn what_podman_exports_as_docker_does() {
    let place = Place::new();
    podman_export(&place);
    let told = make(&place, "zstd -q tiny.tar", "tiny.tar.zst");
    assert_made(&place, &told, "busybox");
    let program = path("bin/spank-oci");
    let pipe = format!("rm -r bundle; cat tiny.tar | {} bundle bundle --from -", program.display());
    assert_made(&place, &place.alice(&pipe), "busybox");
}

#[test]
fn an_archive_with_devices_and_other_owners() {
    let place = Place::new();
    let rootfs = Path::new(&ALICE.bundle()).join("rootfs");
    place.root(&format!(
        "cp -a {} other; mknod other/dev/null c 1 3; mknod other/disk b 7 0
        mkdir -m 700 other/private; echo x >other/private/file; chown -R 12345:54321 other
        chmod 4755 other/bin/busybox; tar -C other -cf other.tar .; rm -r other",
        rootfs.display()
    ));
    let told = make(&place, "", "other.tar 2>told");
    assert_made(&place, &told, "busybox");
    let told = fs::read_to_string(place.0.join("told")).unwrap();
    let left_out = "device nodes left out: a container has its own in /dev\n\
         set-user-id or set-group-id bits left out (1 files)\n";
    assert!(told.starts_with(left_out), "{told}");
    assert_runs(&place.path("bundle"), &["cat", "/private/file"], "x\n");
    place.alice("test ! -e bundle/rootfs/disk; rm -r bundle");
}

#[test]
fn a_directory_that_belongs_to_the_site() {
    let place = Place::new();
    let rootfs = Path::new(&ALICE.bundle()).join("rootfs");
    place.root(&format!(
        "cp -a {} shared; chown -R 0:0 shared; mkdir -p shared/proc shared/sys shared/dev",
        rootfs.display()
    ));
    let told = make(&place, "", "dir:shared");
    assert_made(&place, &told, "busybox");
}

#[test]
fn a_bundle_that_was_made_for_root() {
    let place = Place::new();
    make_layout(&place);
    place.root("umoci unpack --image layout:latest roots; chmod 755 roots");
    let told = make(&place, "", "bundle:roots");
    assert_made(&place, &told, "busybox");
    let text = fs::read_to_string(place.0.join("bundle/config.json")).unwrap();
    assert!(!text.contains("\"network\"") && text.contains("\"uidMappings\""), "{text}");
}

#[test]
fn a_bundle_that_root_makes_is_for_everybody() {
    let place = Place::new();
    let rootfs = Path::new(&ALICE.bundle()).join("rootfs");
    let program = path("bin/spank-oci");
    place.root(&format!(
        "tar -C {} -c . | {} bundle bundle --from -",
        rootfs.display(),
        program.display()
    ));
    assert_is(&place.path("bundle"), "busybox");
}

#[test]
fn a_debian_without_the_network() {
    let place = Place::new();
    let mirror = format!("deb [trusted=yes] copy:{}/ ./", ready("mirror").display());
    // Not through `make`: all its packages take longer than any other command.
    let output = Command::new(AS_USER)
        .args([ALICE.0, path("bin/spank-oci").to_str().unwrap(), "bundle", &place.path("bundle")])
        .args(["--from", "debootstrap:bookworm", "--mirror", &mirror])
        .output()
        .unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let story = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{story}");
    assert_made(&place, &told, "debian");
    assert_runs(
        &place.path("bundle"),
        &["sh", "-c", "id -un; dpkg --version | head -c 6"],
        "root\nDebian",
    );
}

#[test]
fn a_full_file_system_is_told_and_left_empty() {
    let place = Place::new();
    place.root("mkdir small; mount -t tmpfs -o size=1m,mode=777 tmpfs small");
    let rootfs = Path::new(&ALICE.bundle()).join("rootfs");
    let program = path("bin/spank-oci");
    let told = place.alice(&format!(
        "tar -C {} -c . | {} bundle small/bundle --from - 2>&1 || ls -A small",
        rootfs.display(),
        program.display()
    ));
    place.root("umount small");
    let message = "spank-oci: unpacking the archive: 'tar' failed: exit status 2; make room where the bundle is to be\n";
    assert!(told.starts_with(message), "{told}");
    assert!(told.lines().skip(1).all(|line| line.starts_with("  ")), "{told}");
}

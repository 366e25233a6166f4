//! Bundles as the guide makes them, each run under `srun --container`.

use std::{
    fs,
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::Duration,
};

use crate::{
    cluster::{ALICE, path},
    leftovers,
    site::{RUN, with_each_runtime, with_site},
};

/// A directory of alice's, gone when the value is dropped.
pub struct Place(pub PathBuf);

impl Place {
    pub fn new() -> Self {
        let place = path("bundles").join("made");
        fs::create_dir(&place).unwrap();
        std::os::unix::fs::chown(&place, Some(ALICE.id()), Some(ALICE.id())).unwrap();
        Self(place)
    }

    pub fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    /// Runs a script in it as alice.
    pub fn alice(&self, script: &str) -> String {
        ALICE.sh(&format!("set -e; cd {}; {script}", self.0.display())).text()
    }

    /// Runs a script in it as root.
    pub fn root(&self, script: &str) {
        let output =
            Command::new("sh").args(["-e", "-c", script]).current_dir(&self.0).output().unwrap();
        let story = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{script}\n{story}");
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Files of other users of a container are not the user's own.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What `./dev` has made for tests without a network.
pub fn ready(name: &str) -> PathBuf {
    let ready = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/images").join(name);
    assert!(ready.exists(), "'{}' is missing: use ./dev test", ready.display());
    ready
}

/// The image of an operating system.
fn image(maker: &str) -> PathBuf {
    ready(&format!("{maker}/etc/os-release"));
    ready(maker)
}

/// The bundle runs, with crun and runc.
pub fn assert_runs(bundle: &str, command: &[&str], expected: &str) {
    with_each_runtime(|| {
        assert_eq!(ALICE.srun_in(bundle, command).text(), expected);
    });
}

const OS: [&str; 2] = ["grep", "^ID="];

pub fn assert_is(bundle: &str, id: &str) {
    let [grep, expression] = OS;
    let expected = format!("ID={id}\n");
    assert_runs(bundle, &[grep, expression, "/etc/os-release"], &expected);
}

#[test]
fn a_root_by_debootstrap_and_one_by_mmdebstrap_with_spec_rootless() {
    for (maker, spec) in [("debootstrap", "runc"), ("mmdebstrap", "crun")] {
        let place = Place::new();
        std::os::unix::fs::symlink(image(maker), place.0.join("rootfs")).unwrap();
        place.alice(&format!("{spec} spec --rootless"));
        assert_is(&place.path(""), "debian");
        assert_runs(
            &place.path(""),
            &["sh", "-c", "id -un; apt-get --version | head -c 4"],
            "root\napt ",
        );
    }
}

#[test]
fn a_root_by_dnf_installroot() {
    let place = Place::new();
    let spec = "Name: tiny\nVersion: 1\nRelease: 1\nSummary: t\nLicense: none\nAutoReqProv: no\n%description\nt\n%install\nmkdir -p %{buildroot}/bin %{buildroot}/etc\ncp /bin/busybox %{buildroot}/bin\nln -s busybox %{buildroot}/bin/sh\nln -s busybox %{buildroot}/bin/grep\necho ID=tiny >%{buildroot}/etc/os-release\n%files\n/bin/*\n/etc/os-release\n";
    fs::write(place.0.join("tiny.spec"), spec).unwrap();
    place.root("
        mkdir log
        rpmbuild --quiet -bb --define \"_topdir $PWD/build\" --define '_build_id_links none' tiny.spec
        createrepo_c --quiet build/RPMS
        dnf --quiet --assumeyes --disablerepo='*' --repofrompath=\"tiny,file://$PWD/build/RPMS\" --nogpgcheck \
            --installroot=\"$PWD/rootfs\" --releasever=9 --setopt=cachedir=\"$PWD/cache\" \
            --setopt=logdir=\"$PWD/log\" install tiny");
    place.root("mkdir -p rootfs/dev rootfs/proc rootfs/sys");
    place.alice("crun spec --rootless");
    assert_is(&place.path(""), "tiny");
}

/// `tiny.tar`, the user's busybox as podman exports it.
pub fn podman_export(place: &Place) {
    let rootfs = Path::new(&ALICE.bundle()).join("rootfs");
    place.root(&format!(
        "podman() {{ command podman --root=$PWD/store --runroot=$PWD/run --storage-driver=vfs --network-config-dir=$PWD/net \"$@\"; }}
        tar -C {} -c . | podman import - tiny
        podman create --name=tiny tiny sh
        podman export tiny >tiny.tar
        podman rm tiny",
        rootfs.display()
    ));
    place.root("umount store/overlay store 2>/dev/null || true");
}

#[test]
fn a_root_by_podman_export_which_is_as_docker_export() {
    let place = Place::new();
    podman_export(&place);
    place.alice("mkdir rootfs; tar -C rootfs -xf tiny.tar; runc spec --rootless");
    assert_is(&place.path(""), "busybox");
}

/// A layout with an image of busybox, `layout:latest`.
pub fn make_layout(place: &Place) {
    let rootfs = Path::new(&ALICE.bundle()).join("rootfs");
    place.alice(&format!(
        "umoci init --layout layout
        umoci new --image layout:latest
        umoci insert --rootless --image layout:latest {} /
        umoci config --image layout:latest --config.env MINE=image --config.cmd sh",
        rootfs.display()
    ));
}

#[test]
fn an_image_by_skopeo_and_umoci_unpacked_by_its_user() {
    let place = Place::new();
    make_layout(&place);
    place.alice(
        "skopeo copy --quiet oci:layout:latest oci:copy:latest
        umoci unpack --rootless --image copy:latest bundle",
    );
    assert_is(&place.path("bundle"), "busybox");
    assert_runs(&place.path("bundle"), &["sh", "-c", "echo $MINE"], "image\n");
}

#[test]
fn an_image_unpacked_for_root_runs_as_its_user() {
    let place = Place::new();
    make_layout(&place);
    place.root("umoci unpack --image layout:latest bundle");
    let config = fs::read_to_string(place.0.join("bundle/config.json")).unwrap();
    assert!(config.contains("\"network\"") && !config.contains("\"user\"\n"), "{config}");
    place.root("chmod 755 bundle");
    assert_is(&place.path("bundle"), "busybox");
}

/// A registry on the loopback, which ends with the value.
pub struct Registry(Child);

impl Registry {
    pub const ADDRESS: &str = "127.0.0.1:5000";

    pub fn new(place: &Place) -> Self {
        let config = format!(
            "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: {}\nlog:\n  level: error\n",
            place.path("registry"),
            Self::ADDRESS
        );
        fs::write(place.0.join("registry.yml"), config).unwrap();
        let mut command = Command::new("docker-registry");
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let registry = command.arg("serve").arg(place.0.join("registry.yml")).spawn().unwrap();
        let registry = Self(registry);
        for _ in 0..100 {
            if TcpStream::connect(Self::ADDRESS).is_ok() {
                return registry;
            }
            sleep(Duration::from_millis(50));
        }
        panic!("the registry does not answer");
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn an_image_from_a_registry() {
    let place = Place::new();
    make_layout(&place);
    let registry = Registry::new(&place);
    let image = format!("docker://{}/tiny:latest", Registry::ADDRESS);
    place.alice(&format!(
        "skopeo copy --quiet --dest-tls-verify=false oci:layout:latest {image}
        skopeo copy --quiet --src-tls-verify=false {image} oci:pulled:latest
        umoci unpack --rootless --image pulled:latest bundle"
    ));
    drop(registry);
    assert_is(&place.path("bundle"), "busybox");
}

#[test]
fn a_config_json_of_each_runtimes_spec() {
    for runtime in ["runc", "crun"] {
        for rootless in ["--rootless", ""] {
            let place = Place::new();
            let rootfs = Path::new(&ALICE.bundle()).join("rootfs");
            std::os::unix::fs::symlink(rootfs, place.0.join("rootfs")).unwrap();
            place.alice(&format!("{runtime} spec {rootless}"));
            assert_is(&place.path(""), "busybox");
        }
    }
}

#[test]
fn what_a_maker_has_made_is_left_as_it_was() {
    let place = Place::new();
    place.alice("crun spec --rootless");
    let before = fs::read(place.0.join("config.json")).unwrap();
    fs::create_dir(place.0.join("rootfs")).unwrap();
    with_site(&RUN.replace("RUNTIME", "crun"), || {
        assert_ne!(ALICE.srun_in(&place.path(""), &["true"]).status, 0);
    });
    assert_eq!(fs::read(place.0.join("config.json")).unwrap(), before);
    leftovers::after(|| {});
}

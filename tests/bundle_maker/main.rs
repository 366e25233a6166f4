//! `spank-oci bundle` as its user sees it, without Slurm and without a network.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod live;
mod place;

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
};

use nix::unistd::geteuid;
use serde_json::{Value, json};

use crate::place::{Place, READY, assert_made, names, without_warning};

#[test]
fn an_archive_becomes_a_bundle_however_it_is_compressed() {
    for (name, options) in [
        ("a.tar", "-cf"),
        ("a.tar.gz", "-czf"),
        ("a.tar.xz", "-cJf"),
        ("a.tar.bz2", "-cjf"),
        ("a.tar.zst", "--zstd -cf"),
    ] {
        let place = Place::new();
        place.sh(&format!("tar -C rootfs {options} {name} ."));
        let answer = place.make(name);
        assert_made(&place, &answer);
        assert_eq!(without_warning(&answer.stderr), [""; 0]);
    }
}

#[test]
fn an_archive_comes_through_a_pipe() {
    let place = Place::new();
    place.sh("tar -C rootfs -cf a.tar .; gzip -k a.tar");
    let from = |name: &str| {
        let archive = fs::File::open(place.path(name)).unwrap();
        place.answer(place.command("-").stdin(archive))
    };
    let compressed = from("a.tar.gz");
    assert_eq!(compressed.status, Some(1));
    let hint = "; decompress it, as in: gzip -dc FILE | spank-oci bundle DIR --from -\n";
    assert!(compressed.stderr.contains(hint), "{compressed:?}");
    assert_made(&place, &from("a.tar"));
}

#[test]
fn the_user_is_root_in_the_bundle_and_everybody_in_one_of_roots() {
    let place = Place::new();
    place.sh("tar -C rootfs -cf a.tar .");
    place.make("a.tar");
    let config = place.config();
    assert_eq!(config["root"]["path"], "rootfs");
    assert_eq!(config["process"]["terminal"], false);
    let own = json!([{"containerID": 0, "hostID": geteuid().as_raw(), "size": 1}]);
    let expected = if geteuid().is_root() { Value::Null } else { own };
    assert_eq!(config["linux"]["uidMappings"], expected);
}

#[test]
fn an_archive_writes_nowhere_else() {
    let place = Place::new();
    fs::create_dir(place.path("outside")).unwrap();
    // A member above the archive, and one behind a link that the archive made before.
    let outside = place.path("outside");
    place.sh(&format!(
        "mkdir link; touch link/evil outside/sub evil; mkdir in; cd in; tar -cPf ../up.tar ../evil; cd ..
        rm evil; mkdir first; ln -s {} first/link; tar -cf link.tar -C first link; tar -rf link.tar link/evil
        rm -r first link in outside/sub",
        outside.display()
    ));
    let told = place.refused("up.tar");
    assert!(
        told.starts_with("unpacking the archive: 'tar' failed: exit status 2; the archive would write outside of the root file system\n"),
        "{told}"
    );
    let told = place.refused("link.tar");
    assert!(told.contains("link/evil: Cannot open: Not a directory"), "{told}");
    assert_eq!(names(&outside), [""; 0]);
    assert!(!place.path("evil").exists());
}

#[test]
fn nothing_of_an_image_runs_as_its_owner_or_is_a_device() {
    let place = Place::new();
    place.sh("touch rootfs/bin/su; chmod 6755 rootfs/bin/su");
    let mut expected = vec!["set-user-id or set-group-id bits left out (1 files)"];
    if geteuid().is_root() {
        place.sh("mkdir rootfs/dev; mknod rootfs/dev/disk b 7 0; mknod rootfs/bin/null c 1 3");
        expected.push("device nodes left out: a container has its own in /dev (2 files)");
    }
    place.sh("tar -C rootfs -cf a.tar .");
    let answer = place.make("a.tar");
    assert_made(&place, &answer);
    assert_eq!(without_warning(&answer.stderr), expected);
    assert_eq!(names(&place.path("made/rootfs/bin")), ["su"]);
    assert_eq!(names(&place.path("made/rootfs/dev")), [""; 0]);
    let mode = fs::metadata(place.path("made/rootfs/bin/su")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o755);
}

#[test]
fn a_directory_stays_where_it_is() {
    let place = Place::new();
    symlink("rootfs", place.path("link")).unwrap();
    for source in ["dir:rootfs", "link"] {
        let answer = place.make(source);
        assert_eq!((answer.status, answer.stdout.as_str()), (Some(0), READY), "{answer:?}");
        assert_eq!(names(&place.path("made")), ["config.json"]);
        let rootfs = place.path("rootfs").canonicalize().unwrap();
        assert_eq!(place.config()["root"]["path"], rootfs.to_str().unwrap());
        assert_eq!(names(&rootfs), ["bin", "etc"]);
        fs::remove_dir_all(place.path("made")).unwrap();
    }
}

#[test]
fn a_bundle_that_would_not_run_here_is_made_and_its_mistakes_are_shown() {
    let place = Place::new();
    let mounts = json!([{"destination": "/x", "source": "/not/here", "options": ["bind"]}]);
    let config =
        json!({"process": {"args": ["app"]}, "root": {"path": "rootfs"}, "mounts": mounts});
    fs::write(place.path("config.json"), config.to_string()).unwrap();
    let answer = place.make(".");
    assert_eq!(answer.stdout, "bundle made: HERE/made; on this node it would not run, see above\n");
    assert!(answer.stderr.contains("error: cannot mount '/not/here'"), "{answer:?}");
    assert_eq!(answer.status, Some(0));
}

#[test]
fn a_bundle_for_root_becomes_one_for_its_user() {
    let place = Place::new();
    let roots = json!({
        "process": {"terminal": true, "args": ["app"], "user": {"uid": 33, "gid": 33}},
        "root": {"path": "rootfs", "readonly": true},
        "mounts": [{"destination": "/data", "source": "data", "options": ["rbind"]}],
        "linux": {"namespaces": [{"type": "pid"}, {"type": "network"}], "resources": {}},
        "x-site": 1,
    });
    fs::write(place.path("config.json"), roots.to_string()).unwrap();
    fs::create_dir(place.path("data")).unwrap();
    let answer = place.make(".");
    assert_eq!(
        without_warning(&answer.stderr),
        [
            "no user namespace: added one, in which you are root",
            "linux.resources left out: Slurm has set the task's limits",
        ]
    );
    let config = place.config();
    let here = place.path("").canonicalize().unwrap();
    let inside = |name: &str| here.join(name).to_str().unwrap().to_owned();
    assert_eq!(config["root"], json!({"path": inside("rootfs"), "readonly": true}));
    assert_eq!(config["mounts"][0]["source"], inside("data"));
    assert_eq!(config["linux"]["namespaces"], json!([{"type": "pid"}, {"type": "user"}]));
    assert_eq!(
        config["process"],
        json!({"terminal": false, "args": ["app"], "user": {"uid": 0, "gid": 0}})
    );
    assert_eq!(config["x-site"], 1);
    assert_eq!(fs::read_to_string(place.path("config.json")).unwrap(), roots.to_string());
}

#[test]
fn nothing_is_overwritten() {
    let place = Place::new();
    place.sh("tar -C rootfs -cf a.tar .; mkdir made; echo mine >made/file");
    let told = place.refused("a.tar");
    assert_eq!(
        told,
        "'made' is there already and not empty; name another directory, or remove it first\n"
    );
    assert_eq!(names(&place.path("made")), ["file"]);
}

#[test]
fn what_cannot_be_used_is_told_with_what_to_do() {
    let place = Place::new();
    place.sh("echo text >text.tar; mkdir layout; head -c 99999 /dev/zero | gzip | head -c 50 >cut.tar.gz");
    let index = json!({"manifests": [
        {"annotations": {"org.opencontainers.image.ref.name": "11"}},
        {"annotations": {"org.opencontainers.image.ref.name": "12"}},
    ]});
    fs::write(place.path("layout/index.json"), index.to_string()).unwrap();
    for (source, told) in [
        ("absent.tar", "cannot read 'absent.tar': no such file or directory\n"),
        ("absent", "cannot read 'absent': no such file or directory\n"),
        (
            "rootfs/etc/os-release",
            "'rootfs/etc/os-release' is a file whose name does not end as an archive's; if it is one, say tar:rootfs/etc/os-release\n",
        ),
        (
            "dir:text.tar",
            "'text.tar' is no directory; a root file system in an archive is named tar:FILE\n",
        ),
        ("oci:layout:13", "'layout' has no image with the tag '13'; its tags are: 11, 12\n"),
        ("oci:layout", "'layout' has the tags 11, 12; say which image, as in oci:layout:TAG\n"),
        (
            "oci:rootfs",
            "'rootfs' is no OCI layout: cannot read 'rootfs/index.json': no such file or directory; umoci and 'skopeo copy' make such directories\n",
        ),
        (
            "bundle:rootfs",
            "cannot read 'HERE/rootfs/config.json': no such file or directory; a bundle is a directory with a config.json and a rootfs\n",
        ),
    ] {
        assert_eq!(place.refused(source), told);
    }
    let told = place.refused("text.tar");
    assert!(told.contains("exit status 2; the file is something else, or damaged\n"), "{told}");
    let told = place.refused("cut.tar.gz");
    assert!(told.contains("'tar' failed: exit status 2"), "{told}");
    assert!(told.contains("unexpected end of file"), "{told}");
}

#[test]
fn an_image_in_an_archive_is_not_taken_for_a_root_file_system() {
    let place = Place::new();
    place.sh("touch manifest.json oci-layout; tar -cf docker.tar manifest.json; tar -cf oci.tar oci-layout");
    for kind in ["docker", "oci"] {
        let told = format!(
            "the archive has an image in it, no root file system; use --from {kind}-archive:FILE\n"
        );
        assert_eq!(place.refused(&format!("{kind}.tar")), told);
    }
}

#[test]
fn a_program_that_is_missing_is_told_with_its_package() {
    let place = Place::new();
    let answer = place.answer(place.command("docker://a/b").env("PATH", "/nonexistent"));
    assert_eq!(answer.status, Some(1));
    assert_eq!(
        answer.stderr,
        "spank-oci: 'skopeo' is not installed here; the package is skopeo (Debian, Ubuntu) or skopeo (RPM); without it, unpack the image elsewhere, as with 'podman export', and use --from FILE.tar\n"
    );
    assert_eq!(place.names(), ["rootfs"]);
}

#[test]
fn a_source_of_no_kind_is_a_mistake_in_the_command_line() {
    let answer = Place::new().make("iso:x");
    assert_eq!(answer.status, Some(2));
    assert!(
        answer.stderr.contains("'iso:' is no kind of source; there are oci:LAYOUT"),
        "{answer:?}"
    );
}

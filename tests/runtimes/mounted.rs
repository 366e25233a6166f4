//! An image in one file, mounted by its user.

use std::{fs, path::Path, process::Command};

use crate::{
    cluster::{ALICE, leave_out, path},
    site::with_each_runtime,
};

/// A device for FUSE that users may open, as on a real node: this machine's /dev may
/// not have it so.
fn for_everybody() -> Result<(), String> {
    let node = path("fuse");
    let run = |command: &mut Command| command.status().is_ok_and(|status| status.success());
    if !node.exists()
        && !run(Command::new("mknod").arg("-m666").arg(&node).args(["c", "10", "229"]))
    {
        return Err("mknod refuses the device".to_owned());
    }
    if fs::OpenOptions::new().read(true).write(true).open(&node).is_err() {
        return Err("the kernel has no FUSE".to_owned());
    }
    let bound = run(Command::new("mount").arg("--bind").arg(&node).arg("/dev/fuse"));
    if bound { Ok(()) } else { Err("/dev/fuse cannot be replaced".to_owned()) }
}

#[test]
fn an_image_on_squashfuse() {
    if let Err(reason) = for_everybody() {
        return leave_out("squashfuse", &reason);
    }
    with_each_runtime(|| {
        let bundle = ALICE.home("squashed");
        let rootfs = Path::new(&ALICE.bundle()).join("rootfs");
        let shown = bundle.display();
        let made = format!(
            "mkdir -p {shown}/rootfs && cp $BUNDLE/config.json {shown} &&
            mksquashfs {} {shown}/image -quiet -no-progress >/dev/null && squashfuse {shown}/image {shown}/rootfs",
            rootfs.display()
        );
        // In one job with the step: where the user has logged in, or by the batch script.
        let run = format!(
            "{made} && srun -wn1 --container={shown} grep ^ID= /etc/os-release; fusermount -u {shown}/rootfs; rm -r {shown}"
        );
        assert_eq!(ALICE.sh(&run).text(), "ID=busybox\n");
    });
    let _ = Command::new("umount").arg("/dev/fuse").status();
}

#[test]
fn a_bundle_that_root_cannot_read() {
    if let Err(reason) = for_everybody() {
        return leave_out("a bundle that root cannot read", &reason);
    }
    with_each_runtime(|| {
        // A file system that answers its user alone, as one with squashed root does.
        let shown = ALICE.home("own").display().to_string();
        let made = format!(
            "mkdir {shown} && mksquashfs $BUNDLE {shown}.image -quiet -no-progress >/dev/null && squashfuse {shown}.image {shown}"
        );
        assert_eq!(ALICE.sh(&made).text(), "");
        let seen_by_root = fs::read_dir(&shown).map(|_| ()).map_err(|error| error.kind());
        let output = ALICE.srun_in(&shown, &["grep", "^ID=", "/etc/os-release"]);
        ALICE.sh(&format!("fusermount -u {shown}; rm -r {shown} {shown}.image")).text();
        assert_eq!(seen_by_root, Err(std::io::ErrorKind::PermissionDenied));
        assert_eq!(output.text(), "ID=busybox\n");
    });
    let _ = Command::new("umount").arg("/dev/fuse").status();
}

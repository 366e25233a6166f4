//! Bundles that `spank-oci bundle` makes, with the crun and runc of each release. From
//! what else they can be made is for tests/runtimes, where the programs are.

use std::fs;

use crate::{
    cluster::{ALICE, path},
    site::with_each_runtime_and_mode,
};

const LOOK: &str =
    "id -u; ls -d /dev/pts /dev/shm /dev/mqueue /sys/kernel /proc/1; touch /dev/shm/new";
const SEEN: &str = "0\n/dev/mqueue\n/dev/pts\n/dev/shm\n/proc/1\n/sys/kernel\n";

#[test]
fn a_bundle_of_an_archive_runs_and_so_does_one_of_a_directory() {
    let program = path("bin/spank-oci");
    for from in ["-", "dir:$BUNDLE/rootfs"] {
        let made = ALICE.home("made");
        let script = format!(
            "tar -C $BUNDLE/rootfs -c . | {} bundle {} --from {from}",
            program.display(),
            made.display()
        );
        let told = ALICE.sh(&script).text();
        assert!(told.starts_with("bundle ready: "), "{told}");
        let bundle = made.display().to_string();
        with_each_runtime_and_mode(|| {
            assert_eq!(ALICE.srun_in(&bundle, &["sh", "-c", LOOK]).text(), SEEN);
        });
        for runtime in ["crun", "runc"] {
            let run = format!(
                "echo 'id -u; exit 7' | {runtime} --root $HOME/state run --bundle {bundle} by-hand"
            );
            let output = ALICE.sh(&run);
            assert_eq!(
                (output.status, output.any_text().as_str()),
                (7, "0\n"),
                "{}",
                output.story()
            );
        }
        fs::remove_dir_all(made).unwrap();
    }
}

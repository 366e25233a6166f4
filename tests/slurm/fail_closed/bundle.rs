//! The bundle.

use super::{Others, Row, Task, Theme};

#[test]
fn a_bundle_that_is_missing_or_none_or_cannot_be_read() {
    let names =
        [("$OWN", "$CLUSTER/bundles/alice".to_owned()), ("$B", "$CLUSTER/bundles/case".to_owned())];
    // Names are replaced in their order.
    let mut theme = Theme::new(&names, ":", "rm -rf $B");
    theme.bundle = theme.text("$B");
    theme.check(&ROWS);
}

const ROWS: [Row; 11] = [
    Row {
        fault: "missing",
        made_by: ":",
        told: Task(
            "cannot read '$B/config.json': no such file or directory; the bundle must be on every node of the step",
        ),
    },
    Row {
        fault: "a file",
        made_by: "touch $B",
        told: Task(
            "cannot read '$B/config.json': not a directory; a bundle is a directory, not a file",
        ),
    },
    Row {
        fault: "without config.json",
        made_by: "mkdir $B",
        told: Task(
            "cannot read '$B/config.json': no such file or directory; a bundle is a directory with a config.json and a rootfs",
        ),
    },
    Row {
        fault: "unreadable",
        made_by: "mkdir -m 700 $B && cp $OWN/config.json $B",
        told: Task(
            "cannot read '$B/config.json': permission denied; every directory above it needs x for the user, the file r",
        ),
    },
    Row {
        fault: "with a config.json that is unreadable",
        made_by: "mkdir $B && install -m 600 $OWN/config.json $B",
        told: Task(
            "cannot read '$B/config.json': permission denied; every directory above it needs x for the user, the file r",
        ),
    },
    Row {
        fault: "a link in a circle",
        made_by: "ln -s case $B",
        told: Task("cannot read '$B/config.json': too many levels of symbolic links"),
    },
    Row {
        fault: "with a config.json that is a link in a circle",
        made_by: "mkdir $B && ln -s config.json $B/config.json",
        told: Task("cannot read '$B/config.json': too many levels of symbolic links"),
    },
    Row {
        fault: "with a config.json that is a FIFO",
        made_by: "mkdir $B && mkfifo $B/config.json",
        told: Task("cannot read '$B/config.json': not a regular file"),
    },
    Row {
        fault: "with a config.json that is a device",
        made_by: "mkdir $B && ln -s /dev/zero $B/config.json",
        told: Task("cannot read '$B/config.json': not a regular file"),
    },
    Row {
        fault: "with a config.json of 100 MB",
        made_by: "mkdir $B && truncate -s 100M $B/config.json",
        told: Task("cannot read '$B/config.json': larger than 64 MiB"),
    },
    Row {
        fault: "without a root file system",
        made_by: "mkdir $B && cp $OWN/config.json $B",
        // In the runtime's words: crun 1.28 says no more than "readlink".
        told: Others("No such file or directory"),
    },
];

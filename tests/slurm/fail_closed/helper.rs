//! The helper.

use super::{Others, Plugin, Row, Task, Theme};

/// A helper in a directory of its own, which plugstack.conf names.
fn theme() -> Theme {
    let names = [
        ("$PLUGSTACK", "$CLUSTER/etc/plugstack.conf".to_owned()),
        ("$DIR", "$CLUSTER/own".to_owned()),
        ("$HELPER", "$CLUSTER/own/helper".to_owned()),
    ];
    let begin = "install -D $CLUSTER/bin/spank-oci $HELPER && cp $PLUGSTACK $CLUSTER/kept && sed -i 's,$CLUSTER/bin/spank-oci,$HELPER,' $PLUGSTACK";
    Theme::new(&names, begin, "rm -r $DIR; mv $CLUSTER/kept $PLUGSTACK")
}

#[test]
fn a_helper_that_is_missing_or_another_one_or_anybody_could_have_changed() {
    theme().check(&ROWS);
}

#[test]
fn slurmd_starts_whatever_the_helper_is() {
    theme().check_with_a_new_slurmd(&[MISSING, WRITABLE]);
}

const MISSING: Row = Row {
    fault: "missing",
    made_by: "rm $HELPER",
    told: Plugin(
        "cannot execute the helper '$HELPER': no such file or directory; install it, or name it with helper= in plugstack.conf",
    ),
};

const WRITABLE: Row = Row {
    fault: "writable by its group",
    made_by: "chmod 775 $HELPER",
    told: Plugin(
        "cannot trust the helper: '$HELPER' has mode 0775, so others than its owner can write it; run: chmod go-w '$HELPER'",
    ),
};

const ROWS: [Row; 10] = [
    MISSING,
    WRITABLE,
    Row {
        fault: "not executable",
        made_by: "chmod 644 $HELPER",
        told: Plugin(
            "cannot execute the helper '$HELPER': permission denied; install it, or name it with helper= in plugstack.conf",
        ),
    },
    Row {
        fault: "another user's",
        made_by: "chown bob $HELPER",
        told: Plugin(
            "cannot trust the helper: '$HELPER' is owned by uid $BOB, not by root; run: chown root '$HELPER'",
        ),
    },
    Row {
        fault: "in a directory that everybody may write",
        made_by: "chmod 777 $DIR",
        told: Plugin(
            "cannot trust the helper: '$DIR' has mode 0777, so others than its owner can write it; run: chmod go-w '$DIR'",
        ),
    },
    Row {
        fault: "in another user's directory",
        made_by: "chown bob $DIR",
        told: Plugin(
            "cannot trust the helper: '$DIR' is owned by uid $BOB, not by root; run: chown root '$DIR'",
        ),
    },
    Row {
        // As a plugin of that release would have asked.
        fault: "of another release",
        made_by: r##"printf '#!/bin/sh\nexport SPANK_OCI_REQUEST="5:9.9.9,${SPANK_OCI_REQUEST#*,}"\nexec $CLUSTER/bin/spank-oci "$@"\n' >$HELPER"##,
        told: Task(concat!(
            "the plugin is release 9.9.9 but the helper is release ",
            env!("CARGO_PKG_VERSION"),
            ": install both from one release"
        )),
    },
    Row { fault: "another program", made_by: "cp /bin/false $HELPER", told: Others("") },
    Row { fault: "no program", made_by: "echo rubbish >$HELPER", told: Others("") },
    Row { fault: "a directory", made_by: "rm $HELPER && mkdir $HELPER", told: Others("$HELPER") },
];

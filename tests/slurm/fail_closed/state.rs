//! The directory below which root makes those of steps.

use super::{Plugin, Row, Task, Theme};

/// A state directory in a directory of its own, which plugstack.conf names.
fn theme() -> Theme {
    let names = [
        ("$PLUGSTACK", "$CLUSTER/etc/plugstack.conf".to_owned()),
        ("$DIR", "$CLUSTER/own".to_owned()),
        ("$STATE", "$CLUSTER/own/state".to_owned()),
    ];
    let begin =
        "mkdir $DIR && cp $PLUGSTACK $CLUSTER/kept && sed -i 's,$, state=$STATE,' $PLUGSTACK";
    let end = "umount $STATE 2>/dev/null; rm -rf $DIR; mv $CLUSTER/kept $PLUGSTACK";
    Theme::new(&names, begin, end)
}

#[test]
fn a_state_directory_that_is_none_or_full_or_not_roots_alone() {
    theme().check(&ROWS);
}

#[test]
fn slurmd_starts_whatever_the_state_directory_is() {
    theme().check_with_a_new_slurmd(&[MISSING, ANOTHERS, FILE]);
}

const MISSING: Row = Row {
    fault: "in a directory that is missing",
    made_by: "rmdir $DIR",
    told: Plugin(
        "cannot open directory '$STATE': no such file or directory; state= in plugstack.conf must name one in a directory that is there",
    ),
};

const ANOTHERS: Row = Row {
    fault: "another user's",
    made_by: "install -d -o bob $STATE",
    told: Plugin(
        "cannot use directory '$STATE': owner $BOB and mode 0755, but it must be root's and writable by root only; run: chown root '$STATE' && chmod 0711 '$STATE'",
    ),
};

const FILE: Row = Row {
    fault: "a file",
    made_by: "touch $STATE",
    told: Plugin(
        "cannot open directory '$STATE': not a directory; it must be one itself, no link either",
    ),
};

const ROWS: [Row; 8] = [
    MISSING,
    ANOTHERS,
    FILE,
    Row {
        fault: "writable by everybody",
        made_by: "mkdir -m 777 $STATE",
        told: Plugin(
            "cannot use directory '$STATE': owner 0 and mode 0777, but it must be root's and writable by root only; run: chown root '$STATE' && chmod 0711 '$STATE'",
        ),
    },
    Row {
        fault: "in a directory that everybody may write",
        made_by: "chmod 777 $DIR",
        told: Plugin(
            "cannot use directory '$STATE': '$DIR' has mode 0777, so others than its owner can write it; run: chmod go-w '$DIR'",
        ),
    },
    Row {
        fault: "a link",
        made_by: "mkdir $DIR/other && ln -s other $STATE",
        told: Plugin(
            "cannot open directory '$STATE': not a directory; it must be one itself, no link either",
        ),
    },
    Row {
        fault: "full, with no room for a directory",
        made_by: "mkdir $STATE && mount -t tmpfs -o nr_inodes=1,mode=711 tmpfs $STATE",
        told: Plugin("cannot make directory '$STATE/*': no space left on device; make room there"),
    },
    Row {
        fault: "full, with no room for a file",
        made_by: "mkdir $STATE && mount -t tmpfs -o size=40k,mode=711 tmpfs $STATE && head -c 36864 /dev/zero >$STATE/fill",
        told: Task("cannot write '$STATE/*/spool/task-0/config.json': no space left on device"),
    },
];

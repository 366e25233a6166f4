//! The site's oci.conf.

use super::{Row, Task, Theme};

#[test]
fn an_oci_conf_that_is_missing_or_broken_or_anybody_could_have_changed() {
    let names = [
        ("$CONF", "$CLUSTER/etc/spank-oci/oci.conf".to_owned()),
        ("$DIR", "$CLUSTER/etc/spank-oci".to_owned()),
    ];
    let begin = "cp -a $DIR $CLUSTER/kept";
    let end = "rm -rf $DIR $CLUSTER/bobs $CLUSTER/of-bob && mv $CLUSTER/kept $DIR";
    Theme::new(&names, begin, end).check(&ROWS);
}

const ROWS: [Row; 15] = [
    Row {
        fault: "missing",
        made_by: "rm $CONF",
        told: Task(
            "cannot read the site's configuration '$CONF': no such file or directory; it must be on every node, where plugstack.conf names it with conf=",
        ),
    },
    Row {
        fault: "unreadable",
        made_by: "chmod 600 $CONF",
        told: Task(
            "cannot read the site's configuration '$CONF': permission denied; every user must be able to read it",
        ),
    },
    Row {
        fault: "another user's",
        made_by: "chown bob $CONF",
        told: Task(
            "cannot trust the site's configuration: '$CONF' is owned by uid $BOB, not by root; run: chown root '$CONF'",
        ),
    },
    Row {
        fault: "writable by its group",
        made_by: "chmod 664 $CONF",
        told: Task(
            "cannot trust the site's configuration: '$CONF' has mode 0664, so others than its owner can write it; run: chmod go-w '$CONF'",
        ),
    },
    Row {
        fault: "writable by everybody",
        made_by: "chmod 666 $CONF",
        told: Task(
            "cannot trust the site's configuration: '$CONF' has mode 0666, so others than its owner can write it; run: chmod go-w '$CONF'",
        ),
    },
    Row {
        fault: "in a directory that everybody may write",
        made_by: "chmod 777 $DIR",
        told: Task(
            "cannot trust the site's configuration: '$DIR' has mode 0777, so others than its owner can write it; run: chmod go-w '$DIR'",
        ),
    },
    Row {
        fault: "a link to a user's file",
        made_by: "mv $CONF $CLUSTER/bobs && chown bob $CLUSTER/bobs && ln -s $CLUSTER/bobs $CONF",
        told: Task(
            "cannot trust the site's configuration: '$CONF' is owned by uid $BOB, not by root; run: chown root '$CONF'",
        ),
    },
    Row {
        fault: "a link into a user's directory",
        made_by: "mkdir -p $CLUSTER/of-bob && mv $CONF $CLUSTER/of-bob && chown bob $CLUSTER/of-bob && ln -s $CLUSTER/of-bob/oci.conf $CONF",
        told: Task(
            "cannot trust the site's configuration: '$CLUSTER/of-bob' is owned by uid $BOB, not by root; run: chown root '$CLUSTER/of-bob'",
        ),
    },
    Row {
        fault: "a user's link",
        made_by: "mv $CONF $DIR/real && ln -s real $CONF && chown -h bob $CONF",
        told: Task(
            "cannot trust the site's configuration: '$CONF' is owned by uid $BOB, not by root; run: chown -h root '$CONF'",
        ),
    },
    Row {
        fault: "a link in a circle",
        made_by: "ln -sf oci.conf $CONF",
        told: Task(
            "cannot read the site's configuration '$CONF': too many levels of symbolic links",
        ),
    },
    Row {
        fault: "empty",
        made_by: ": >$CONF",
        told: Task(
            "the site's configuration has mistakes: $CONF: no command to run a container with; needed at least: RunTimeRun, RunTimeKill and RunTimeDelete; or RunTimeCreate, RunTimeStart, RunTimeQuery, RunTimeKill and RunTimeDelete; 'spank-oci check' shows all",
        ),
    },
    Row {
        fault: "binary",
        made_by: "cp /bin/true $CONF && chmod 644 $CONF",
        told: Task("the site's configuration has mistakes: $CONF:*; 'spank-oci check' shows all"),
    },
    Row {
        fault: "of 100 MB",
        made_by: "truncate -s 100M $CONF",
        told: Task("cannot read the site's configuration '$CONF': larger than 1 MiB"),
    },
    Row {
        fault: "a directory",
        made_by: "rm $CONF && mkdir $CONF",
        told: Task("cannot read the site's configuration '$CONF': not a regular file"),
    },
    Row {
        fault: "a FIFO",
        made_by: "rm $CONF && mkfifo $CONF",
        told: Task("cannot read the site's configuration '$CONF': not a regular file"),
    },
];

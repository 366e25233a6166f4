//! The runtime. What it answers when it is asked for a container by create and start is
//! the matter of create_start.rs.

use std::fs;

use super::{Others, Row, Task, Theme, among_others};
use crate::{
    cluster::{ALICE, path, root},
    leftovers::Marker,
    site::{change, site},
};

#[test]
fn a_runtime_that_is_missing_or_none() {
    let names = [
        ("$CONF", "$CLUSTER/etc/spank-oci/oci.conf".to_owned()),
        ("$RUNTIME", "$CLUSTER/own-runtime".to_owned()),
    ];
    let begin =
        "cp $CONF $CLUSTER/kept && sed -i 's,crun ,$RUNTIME ,' $CONF && cp /bin/true $RUNTIME";
    let end = "rm -rf $RUNTIME && mv $CLUSTER/kept $CONF";
    Theme::new(&names, begin, end).check(&ROWS);
}

const ROWS: [Row; 5] = [
    Row {
        fault: "missing",
        made_by: "rm $RUNTIME",
        told: Task(
            "cannot execute RunTimeRun: '$RUNTIME': no such file or directory; install the runtime on this node, or correct oci.conf",
        ),
    },
    Row {
        fault: "not executable",
        made_by: "chmod 644 $RUNTIME",
        told: Task(
            "cannot execute RunTimeRun: '$RUNTIME': permission denied; it must be a program that the user may execute",
        ),
    },
    Row {
        fault: "a directory",
        made_by: "rm $RUNTIME && mkdir $RUNTIME",
        told: Task(
            "cannot execute RunTimeRun: '$RUNTIME': permission denied; it must be a program that the user may execute",
        ),
    },
    Row {
        fault: "no program",
        made_by: "echo rubbish >$RUNTIME",
        // Taken for a script, as by a shell.
        told: Others("rubbish"),
    },
    Row { fault: "one that fails", made_by: "cp /bin/false $RUNTIME", told: Others("") },
];

#[test]
fn a_runtime_that_hangs_is_ended_with_its_job() {
    among_others(|| {
        let text = fs::read_to_string(site()).unwrap();
        let hangs = path("hangs").display().to_string();
        root(&format!("printf '#!/bin/sh\\nexec sleep 600\\n' >{hangs}; chmod 755 {hangs}"));
        // Its other commands answer.
        let run = text.replace("RunTimeRun=\"crun", &format!("RunTimeRun=\"{hangs}"));
        let _restored = change(site(), Some(&run));
        let output = ALICE.sh(&format!(
            "srun -wn1 --job-name=hangs --container=$BUNDLE touch {} & until pgrep -u alice -x sleep >/dev/null; do sleep 0.1; done
             scancel --name=hangs; wait $!",
            Marker::path()
        ));
        Marker::assert_absent(&output.story());
        assert_ne!(output.status, 0, "{}", output.story());
        fs::remove_file(&hangs).unwrap();
    });
}

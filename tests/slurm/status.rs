//! How tasks end.

use crate::{cluster::ALICE, site::with_each_runtime};

#[test]
fn the_exit_status_is_the_commands_as_without_a_container() {
    with_each_runtime(|| {
        for status in [0, 7, 255] {
            let command = format!("exit {status}");
            let outside = ALICE.srun(&["-wn1", "sh", "-c", &command]);
            let inside = ALICE.srun_in_bundle(&["sh", "-c", &command]);
            assert_eq!((inside.status, outside.status), (status, status), "{}", inside.story());
            assert_eq!(inside.errors(), outside.errors());
        }
    });
}

#[test]
fn a_command_that_the_image_lacks_is_named_and_not_looked_for_on_the_host() {
    with_each_runtime(|| {
        // The host has it, the image does not.
        let output = ALICE.srun_in_bundle(&["/usr/bin/srun", "--version"]);
        assert_ne!(output.status, 0);
        assert_eq!(output.any_text(), "");
        assert!(
            output.stderr.contains("No such file") || output.stderr.contains("no such file"),
            "{}",
            output.stderr
        );
        let output = ALICE.srun_in_bundle(&["no-such-command"]);
        assert_ne!(output.status, 0);
        assert!(output.stderr.contains("no-such-command"), "{}", output.stderr);
    });
}

#[test]
fn a_task_that_kills_itself_has_the_status_a_shell_would_show() {
    with_each_runtime(|| {
        // The first process of a PID namespace cannot kill itself; its child can.
        let output = ALICE.srun_in_bundle(&["sh", "-c", "sh -c 'kill -TERM $$'; exit $?"]);
        assert_eq!(output.status, 143, "{}", output.story());
    });
}

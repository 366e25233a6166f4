//! Arguments arrive as they were typed.

use crate::{
    cluster::ALICE,
    site::{with_each_runtime, with_site},
};

const NASTY: [&str; 14] = [
    "a b",
    "it's",
    "\"quoted\"",
    "'both' \"kinds\"",
    "two\nlines",
    "$(id)",
    "`id`",
    "$HOME",
    "*",
    "",
    "-n",
    "%b %% %@",
    "\\",
    "grüße 你好",
];

fn expected() -> String {
    NASTY.iter().map(|argument| format!("<{argument}>")).collect()
}

#[test]
fn nasty_arguments_arrive_unchanged() {
    with_each_runtime(|| {
        let command = [&["printf", "<%s>"], NASTY.as_slice()].concat();
        assert_eq!(ALICE.srun_in_bundle(&command).text(), expected());
    });
}

#[test]
fn nasty_arguments_pass_through_a_shell_template_unchanged() {
    // A site's template that needs a shell and takes the command itself.
    let site = "IgnoreFileConfigJson=true\nRunTimeRun=\"cd / && exec env IN=%r %@\"\n";
    with_site(site, || {
        let command = [&["printf", "<%s>"], NASTY.as_slice()].concat();
        assert_eq!(ALICE.srun_in("/tmp/it's $(a) \"bundle\"", &command).text(), expected());
        let output = ALICE.srun_in("/tmp/it's $(a) \"bundle\"", &["sh", "-c", "echo \"$IN\""]);
        assert_eq!(output.text(), "/tmp/it's $(a) \"bundle\"\n");
    });
}

#[test]
fn the_bundles_path_may_be_relative_and_have_any_character() {
    with_each_runtime(|| {
        let odd = "odd 'bundle' $(id)";
        let made = ALICE.run(&["cp", "-r", &ALICE.bundle(), odd]);
        assert_eq!(made.status, 0, "{}", made.story());
        for bundle in [odd.to_owned(), ALICE.home(odd).display().to_string()] {
            let output = ALICE.srun_in(&bundle, &["cat", "/etc/os-release"]);
            assert!(output.text().contains("busybox bundle"));
        }
        // The task starts elsewhere; the path is the one the user saw.
        let container = format!("--container={odd}");
        let output = ALICE.run(&["srun", "--chdir=/tmp", &container, "true"]);
        assert_eq!(output.status, 0, "{}", output.story());
        assert_eq!(ALICE.run(&["rm", "-r", odd]).status, 0);
    });
}

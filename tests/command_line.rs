//! The command line as people see it: help, and colours only where they can be seen.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::process::{Command, Stdio};

use clap::CommandFactory;
use spank_oci::cli::Cli;

const PROGRAM: &str = env!("CARGO_BIN_EXE_spank-oci");

/// How colours begin.
const ESCAPE: char = '\x1b';

/// What is shown for a word that is no subcommand, on a terminal or through a pipe.
fn shown(on_terminal: bool, variables: &[(&str, &str)]) -> String {
    let line = format!("{PROGRAM} chekc 2>&1");
    let mut command = match on_terminal {
        true => {
            let mut script = Command::new("script");
            script.args(["--quiet", "--command", &line, "/dev/null"]);
            script
        }
        false => {
            let mut shell = Command::new("sh");
            shell.args(["-c", &line]);
            shell
        }
    };
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "CI"] {
        command.env_remove(name);
    }
    command.env("TERM", "xterm").envs(variables.iter().copied()).stdin(Stdio::null());
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

#[test]
fn a_mistyped_subcommand_is_told_with_the_one_that_was_meant() {
    let told = shown(false, &[]);
    assert!(told.starts_with("error: unrecognized subcommand 'chekc'\n"), "{told}");
    assert!(told.contains("'check'"), "{told}");
}

#[test]
fn there_are_colours_on_a_terminal_only() {
    assert!(shown(true, &[]).contains(ESCAPE));
    assert!(!shown(false, &[]).contains(ESCAPE));
}

#[test]
fn no_color_and_dumb_terminals_have_none() {
    for variable in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let told = shown(true, &[variable]);
        assert!(told.contains("chekc") && !told.contains(ESCAPE), "{variable:?}: {told:?}");
    }
}

#[test]
fn the_help_of_each_subcommand_has_examples() {
    for command in Cli::command().get_subcommands().filter(|command| !command.is_hide_set()) {
        let help = command.clone().render_help().to_string();
        let examples = help.split("Examples:\n").nth(1).unwrap_or_default();
        let typed = examples.lines().filter(|line| line.contains("spank-oci "));
        assert!((2..=6).contains(&typed.count()), "{}: {help}", command.get_name());
    }
}

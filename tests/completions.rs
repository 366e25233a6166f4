//! completions/: what clap makes of the command line today, and what shells make of it.
//! `UPDATE_EXPECTED=1` writes the files anew.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{env, fs, process::Command};

use clap::CommandFactory;
use clap_complete::{Shell, generate};
use spank_oci::cli::Cli;

const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/completions");

/// Shells, and their files.
const SHELLS: [(Shell, &str); 3] =
    [(Shell::Bash, "spank-oci.bash"), (Shell::Zsh, "_spank-oci"), (Shell::Fish, "spank-oci.fish")];

/// What a shell prints for a script, without anything of the caller's.
fn output(shell: &str, options: &[&str], script: &str) -> String {
    let mut command = Command::new(shell);
    let output = command.args(options).arg("-c").arg(script).current_dir(DIRECTORY).output();
    let output = output
        .unwrap_or_else(|error| panic!("{shell}: {error}; ./dev test installs what is needed"));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{script}");
    assert!(output.status.success(), "{script}");
    String::from_utf8(output.stdout).unwrap()
}

/// What bash offers for the last word of a command line.
fn bash_offers(words: &[&str]) -> Vec<String> {
    let script = format!(
        "source ./spank-oci.bash
        COMP_WORDS=({})
        COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        # complete -p shows the function that was registered for the program.
        $(complete -p spank-oci | sed 's/.*-F \\([^ ]*\\).*/\\1/') \
            spank-oci \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"
        printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ")
    );
    output("bash", &["--norc", "--noprofile"], &script).lines().map(str::to_owned).collect()
}

/// The command line without what is hidden, which clap_complete would show.
fn shown() -> clap::Command {
    let cli = Cli::command();
    let subcommands = cli.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
    clap::Command::new("spank-oci")
        .version("")
        .disable_help_subcommand(true)
        .args(cli.get_arguments().cloned())
        .subcommands(subcommands)
}

/// The subcommands for people.
fn subcommands() -> Vec<String> {
    shown().get_subcommands().map(|command| command.get_name().to_owned()).collect()
}

#[test]
fn the_files_are_what_the_command_line_is_today() {
    for (shell, name) in SHELLS {
        let mut text = Vec::new();
        generate(shell, &mut shown(), "spank-oci", &mut text);
        let text = String::from_utf8(text).unwrap();
        let path = format!("{DIRECTORY}/{name}");
        if env::var_os("UPDATE_EXPECTED").is_some() {
            fs::write(&path, &text).unwrap();
        }
        assert!(text == fs::read_to_string(&path).unwrap_or_default(), "{name} is out of date");
    }
}

#[test]
fn bash_completes_subcommands_and_options() {
    let offered = bash_offers(&["spank-oci", ""]);
    for name in subcommands() {
        assert!(offered.contains(&name), "'{name}' is not in {offered:?}");
    }
    assert_eq!(bash_offers(&["spank-oci", "chec"]), ["check"]);
    assert_eq!(bash_offers(&["spank-oci", "gc", "--dry"]), ["--dry-run"]);
    assert_eq!(bash_offers(&["spank-oci", "check", "--no-such"]), [""]);
}

#[test]
fn fish_completes_subcommands_and_options() {
    let offers = |line: &str| {
        let script = format!("source ./spank-oci.fish; complete --do-complete '{line}'");
        let output = output("fish", &["--no-config"], &script);
        // Each with a description behind a tab.
        let word = |line: &str| line.split('\t').next().unwrap_or_default().to_owned();
        output.lines().map(word).collect::<Vec<_>>()
    };
    let offered = offers("spank-oci ");
    for name in subcommands() {
        assert!(offered.contains(&name), "'{name}' is not in {offered:?}");
    }
    assert_eq!(offers("spank-oci gc --dry"), ["--dry-run"]);
}

#[test]
fn zsh_takes_the_file_as_the_completion_of_the_program() {
    let script = "fpath=($PWD $fpath)
        autoload -Uz compinit && compinit -u -D
        autoload +X _spank-oci && print $_comps[spank-oci]";
    assert_eq!(output("zsh", &["--no-rcs"], script), "_spank-oci\n");
}

#[test]
fn nobody_is_offered_what_only_the_plugin_calls() {
    for (_, name) in SHELLS {
        let text = fs::read_to_string(format!("{DIRECTORY}/{name}")).unwrap();
        assert!(!text.contains("cleanup"), "{name}");
    }
}

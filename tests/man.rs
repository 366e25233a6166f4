//! man/: well formed, and of the command line what there is today. The tables of keys and
//! of arguments are compared beside the code that knows them: src/config/keys.rs,
//! src/plugin/args.rs.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, fs, path::PathBuf, process::Command};

use clap::{Arg, CommandFactory};
use spank_oci::{cli::Cli, template::Pattern};

const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/man");

fn pages() -> Vec<PathBuf> {
    let mut pages: Vec<_> =
        fs::read_dir(DIRECTORY).unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.sort();
    pages
}

fn page(name: &str) -> String {
    fs::read_to_string(format!("{DIRECTORY}/{name}")).unwrap()
}

/// The subsections of a page, by their names.
fn subsections(page: &str) -> Vec<(&str, &str)> {
    let parts = page.split("\n.Ss ").skip(1).filter_map(|part| part.split("\n.Sh ").next());
    parts.filter_map(|part| part.split_once('\n')).collect()
}

/// The items of a list whose text begins with a macro, as words.
fn items<'a>(section: &'a str, mac: &str) -> BTreeSet<&'a str> {
    let start = format!(".It {mac} ");
    let items = section.lines().filter_map(|line| line.strip_prefix(start.as_str()));
    items.filter_map(|item| item.split(' ').find(|word| is_name(mac, word))).collect()
}

/// Of `Fl s , -long Ar value` the long one; of others the first word.
fn is_name(mac: &str, word: &str) -> bool {
    mac != "Fl" || word.starts_with('-')
}

#[test]
fn mandoc_finds_nothing_wrong() {
    for page in pages() {
        let mut mandoc = Command::new("mandoc");
        let output = mandoc.args(["-T", "lint", "-W", "warning"]).arg(&page).output();
        let output = output
            .unwrap_or_else(|error| panic!("mandoc: {error}; ./dev test installs what is needed"));
        assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    }
}

#[test]
fn spank_oci_1_has_each_subcommand_with_its_options() {
    let page = page("spank-oci.1");
    let cli = Cli::command();
    let known: Vec<_> = cli.get_subcommands().filter(|command| !command.is_hide_set()).collect();
    let documented = subsections(&page);
    let names: BTreeSet<_> = documented.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, known.iter().map(|command| command.get_name()).collect());
    for command in known {
        let name = command.get_name();
        let (_, section) = documented.iter().find(|(documented, _)| *documented == name).unwrap();
        let options = command.get_arguments().filter_map(Arg::get_long);
        let options: BTreeSet<_> = options.map(|long| format!("-{long}")).collect();
        let options = options.iter().map(String::as_str).collect();
        assert_eq!(items(section, "Fl"), options, "{name}");
        let arguments = command.get_positionals().filter_map(|arg| arg.get_value_names()?.first());
        let arguments: BTreeSet<_> = arguments.map(|name| name.to_lowercase()).collect();
        let arguments = arguments.iter().map(String::as_str).collect();
        assert_eq!(items(section, "Ar"), arguments, "{name}");
        assert!(page.contains(&format!("\n.Nm\n.Cm {name}\n")), "{name} is not in the synopsis");
    }
}

#[test]
fn spank_oci_conf_5_has_each_pattern() {
    let page = page("spank-oci.conf.5");
    let patterns = items(&page, "Li");
    let documented: BTreeSet<_> =
        patterns.iter().map(|word| word.trim_start_matches("\\&").to_owned()).collect();
    let known = Pattern::ALL.iter().map(Pattern::to_string).chain(["%%".to_owned()]).collect();
    assert_eq!(documented, known);
}

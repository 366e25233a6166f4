//! How many instructions parsing, editing and planning take, counted by callgrind: a
//! rise above a tenth fails. `UPDATE_EXPECTED=1` records the counts anew.
//!
//! What is compared is each count in proportion to that of a reference in the same
//! program, parsing JSON, which allocates and copies as they do. So another compiler, C
//! library or processor, which changes all of them alike, changes nothing.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    env, fs,
    hint::black_box,
    io::{self, Write},
    path::Path,
    process::Command,
    sync::LazyLock,
};

use serde_json::{Value, json};
use spank_oci::{
    bundle::{Bundle, edit, read},
    config::Config,
    plan::{Inputs, plan},
    request::{Delivery, Request},
};

const EXPECTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions.expected");
const SITE: &str = include_str!("../tests/data/slurm/run.conf");
const BUNDLE: &str = include_str!("../tests/data/bundles/rootless.json");
const REFERENCE: &str = "reference";
/// By how much a count may rise.
const MOST: f64 = 1.10;
/// How often a piece of work is done for its count, which leaves out what happens once.
const TIMES: u32 = 100;

/// A piece of work, by its name.
type Work = (&'static str, fn());

const WORKS: [Work; 6] = [
    (REFERENCE, || drop(black_box(serde_json::from_str::<Value>(&text())))),
    ("parse oci.conf", || drop(black_box(site()))),
    ("parse config.json", || drop(black_box(bundle()))),
    ("edit config.json", || drop(black_box(edit::edited(bundle(), edit::Edit::default())))),
    ("find the places of 500 mounts", || drop(black_box(edit::mount_points(&MANY.config, &[])))),
    ("plan", || drop(black_box(plan(&site(), inputs())))),
];

/// A comparison of each mount with each would show here.
static MANY: LazyLock<Bundle> = LazyLock::new(|| {
    let mut many = bundle();
    let mount = |number| json!({"destination": format!("/mnt/{number:03}")});
    many.config.insert("mounts".into(), (0..500).map(mount).collect());
    many
});

fn main() {
    let words: Vec<String> = env::args().collect();
    match &words[1..] {
        // This program under callgrind.
        [name, times] => {
            let (_, work) = WORKS.iter().find(|(known, _)| known == name).unwrap();
            (0..times.parse().unwrap()).for_each(|_| work());
        }
        _ => compare(),
    }
}

fn compare() {
    let counts: BTreeMap<_, _> = WORKS.map(|(name, _)| (name.to_owned(), count(name))).into();
    if env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(EXPECTED, serde_json::to_string_pretty(&counts).unwrap() + "\n").unwrap();
    }
    let recorded: BTreeMap<String, u64> =
        serde_json::from_str(&fs::read_to_string(EXPECTED).unwrap()).unwrap();
    let change = |name: &str| counts[name] as f64 / recorded[name] as f64;
    let mut risen = Vec::new();
    for (name, count) in &counts {
        let rise = change(name) / change(REFERENCE);
        let per_cent = (rise - 1.0) * 100.0;
        let _ = writeln!(io::stdout(), "{name}: {count} instructions, {per_cent:+.1} %");
        if rise > MOST {
            risen.push(name);
        }
    }
    assert!(
        risen.is_empty(),
        "more instructions than recorded, by more than a tenth: {risen:?}; if that is worth it, UPDATE_EXPECTED=1 records them"
    );
}

/// Instructions for a piece of work done once.
fn count(name: &str) -> u64 {
    (under_callgrind(name, TIMES) - under_callgrind(name, 0)) / u64::from(TIMES)
}

fn under_callgrind(name: &str, times: u32) -> u64 {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    valgrind.arg(env::current_exe().unwrap()).args([name, &times.to_string()]);
    let output = valgrind.output().unwrap_or_else(|error| panic!("valgrind: {error}"));
    let told = String::from_utf8_lossy(&output.stderr);
    let line = told.lines().find_map(|line| line.split_once("Collected : "));
    let (_, number) = line.unwrap_or_else(|| panic!("no count from callgrind: {told}"));
    number.trim().parse().unwrap()
}

fn site() -> Config {
    let text = SITE.replace("RUNTIME", "crun");
    let mut no_include = |_: &Path| Err(io::Error::other("no include here"));
    Config::parse(Path::new("oci.conf"), text.as_bytes(), &mut no_include).unwrap().config
}

fn text() -> String {
    BUNDLE.replace("@UID@", "1000").replace("@GID@", "1000")
}

fn bundle() -> Bundle {
    let config = read::parse(Path::new("/b/config.json"), text().as_bytes()).unwrap();
    Bundle::new("/b".into(), config)
}

fn inputs() -> Inputs {
    let variable = |number: u32| format!("VARIABLE_{number}=the value of it").into_bytes();
    Inputs {
        request: Request {
            bundle: "/b".into(),
            config: "/etc/oci.conf".into(),
            spool: "/run/spank-oci/7.0.0/spool".into(),
            job: 7,
            step: 0,
            task: 3,
            delivery: Delivery::Everyone,
            program: None,
        },
        bundle: Some(bundle()),
        command: vec!["echo".into(), "it's".into()],
        environment: (0..100).map(variable).collect(),
        node: "n1".to_owned(),
        uid: 1000,
        user: "alice".to_owned(),
        work_dir: "/home/alice".into(),
        terminal: None,
        open_files: Some((1024, 4096)),
        notes: vec![],
        own_group: true,
        rootless: None,
        underlay: None,
    }
}

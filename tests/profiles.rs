//! profiles/*.conf: each can be used as it stands, and executes the runtime with what
//! tests/data/profiles/*.expected says. The programs are stand-ins that record their
//! arguments; tests/slurm and tests/runtimes run the real ones, where they can be had.
//! `UPDATE_EXPECTED=1` writes the files anew.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process,
};

use spank_oci::{
    bundle::Bundle,
    config::{Config, Parsed},
    plan::{self, Inputs, Plan, Start},
    request::{Delivery, Request},
    template::Command,
};

const PROFILES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/profiles");
const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/profiles");

/// What a shell, or a runtime that splits words, would spoil.
const COMMAND: [&str; 10] = [
    "sh",
    "-c",
    "echo \"it's\" $HOME `id`; *",
    "",
    "-x",
    "--",
    "%j %@",
    "$(id)",
    "two\nlines",
    "\\",
];

/// Writes its name and arguments, one to a line.
const STAND_IN: &str = "#!/bin/sh\nprintf '<%s>\\n' \"${0##*/}\" \"$@\" >>\"$RECORD\"\n";

fn profiles() -> Vec<String> {
    let files = fs::read_dir(PROFILES).unwrap().map(|entry| entry.unwrap().path());
    let configurations = files.filter(|path| path.extension().is_some_and(|end| end == "conf"));
    let name = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    let mut names: Vec<_> = configurations.map(name).collect();
    names.sort();
    names
}

fn parsed(name: &str) -> Parsed {
    let path = Path::new(PROFILES).join(format!("{name}.conf"));
    let mut no_include = |_: &Path| Err(io::Error::other("no include here"));
    Config::parse(&path, &fs::read(&path).unwrap(), &mut no_include).unwrap()
}

/// A place with a bundle and programs that only record what they are given.
struct Stage {
    keep: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        let stage = Self { keep: tempfile::tempdir().unwrap() };
        for directory in ["bundle", "bin"] {
            fs::create_dir(stage.path(directory)).unwrap();
        }
        fs::write(stage.path("bundle/image"), "docker.io/library/debian:12\n").unwrap();
        stage
    }

    fn path(&self, name: &str) -> PathBuf {
        self.keep.path().join(name)
    }

    fn program(&self, name: &str) -> PathBuf {
        let file = self.path("bin").join(name);
        fs::write(&file, STAND_IN).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        file
    }

    fn plan(&self, config: &Config) -> Plan {
        let bundle = self.path("bundle");
        let json = |config| Bundle::new(bundle.clone(), config);
        let request = Request {
            bundle: bundle.clone(),
            config: "/etc/slurm/spank-oci/oci.conf".into(),
            spool: "/run/spank-oci/7.0.0/spool".into(),
            job: 7,
            step: 0,
            task: 3,
            delivery: Delivery::Task,
            program: None,
        };
        let inputs = Inputs {
            request,
            bundle: (!config.ignore_config_json).then(|| json(serde_json::Map::new())),
            command: COMMAND.map(Into::into).into(),
            environment: vec![b"A=1".to_vec()],
            node: "n1".to_owned(),
            uid: 1000,
            user: "alice".to_owned(),
            work_dir: "/home/alice".into(),
            terminal: None,
            notes: Vec::new(),
            open_files: None,
            rootless: None,
            underlay: None,
            own_group: true,
        };
        plan::plan(config, inputs).unwrap()
    }

    /// What a program is executed with in the end.
    fn record(&self, command: &Command) -> String {
        let record = self.path("record");
        let mut process = match command {
            Command::Exec(words) => {
                let name = Path::new(&words[0]).file_name().unwrap();
                // Those which execute another one are the real ones.
                let program = match name.to_str().unwrap() {
                    "env" => "/usr/bin/env".into(),
                    name => self.program(name),
                };
                let mut process = process::Command::new(program);
                process.args(&words[1..]);
                process
            }
            Command::Shell(text) => {
                let mut process = process::Command::new("/bin/sh");
                process.arg("-c").arg(text);
                process
            }
        };
        for name in ["docker", "udocker", "shifter", "sarus", "unshare"] {
            self.program(name);
        }
        let path = format!("{}:/usr/bin:/bin", self.path("bin").display());
        let status = process.env("PATH", path).env("RECORD", &record).status().unwrap();
        assert!(status.success(), "{command:?}");
        let recorded = fs::read_to_string(&record).unwrap();
        fs::remove_file(record).unwrap();
        recorded.replace(&self.keep.path().display().to_string(), "")
    }
}

#[test]
fn each_has_a_header_and_no_mistakes() {
    for name in profiles() {
        let text = fs::read_to_string(format!("{PROFILES}/{name}.conf")).unwrap();
        for part in ["# Needs: ", "# Tested: ", "# Limits: "] {
            assert!(text.contains(part), "{name}.conf has no '{part}'");
        }
        assert_eq!(parsed(&name).warnings, [], "{name}.conf");
    }
}

#[test]
fn each_executes_what_is_expected_of_it() {
    for name in profiles() {
        let stage = Stage::new();
        let plan = stage.plan(&parsed(&name).config);
        let started = match &plan.start {
            Start::Run { run, .. } => vec![("RunTimeRun", run)],
            Start::Detached(_) => unreachable!("no signal reaches everyone"),
            Start::CreateStart(commands) => {
                vec![("RunTimeCreate", &commands.create), ("RunTimeStart", &commands.start)]
            }
        };
        let (kill, delete) = (plan.end.kill(Some(4711)).unwrap(), plan.end.delete(Some(4711)));
        let delete = delete.unwrap();
        let ended = [("RunTimeKill", &kill), ("RunTimeDelete", &delete)];
        let recorded: String = started
            .into_iter()
            .chain(ended)
            .map(|(key, command)| format!("{key}\n{}", stage.record(command)))
            .collect();
        let path = format!("{DATA}/{name}.expected");
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            fs::write(&path, &recorded).unwrap();
        }
        assert_eq!(recorded, fs::read_to_string(path).unwrap_or_default(), "{name}");
    }
}

#[test]
fn the_enroot_wrapper_leaves_all_in_the_tasks_directory() {
    let stage = Stage::new();
    stage.program("enroot");
    fs::write(stage.path("environment"), "A=it's 1\nB=\n").unwrap();
    fs::write(stage.path("image.sqsh"), "").unwrap();
    let run = |image: &str| {
        let path = format!("{}:/usr/bin:/bin", stage.path("bin").display());
        let record = stage.path("record");
        let status = process::Command::new(format!("{PROFILES}/enroot-start"))
            .args([image, "task", "environment"].map(|name| stage.path(name)))
            .arg("--")
            .args(COMMAND)
            .env("PATH", path)
            .env("RECORD", &record)
            .status()
            .unwrap();
        assert!(status.success());
        let recorded = fs::read_to_string(&record).unwrap();
        fs::remove_file(record).unwrap();
        recorded.replace(&stage.keep.path().display().to_string(), "")
    };
    let expected: String = COMMAND.iter().map(|word| format!("<{word}>\n")).collect();
    let start = format!(
        "<enroot>\n<start>\n<--root>\n<--rw>\n<--env>\n<B=>\n<--env>\n<A=it's 1>\n<task>\n{expected}"
    );
    let create = |image: &str| format!("<enroot>\n<create>\n<--name>\n<task>\n<{image}>\n");
    assert_eq!(run("image.sqsh"), create("/image.sqsh") + &start);
    let import =
        "<enroot>\n<import>\n<--output>\n</task/image.sqsh>\n<docker.io/library/debian:12>\n";
    assert_eq!(run("bundle"), import.to_owned() + &create("/task/image.sqsh") + &start);
    assert!(stage.path("task/data").is_dir());
}

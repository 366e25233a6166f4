//! oci.conf on this machine: are the programs of its commands here, and do they do what
//! the commands say?
#![forbid(unsafe_code)]

use std::{ffi::OsStr, path::Path, time::Duration};

use crate::{
    config::{Config, Operations, Parsed, Written},
    diagnostic::{Diagnostic, Place, Severity},
    env::{self, RUNTIME_PATH},
    runtime::process::{self, Spawned},
    template::{Command, Template},
};

/// How long a program may take to tell its version.
const PATIENCE: Duration = Duration::from_secs(5);

/// The runtimes whose ways are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runtime {
    /// crun.
    Crun,
    /// runc, also under another program's name (nvidia-container-runtime).
    Runc,
    /// Another one, or it is not known which.
    Unknown,
}

/// The runtime that the command names which starts containers.
pub fn of(config: &Config) -> Runtime {
    let (Operations::Run { run: start } | Operations::CreateStart { create: start, .. }) =
        &config.operations;
    let name = |word: &str| Path::new(word).file_name().map(OsStr::to_owned);
    let known = |word: &str| match name(word)?.to_str()? {
        "crun" => Some(Runtime::Crun),
        "runc" | "nvidia-container-runtime" => Some(Runtime::Runc),
        _ => None,
    };
    start.source().split_whitespace().find_map(known).unwrap_or(Runtime::Unknown)
}

/// What is wrong with oci.conf here.
pub fn check(parsed: &Parsed) -> Vec<Diagnostic> {
    let mut told: Vec<_> =
        parsed.commands.iter().filter_map(|it| missing(it, &parsed.config)).collect();
    let kill = parsed.commands.iter().find(|command| command.key == "RunTimeKill");
    if let Some(kill) = kill.filter(|kill| all(kill).is_some()) {
        told.extend(kill_all(kill, version(kill).as_deref()));
    }
    told.sort_by_key(|it| it.place.as_ref().map(|place| place.line));
    told
}

/// The program of a command is not where the helper looks for it.
fn missing(command: &Written, config: &Config) -> Option<Diagnostic> {
    let (program, place) = command.words.first()?;
    // A shell looks for its words by itself, and a pattern is not known yet.
    if template(config, command.key)?.needs_shell() || program.contains(['%', '"', '\'']) {
        return None;
    }
    if process::find(OsStr::new(program)).is_some_and(|path| path.is_file()) {
        return None;
    }
    // Without these two the task runs all the same.
    let ends = ["RunTimeKill", "RunTimeDelete"].contains(&command.key);
    let unused =
        command.key == "RunTimeQuery" && matches!(config.operations, Operations::Run { .. });
    Some(Diagnostic {
        severity: if ends || unused { Severity::Warning } else { Severity::Error },
        file: command.file.clone(),
        place: Some(place.clone()),
        message: format!("there is no program '{program}' on this machine"),
        hint: Some(format!(
            "install it on every node that runs jobs; it is looked for in {RUNTIME_PATH}"
        )),
    })
}

/// A command of the configuration; `None` for one that is given but not used.
fn template<'a>(config: &'a Config, key: &str) -> Option<&'a Template> {
    match (key, &config.operations) {
        ("RunTimeRun", Operations::Run { run }) => Some(run),
        ("RunTimeCreate", Operations::CreateStart { create, .. }) => Some(create),
        ("RunTimeStart", Operations::CreateStart { start, .. }) => Some(start),
        ("RunTimeQuery", _) => config.query.as_ref(),
        ("RunTimeKill", _) => config.kill.as_ref(),
        ("RunTimeDelete", _) => config.delete.as_ref(),
        _ => None,
    }
}

/// The option of `kill` that is for all processes of a container.
fn all(kill: &Written) -> Option<&(String, Place)> {
    let mut words = kill.words.iter().skip_while(|(word, _)| word != "kill");
    words.find(|(word, _)| word == "-a" || word == "--all")
}

/// What the program says of its version. It is root's: oci.conf was trusted.
fn version(kill: &Written) -> Option<String> {
    let program = kill.words.iter().map(|(word, _)| word).find(|word| !is_wrapper(word))?;
    let command = Command::Exec(vec![program.into(), "--version".into()]);
    let asked = Spawned::asked(&command, &env::of_runtime(&[], |_| false), "RunTimeKill").ok()?;
    String::from_utf8(asked.output_within(PATIENCE).ok()?).ok()
}

fn is_wrapper(word: &str) -> bool {
    let name = Path::new(word).file_name().and_then(OsStr::to_str).unwrap_or_default();
    ["sudo", "doas", "env"].contains(&name) || word.starts_with('-') || word.contains('=')
}

/// runc 1.2 and newer accept the option and take no notice of it.
fn kill_all(kill: &Written, version: Option<&str>) -> Option<Diagnostic> {
    let (word, place) = all(kill)?;
    let version = runc_version(version?)?;
    if version < (1, 2) {
        return None;
    }
    Some(Diagnostic {
        severity: Severity::Warning,
        file: kill.file.clone(),
        place: Some(place.clone()),
        message: format!(
            "runc {}.{} takes no notice of '{word}': the signal goes to the container's first process alone",
            version.0, version.1
        ),
        hint: Some(format!(
            "leave '{word}' out; 'kill … KILL' ends all processes, as they share a PID namespace"
        )),
    })
}

/// Major and minor number in the first line of `runc --version`: `runc version 1.3.6`.
fn runc_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.strip_prefix("runc version ")?.split(['.', '-', '+', '~', '\n']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    fn parsed(kill: &str) -> Parsed {
        let text =
            format!("RunTimeRun=\"runc run %b\"\nRunTimeKill=\"{kill}\"\nRunTimeDelete=runc\n");
        let mut load = |_: &Path| Err(io::Error::other("none"));
        Config::parse(Path::new("oci.conf"), text.as_bytes(), &mut load).unwrap()
    }

    fn told(kill: &str, version: &str) -> Option<String> {
        let parsed = parsed(kill);
        let kill = parsed.commands.iter().find(|command| command.key == "RunTimeKill").unwrap();
        kill_all(kill, Some(version)).map(|told| told.to_string())
    }

    #[test]
    fn runc_since_1_2_takes_no_notice_of_kill_all() {
        let text = "oci.conf:2:41: warning: runc 1.3 takes no notice of '-a': the signal goes to the container's first process alone\n  RunTimeKill=\"runc --root=/run/a -b kill -a %n\"\n                                          ^~\n  hint: leave '-a' out; 'kill … KILL' ends all processes, as they share a PID namespace";
        let kill = "runc --root=/run/a -b kill -a %n";
        assert_eq!(told(kill, "runc version 1.3.6+ds1\ncommit: x\n").as_deref(), Some(text));
        assert!(told("runc kill --all %n", "runc version 1.2.0-rc.1\n").is_some());
    }

    #[test]
    fn others_do_what_it_says() {
        for version in
            ["runc version 1.1.5+ds1\n", "runc version 1.0.0~rc93\n", "crun version 1.21\n", ""]
        {
            assert_eq!(told("runc kill -a %n", version), None, "{version}");
        }
        assert_eq!(told("runc -a kill %n", "runc version 1.3.6\n"), None);
    }

    #[test]
    fn the_runtime_is_known_by_its_name() {
        for (run, expected) in [
            ("runc run %b", Runtime::Runc),
            ("sudo /usr/bin/crun --debug run %b", Runtime::Crun),
            ("nvidia-container-runtime run", Runtime::Runc),
            ("/opt/crun/run %b", Runtime::Unknown),
        ] {
            let text = format!("RunTimeRun=\"{run}\"\nRunTimeKill=a\nRunTimeDelete=a\n");
            let mut load = |_: &Path| Err(io::Error::other("none"));
            let parsed = Config::parse(Path::new("oci.conf"), text.as_bytes(), &mut load);
            assert_eq!(of(&parsed.unwrap().config), expected, "{run}");
        }
    }
}

//! The runtime commands of a plan, and when each is executed.
#![forbid(unsafe_code)]

use std::ffi::OsString;

use serde::Serialize;

use crate::{
    plan::{CreateStart, End, Plan, ProcessId, Start},
    runtime::process,
    template::Command,
};

/// A runtime command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Operation {
    /// Its key in oci.conf.
    pub operation: &'static str,
    /// When it is executed.
    pub when: &'static str,
    /// What is executed, word by word.
    pub words: Vec<String>,
    /// The same as a line that can be given to a shell.
    pub line: String,
}

const STARTS: &str = "makes and runs the container";
const DETACHES: &str = "makes the container, starts it and ends, so that no signal arrives twice";
/// In place of the number of a process that does not exist yet; no process has it.
const NOBODY: u32 = u32::MAX;
const SHOWN_NOBODY: &str = "PID";
const RECORDED: &str =
    "only if the helper was killed; PID stands for the number of the process then";

/// The commands in their order.
pub fn of(plan: &Plan) -> Vec<Operation> {
    let mut all = Vec::new();
    if plan.restarted {
        let earlier = "first, for what an earlier start of the job may have left";
        all.extend(plan.end.kill(None).map(|command| operation("RunTimeKill", earlier, &command)));
        all.extend(
            plan.end.delete(None).map(|command| operation("RunTimeDelete", earlier, &command)),
        );
    }
    let (kill, delete) = match &plan.start {
        Start::Run { run, .. } => {
            all.push(operation("RunTimeRun", STARTS, run));
            ("if the task was killed or not started", "unless the exit status is 0")
        }
        Start::Detached(commands) => {
            all.push(operation("RunTimeRun", DETACHES, &commands.run));
            ("if the container was not started", "at the end")
        }
        Start::CreateStart(commands) => {
            all.extend(created(commands));
            ("if the container was not started", "at the end")
        }
    };
    all.extend(ending("RunTimeKill", kill, &plan.end, End::kill));
    all.extend(ending("RunTimeDelete", delete, &plan.end, End::delete));
    all
}

fn created(commands: &CreateStart) -> impl Iterator<Item = Operation> {
    let CreateStart { create, process_id, start, .. } = commands;
    let create = operation("RunTimeCreate", "makes the container", create);
    let query = match process_id {
        Some(ProcessId::Query(query)) => {
            Some(operation("RunTimeQuery", "asks for the container's process", query))
        }
        _ => None,
    };
    let start = operation("RunTimeStart", "lets it go", start);
    [Some(create), query, Some(start)].into_iter().flatten()
}

fn ending(
    key: &'static str,
    when: &'static str,
    end: &End,
    expand: impl Fn(&End, Option<u32>) -> Option<Command>,
) -> Option<Operation> {
    let named = || expand(end, Some(NOBODY)).map(|command| operation(key, RECORDED, &command));
    expand(end, None).map(|command| operation(key, when, &command)).or_else(named)
}

fn operation(key: &'static str, when: &'static str, command: &Command) -> Operation {
    let words = process::words(command);
    let shown = |word: &OsString| word.to_string_lossy().replace(&NOBODY.to_string(), SHOWN_NOBODY);
    let words: Vec<_> = words.iter().map(shown).collect();
    Operation { operation: key, when, line: line(&words), words }
}

/// Words as a shell reads them.
pub fn line(words: &[String]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| quoted(word)).collect();
    quoted.join(" ")
}

fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-+./:,@%".contains(c);
    // With an equals sign it is an option, or it could be an assignment.
    let option = word.starts_with('-');
    match !word.is_empty() && word.chars().all(|c| is_plain(c) || option && c == '=') {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn by_shell(words: &[String]) -> Vec<u8> {
        let script = format!("printf '%s\\0' {}", line(words));
        let output = std::process::Command::new("/bin/sh").arg("-c").arg(script).output().unwrap();
        assert!(output.status.success());
        output.stdout
    }

    #[test]
    fn only_what_a_shell_would_read_otherwise_is_quoted() {
        let words = ["crun", "--root=/run/user/1/", "A=b", "it's", "", "x y", "~", "a.b.1"];
        let words = words.map(str::to_owned);
        assert_eq!(line(&words), r"crun --root=/run/user/1/ 'A=b' 'it'\''s' '' 'x y' '~' a.b.1");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(50))]
        #[test]
        fn a_shell_reads_the_words_that_were_meant(words in prop::collection::vec("[^\0]{0,12}", 1..5)) {
            let expected: Vec<u8> = words.iter().flat_map(|word| [word.as_bytes(), b"\0"].concat()).collect();
            prop_assert_eq!(by_shell(&words), expected);
        }
    }
}

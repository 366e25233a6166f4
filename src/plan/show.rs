//! A plan as text, for people and for tests.
#![forbid(unsafe_code)]

use std::fmt;

use super::{CreateStart, End, Plan, Start};
use crate::{env::Entry, template::Command};

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        writeln!(f, "record: {}", self.end.record.display())?;
        for dir in &self.dirs {
            writeln!(f, "directory: {}", dir.display())?;
        }
        for file in &self.files {
            writeln!(f, "file: {}", file.path.display())?;
            for line in String::from_utf8_lossy(&file.content).split_terminator(['\n', '\0']) {
                writeln!(f, "  | {line}")?;
            }
        }
        writeln!(f, "runtime environment:")?;
        for entry in &self.runtime_env {
            writeln!(f, "  | {}", text(entry))?;
        }
        show_start(f, &self.start)?;
        show_end(f, &self.end)
    }
}

fn show_start(f: &mut fmt::Formatter<'_>, start: &Start) -> fmt::Result {
    if let Some(console) = start.console() {
        writeln!(f, "console socket: {}", console.display())?;
    }
    match start {
        Start::Run { run, .. } => show_command(f, "RunTimeRun", Some(run)),
        Start::CreateStart(CreateStart { create, query, start, .. }) => {
            show_command(f, "RunTimeCreate", Some(create))?;
            show_command(f, "RunTimeQuery", query.as_ref())?;
            show_command(f, "RunTimeStart", Some(start))
        }
    }
}

fn show_end(f: &mut fmt::Formatter<'_>, end: &End) -> fmt::Result {
    // The number of a process that does not exist yet.
    let pid = end.names_process().then_some(0);
    let named = if pid.is_some() { " (0 stands for the runtime's process)" } else { "" };
    show_command(f, &format!("RunTimeKill{named}"), end.kill(pid).as_ref())?;
    show_command(f, &format!("RunTimeDelete{named}"), end.delete(pid).as_ref())?;
    if end.keep_files {
        return writeln!(f, "keep the files (DisableCleanup)");
    }
    for dir in &end.remove {
        writeln!(f, "remove: {}", dir.display())?;
    }
    if let Some(dir) = &end.shared {
        writeln!(f, "remove when empty: {}", dir.display())?;
    }
    Ok(())
}

fn show_command(f: &mut fmt::Formatter<'_>, name: &str, command: Option<&Command>) -> fmt::Result {
    match command {
        None => Ok(()),
        Some(Command::Exec(words)) => {
            writeln!(f, "{name}:")?;
            words.iter().try_for_each(|word| writeln!(f, "  | {}", word.to_string_lossy()))
        }
        Some(Command::Shell(script)) => {
            writeln!(f, "{name}: /bin/sh -c")?;
            let script = script.to_string_lossy();
            script.lines().try_for_each(|line| writeln!(f, "  | {line}"))
        }
    }
}

fn text(entry: &Entry) -> String {
    String::from_utf8_lossy(entry).replace('\n', "\\n")
}

//! An explanation as lines for people.
#![forbid(unsafe_code)]

use std::fmt;

use serde_json::Value;

use super::{Change, Difference, Explanation, Terminal, commands, environment};

/// What a line is; how that looks is the business of who shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Stands above others.
    Heading,
    /// A fact.
    Plain,
    /// Something that should be noticed.
    Note,
    /// Was not there before.
    Added,
    /// Is there no more.
    Removed,
    /// Has another value than before.
    Changed,
    /// Can be passed over.
    Aside,
}

/// A line of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What it is.
    pub mark: Mark,
    /// The whole line, indented as it should be.
    pub text: String,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines().iter().try_for_each(|line| writeln!(f, "{}", line.text))
    }
}

impl Explanation {
    /// The text, one section after the other; a section without content is left out.
    pub fn lines(&self) -> Vec<Line> {
        let mut page = Page::default();
        page.section("task", self.task_lines());
        page.section("the user is told", marked(Mark::Note, &self.notes));
        page.section("the bundle is adapted", marked(Mark::Note, &self.adapted));
        page.section("config.json of the task, against the bundle's", self.config_lines());
        page.section("mounts in the container", self.mounts.iter().map(mount).collect());
        let of_container = self.container_environment.as_ref();
        page.section(
            "environment of the container, against the job's",
            of_container.map(environment_lines).unwrap_or_default(),
        );
        page.section(
            "environment of the runtime, against the job's",
            environment_lines(&self.runtime_environment),
        );
        page.section("directories and files", self.file_lines());
        page.section("commands, in this order", self.command_lines());
        page.section("removed at the end", self.cleanup_lines());
        page.0
    }

    fn task_lines(&self) -> Vec<(Mark, String)> {
        let task = &self.task;
        let step = match task.batch {
            true => "the batch script".to_owned(),
            false => format!("step {}, task {}", task.step, task.rank),
        };
        let mut facts = vec![
            ("command", commands::line(&task.command)),
            ("bundle", self.bundle.clone()),
            ("configuration", self.configuration.clone()),
            ("task", format!("job {}, {step}, on {}", task.job, task.node)),
            ("user", format!("{} ({})", task.user, task.uid)),
            ("directory", task.work_dir.clone()),
        ];
        if let Some(Terminal { rows, columns }) = task.terminal {
            facts.push(("terminal", format!("{rows} rows, {columns} columns")));
        }
        let fact = |(name, value): (&str, String)| (Mark::Plain, format!("{name:<14} {value}"));
        let mut lines: Vec<_> = facts.into_iter().map(fact).collect();
        if !self.assumed.is_empty() {
            lines.push((Mark::Aside, format!("{:<14} {}", "assumed", self.assumed.join(" "))));
        }
        lines
    }

    fn config_lines(&self) -> Vec<(Mark, String)> {
        self.config_json.iter().flat_map(change).collect()
    }

    fn file_lines(&self) -> Vec<(Mark, String)> {
        let mut lines = vec![(Mark::Plain, format!("{} (how to clean up)", self.cleanup.record))];
        let made = |directory: &String| (Mark::Plain, format!("{directory}/"));
        lines.extend(self.directories.iter().map(made));
        if let Some(root) = &self.root {
            let what = "the container's root, with the image's parts mounted into it";
            lines.push((Mark::Plain, format!("{}/ ({what})", root.path)));
            lines.extend(root.directories.iter().map(|it| (Mark::Aside, format!("  {it}"))));
            let link = |(at, to): &(String, String)| (Mark::Aside, format!("  {at} -> {to}"));
            lines.extend(root.links.iter().map(link));
        }
        let size = |file: &super::File| format!("{} ({} bytes)", file.path, file.content.len());
        lines.extend(self.files.iter().map(|file| (Mark::Plain, size(file))));
        lines
    }

    fn command_lines(&self) -> Vec<(Mark, String)> {
        let shown = |it: &super::Operation| {
            [
                (Mark::Plain, format!("{}: {}", it.operation, it.line)),
                (Mark::Aside, format!("  {}", it.when)),
            ]
        };
        self.commands.iter().flat_map(shown).collect()
    }

    fn cleanup_lines(&self) -> Vec<(Mark, String)> {
        let cleanup = &self.cleanup;
        if cleanup.keep_files {
            let kept = "the files are kept (DisableCleanup)".to_owned();
            return vec![(Mark::Note, kept), (Mark::Plain, cleanup.record.clone())];
        }
        let empty = cleanup.remove_when_empty.iter().map(|it| format!("{it} (when it is empty)"));
        let all = cleanup.remove.iter().cloned().chain(empty).chain([cleanup.record.clone()]);
        all.map(|path| (Mark::Plain, path)).collect()
    }
}

#[derive(Default)]
struct Page(Vec<Line>);

impl Page {
    fn section(&mut self, heading: &str, lines: Vec<(Mark, String)>) {
        if lines.is_empty() {
            return;
        }
        self.0.push(Line { mark: Mark::Heading, text: format!("{heading}:") });
        let line = |(mark, text): (Mark, String)| Line {
            mark,
            text: format!("  {}", text.replace('\n', "\\n")),
        };
        self.0.extend(lines.into_iter().map(line));
    }
}

fn marked(mark: Mark, texts: &[String]) -> Vec<(Mark, String)> {
    texts.iter().map(|text| (mark, text.clone())).collect()
}

/// As `diff -u` marks it. The environment has a section of its own.
fn change(change: &Change) -> Vec<(Mark, String)> {
    let Change { path, before, after } = change;
    if path == environment::IN_CONFIG {
        return vec![(Mark::Changed, format!("~ {path}: see below"))];
    }
    let removed = before.as_ref().map(|value| (Mark::Removed, format!("- {path}: {value}")));
    let added = after.as_ref().map(|value| (Mark::Added, format!("+ {path}: {value}")));
    removed.into_iter().chain(added).collect()
}

/// As mount(8) lists them.
fn mount(mount: &Value) -> (Mark, String) {
    let field = |name| mount.get(name).and_then(Value::as_str).unwrap_or("none");
    let options = mount.get("options").and_then(Value::as_array).into_iter().flatten();
    let options: Vec<_> = options.filter_map(Value::as_str).collect();
    let (source, kind) = (field("source"), field("type"));
    let place = field("destination");
    let text = format!("{source} on {place} type {kind} ({})", options.join(","));
    (Mark::Plain, text)
}

fn environment_lines(difference: &Difference) -> Vec<(Mark, String)> {
    let shown = |mark, sign: &str, list: &[String]| -> Vec<_> {
        list.iter().map(|entry| (mark, format!("{sign} {entry}"))).collect()
    };
    let mut lines = shown(Mark::Added, "+", &difference.added);
    lines.extend(shown(Mark::Changed, "~", &difference.changed));
    lines.extend(shown(Mark::Removed, "-", &difference.left_out));
    let rest = match difference.unchanged {
        1 => "1 variable as in the job".to_owned(),
        many => format!("{many} variables as in the job"),
    };
    lines.push((Mark::Aside, rest));
    lines
}

//! Reads a command template as a shell would: quotes, words, commands, substitutions.
//!
//! The result is either the words of a command that needs no shell, or shell text in which every
//! value knows the quotes around it. Wherever shells differ, or a value could not be quoted, the
//! template is refused, values or not: a reader must not have to know which `sh` a node has.
#![forbid(unsafe_code)]

mod commands;
mod quotes;

use std::ops::Range;

use super::pattern::{self, Spanned, Unit};
use super::shell::ShellText;
use super::word::{Word, Words};
use super::{Form, TemplateError};

/// Decides the form of a template and checks it.
pub(super) fn scan(text: &str) -> Result<Form, Vec<TemplateError>> {
    let (units, errors) = pattern::units(text);
    let mut scanner =
        Scanner { units, errors, commands: vec![Words::default()], ..Scanner::default() };
    while let Some(Spanned { unit, span }) = scanner.next() {
        match unit {
            Unit::Value(pattern) => scanner.value(pattern, &span),
            Unit::Char(c) => scanner.char(c, &span),
        }
    }
    scanner.finish(text)
}

/// A construct that ends with a character of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// `'…'`
    Single,
    /// `"…"`
    Double,
    /// `(…)`
    Group,
    /// `$(…)`
    Substitution,
    /// `${…}`, and whether it is inside double quotes.
    Parameter { quoted: bool },
    /// `$((…))` and how many parentheses are open.
    Arithmetic { depth: usize },
    /// `` `…` ``
    Backtick,
}

#[derive(Debug)]
struct Open {
    kind: Kind,
    span: Range<usize>,
}

#[derive(Debug, Default)]
struct Scanner {
    units: Vec<Spanned>,
    /// Index of the unit after the one being read.
    at: usize,
    /// What is open, innermost last.
    open: Vec<Open>,
    /// The simple command being read: the outermost, then one for each open `(` and `$(`.
    commands: Vec<Words>,
    text: ShellText,
    needs_shell: bool,
    errors: Vec<TemplateError>,
    /// Mistakes only if a shell reads the template.
    shell_errors: Vec<TemplateError>,
}

impl Scanner {
    fn next(&mut self) -> Option<Spanned> {
        let unit = self.units.get(self.at).cloned();
        self.at += 1;
        unit
    }

    /// The next character, unless it is a pattern or the end.
    fn peek(&self, ahead: usize) -> Option<char> {
        match self.units.get(self.at + ahead)?.unit {
            Unit::Char(c) => Some(c),
            Unit::Value(_) => None,
        }
    }

    /// Whether the character before the one being read is one of these.
    fn follows(&self, chars: &[char]) -> bool {
        let before = self.at.checked_sub(2).and_then(|index| self.units.get(index));
        before.is_some_and(|s| matches!(s.unit, Unit::Char(c) if chars.contains(&c)))
    }

    fn kind(&self) -> Option<Kind> {
        self.open.last().map(|open| open.kind)
    }

    /// The command that words belong to now. (There is always one: `commands` starts with one,
    /// and only what an open `(` added is taken away.)
    fn words(&mut self) -> &mut Words {
        if self.commands.is_empty() {
            self.commands.push(Words::default());
        }
        let last = self.commands.len() - 1;
        &mut self.commands[last]
    }

    fn word(&mut self, span: &Range<usize>) -> &mut Word {
        self.words().word(span.start)
    }

    fn error(&mut self, span: &Range<usize>, message: impl Into<String>, hint: impl Into<String>) {
        let (message, hint) = (message.into(), Some(hint.into()));
        self.errors.push(TemplateError { span: span.clone(), message, hint });
    }

    fn char(&mut self, c: char, span: &Range<usize>) {
        match self.kind() {
            None | Some(Kind::Group | Kind::Substitution) => self.bare(c, span),
            Some(Kind::Single) => self.single(c, span),
            Some(Kind::Double) => self.double(c, span),
            Some(Kind::Parameter { quoted }) => self.parameter(c, quoted, span),
            Some(Kind::Arithmetic { depth }) => self.arithmetic(c, depth, span),
            Some(Kind::Backtick) => self.backtick(c, span),
        }
    }

    /// A character that stands for itself, or whose meaning does not matter here.
    fn literal(&mut self, c: char, span: &Range<usize>) {
        self.text.push_char(c);
        let word = self.word(span);
        word.literal.push(c);
        word.pieces.push_char(c);
    }

    fn quote(&mut self, kind: Kind, c: char, span: &Range<usize>) {
        self.word(span).quoted = true;
        self.enter(kind, c, span);
    }

    fn enter(&mut self, kind: Kind, c: char, span: &Range<usize>) {
        self.word(span);
        self.text.push_char(c);
        self.open.push(Open { kind, span: span.clone() });
    }

    fn leave(&mut self, c: char) {
        self.text.push_char(c);
        self.open.pop();
    }

    fn finish(mut self, text: &str) -> Result<Form, Vec<TemplateError>> {
        if let Some(open) = self.open.last() {
            let (span, kind) = (open.span.clone(), open.kind);
            let (message, hint) = unclosed(kind);
            self.error(&span, message, hint);
        }
        self.finish_word();
        let words = self.commands.into_iter().next().unwrap_or_default().done;
        self.needs_shell |= words.first().is_some_and(begins_shell_command);
        let mut errors = self.errors;
        if self.needs_shell {
            errors.extend(self.shell_errors);
        } else if words.is_empty() && errors.is_empty() {
            let hint = Some("write the program and its arguments".to_owned());
            errors.push(TemplateError {
                span: 0..text.len(),
                message: "empty command".into(),
                hint,
            });
        }
        errors.sort_by_key(|error| error.span.start);
        errors.dedup();
        match (errors.is_empty(), self.needs_shell) {
            (false, _) => Err(errors),
            (true, true) => Ok(Form::Shell(self.text)),
            (true, false) => Ok(Form::Exec(words.into_iter().map(|word| word.pieces).collect())),
        }
    }
}

/// Message and hint for what was opened and not closed.
fn unclosed(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Single => ("this single quote is not closed", "add the closing '"),
        Kind::Double => ("this double quote is not closed", "add the closing \""),
        Kind::Group => ("this '(' is not closed", "add the closing ')'"),
        Kind::Substitution => ("this '$(' is not closed", "add the closing ')'"),
        Kind::Parameter { .. } => ("this '${' is not closed", "add the closing '}'"),
        Kind::Arithmetic { .. } => ("this '$((' is not closed", "add the closing '))'"),
        Kind::Backtick => ("this backtick is not closed", "add the closing '`'"),
    }
}

/// Whether a first word is an assignment, or a keyword or builtin that has no program of its own
/// on every system.
fn begins_shell_command(word: &Word) -> bool {
    const NO_PROGRAM: &[&str] = &[
        "!", ".", ":", "[[", "alias", "bg", "break", "builtin", "case", "cd", "command",
        "continue", "declare", "do", "done", "elif", "else", "esac", "eval", "exec", "exit",
        "export", "fg", "fi", "for", "function", "getopts", "hash", "if", "jobs", "let", "local",
        "read", "readonly", "return", "set", "shift", "source", "then", "times", "trap", "type",
        "typeset", "ulimit", "umask", "unalias", "unset", "until", "wait", "while",
    ];
    word.literal.contains('=')
        || (word.values.is_empty() && NO_PROGRAM.contains(&word.literal.as_str()))
}

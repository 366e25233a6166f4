//! Words of a simple command, and whether one of them is run as code.
//!
//! Quoting makes a value one word. It does not help where that word is itself a script: the value
//! inside `sh -c 'ls %b'` would be read by a second shell. This module knows such places. It does
//! not follow values through variables or files.
#![forbid(unsafe_code)]

use std::ops::Range;

use super::TemplateError;
use super::pattern::{Pattern, Pieces};

/// A word, finished or still growing.
#[derive(Debug, Default)]
pub(super) struct Word {
    /// The word without quotes, for a command that needs no shell.
    pub(super) pieces: Pieces,
    /// The characters of the word without quotes, backslashes, values and `$(…)` contents.
    pub(super) literal: String,
    /// Whether any part is in quotes or follows a backslash.
    pub(super) quoted: bool,
    /// The values in it, also those inside a `$(…)`, and where.
    pub(super) values: Vec<(Pattern, Range<usize>)>,
    /// Where the word starts in the template.
    pub(super) start: usize,
}

impl Word {
    /// What is wrong with this word behind the words before it.
    pub(super) fn check(&self, before: &[Self]) -> Option<TemplateError> {
        self.check_args().or_else(|| self.check_code(before))
    }

    /// bash expands the word behind `>&` a second time if it is no number (redir.c), so that a
    /// quoted value would be run.
    fn check_descriptor(&self) -> Option<TemplateError> {
        let (pattern, span) = self.values.first()?;
        Some(TemplateError {
            span: span.clone(),
            message: format!("'{pattern}' would be run as code by some shells behind '>&'"),
            hint: Some(format!("write: >{pattern} 2>&1")),
        })
    }

    /// `%@` is any number of words, so it can be no part of one.
    fn check_args(&self) -> Option<TemplateError> {
        if self.pieces.0.len() == 1 && !self.quoted {
            return None;
        }
        let own = self.pieces.patterns().any(|pattern| pattern == Pattern::Args);
        let (_, span) = self.values.iter().find(|(p, _)| own && *p == Pattern::Args)?;
        Some(args_not_alone(span.clone()))
    }

    fn check_code(&self, before: &[Self]) -> Option<TemplateError> {
        let (pattern, span) = self.values.first()?;
        let error = |message, hint| TemplateError { span: span.clone(), message, hint: Some(hint) };
        let command = before.iter().find(|word| !word.is_prefix());
        if let Some(Self { literal: name, .. }) = command.filter(|word| word.is_evaluator()) {
            return Some(error(
                format!("'{pattern}' would be run as code by '{name}'"),
                format!("do without '{name}', or move the command into a script file"),
            ));
        }
        if !is_script(self, before) {
            return None;
        }
        Some(error(
            format!("'{pattern}' would be run as code: it is inside the script for '-c'"),
            format!("pass it as an argument of the script: sh -c '… \"$1\"' sh {pattern}"),
        ))
    }

    /// Whether the name of the command is still to come: assignments, keywords, `command -p`.
    fn is_prefix(&self) -> bool {
        self.literal.contains('=')
            || self.literal.starts_with('-')
            || PREFIXES.contains(&&*self.literal)
    }

    /// What to do instead, if a shell reads this word as syntax the scanner does not know.
    pub(super) fn unsupported(&self) -> Option<TemplateError> {
        let (name, hint) = UNSUPPORTED.iter().find(|(name, _)| *name == self.literal)?;
        (!self.quoted && self.values.is_empty()).then(|| TemplateError {
            span: self.start..self.start + name.len(),
            message: format!("'{name}' is not supported in a command"),
            hint: Some((*hint).to_owned()),
        })
    }

    /// Whether the word so far is `name[`, the subscript of an array: bash evaluates it.
    pub(super) fn in_subscript(&self) -> bool {
        let Some((name, subscript)) = self.literal.split_once('[') else { return false };
        let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        is_name && !name.is_empty() && !subscript.contains(']')
    }

    fn is_evaluator(&self) -> bool {
        EVALUATORS.contains(&&*self.literal)
    }

    fn is_shell(&self) -> bool {
        SHELLS.contains(&self.literal.rsplit('/').next().unwrap_or_default())
    }

    /// An option cluster like `-c` or `-lc`, with which the next operand is a script.
    fn is_dash_c(&self) -> bool {
        let letters = self.literal.strip_prefix('-').unwrap_or_default();
        letters.contains('c') && letters.chars().all(|c| c.is_ascii_alphabetic())
    }
}

/// The error for a `%@` that is part of a word or inside quotes.
pub(super) fn args_not_alone(span: Range<usize>) -> TemplateError {
    TemplateError {
        span,
        message: "'%@' must stand alone".into(),
        hint: Some(
            "it becomes one quoted word per argument: no quotes, and blanks around it".into(),
        ),
    }
}

/// Builtins that evaluate their arguments. The last five are those of bash (the `sh` of many
/// systems) that run a `$(…)` inside an array subscript.
const EVALUATORS: [&str; 8] =
    ["eval", "trap", "alias", "let", "declare", "typeset", "unset", "read"];

/// Bare words that begin a syntax of their own. In a `case` the ')' behind each pattern has no
/// '(', so the scanner would misjudge what follows; in `[[ … ]]` values may be evaluated.
const UNSUPPORTED: [(&str, &str); 2] =
    [("case", "move it into a script file; quote the word if none is meant"), ("[[", "use '['")];

/// Words a command name may follow.
const PREFIXES: [&str; 12] =
    ["!", "{", "builtin", "command", "do", "elif", "else", "if", "then", "time", "until", "while"];

const SHELLS: [&str; 13] = [
    "sh", "bash", "rbash", "dash", "ash", "ksh", "mksh", "zsh", "csh", "tcsh", "fish", "$SHELL",
    "${SHELL}",
];

/// Whether `word` is the script of some `sh -c` among the words before it, however that is
/// wrapped (`sudo sh -c`), or looks like a script for the `-c` of another program (`su -c`).
fn is_script(word: &Word, before: &[Word]) -> bool {
    let shells = before.iter().enumerate().filter(|(_, word)| word.is_shell());
    if shells.into_iter().any(|(index, _)| expects_script(&before[index + 1..])) {
        return true;
    }
    let after_c = before.last().is_some_and(|last| last.is_dash_c() && last.literal.ends_with('c'));
    after_c && word.quoted && word.literal.contains([' ', '\t', '\n'])
}

/// Whether a shell with these words behind its name takes the next word as its script.
fn expects_script(words: &[Word]) -> bool {
    let mut dash_c = false;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if !word.literal.starts_with(['-', '+']) {
            return false; // an operand: the script, or a script file
        }
        dash_c |= word.is_dash_c();
        let takes_argument = word.literal.ends_with(['o', 'O']) && !word.literal.starts_with("--");
        if takes_argument || ["--rcfile", "--init-file"].contains(&&*word.literal) {
            words.next();
        }
    }
    dash_c
}

/// The words of one simple command so far.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// Finished words; targets of redirections are left out.
    pub(super) done: Vec<Word>,
    current: Option<Word>,
    redirection: Option<Redirection>,
}

/// What the next word is, if it is no argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Redirection {
    /// `>file`
    File,
    /// `>&1`
    Descriptor,
}

impl Words {
    /// Whether the next character begins a word.
    pub(super) fn at_start(&self) -> bool {
        self.current.is_none()
    }

    /// Whether a word is being read in which only this unquoted text was seen.
    pub(super) fn so_far_only(&self, text: &str) -> bool {
        self.current.as_ref().is_some_and(|w| !w.quoted && w.values.is_empty() && w.literal == text)
    }

    /// The word being read; begins one at `start` if there is none.
    pub(super) fn word(&mut self, start: usize) -> &mut Word {
        self.current.get_or_insert_with(|| Word { start, ..Word::default() })
    }

    /// The word being read, if there is one.
    pub(super) fn current(&mut self) -> Option<&mut Word> {
        self.current.as_mut()
    }

    /// Ends the word being read and checks it.
    pub(super) fn finish_word(&mut self) -> Option<TemplateError> {
        let word = self.current.take()?;
        match self.redirection.take() {
            None => {
                let error = word.check(&self.done);
                self.done.push(word);
                error
            }
            Some(Redirection::File) => word.check(&[]),
            Some(Redirection::Descriptor) => word.check_descriptor(),
        }
    }

    /// Ends the word before a `<` or `>`; the next word is a file, not an argument.
    pub(super) fn redirect(&mut self) -> Option<TemplateError> {
        let descriptor = |word: &Word| {
            !word.quoted
                && word.values.is_empty()
                && word.literal.bytes().all(|b| b.is_ascii_digit())
        };
        if self.current.as_ref().is_some_and(descriptor) {
            self.current = None;
        }
        let error = self.finish_word();
        self.redirection = Some(Redirection::File);
        error
    }

    /// Corrects what a `<` or `>` made of the next word: `>&` takes a descriptor, and `<(` is a
    /// word of its own.
    pub(super) fn set_redirection(&mut self, redirection: Option<Redirection>) {
        self.redirection = redirection;
    }
}

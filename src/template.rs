//! Templates of oci.conf: a text with %-patterns that becomes a command or a path.
//!
//! A command template without shell syntax becomes an argument vector. One with shell syntax
//! becomes text for `/bin/sh -c` in which every value is quoted for the place where it stands;
//! a template in which that cannot be done is refused when the file is read. This module finds
//! no programs and runs nothing.
//!
//! Slurm runs every template through `/bin/sh -c` and quotes only `%@` (26.05).
#![forbid(unsafe_code)]

mod pattern;
mod scan;
mod shell;
#[cfg(test)]
mod tests;
mod word;

use std::ffi::OsString;
use std::fmt;
use std::ops::Range;

pub use pattern::{Pattern, Values};
use pattern::{Piece, Pieces, Unit};
use shell::ShellText;

/// What is wrong with a template, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// The bytes of the template meant; may be empty, never out of bounds.
    pub span: Range<usize>,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// A command ready to be executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Program and arguments, at least one word. The program is to be looked up in `PATH` if it
    /// has no slash.
    Exec(Vec<OsString>),
    /// Text for `/bin/sh -c`, every value in it quoted.
    Shell(OsString),
}

/// A parsed `RunTime*` template. `Debug` shows the words, or the shell text, with the patterns in
/// their places.
#[derive(Clone, PartialEq, Eq)]
pub struct Template {
    source: String,
    form: Form,
}

/// Decided when the template is parsed, so that values have no say in it.
#[derive(Clone, PartialEq, Eq)]
enum Form {
    Exec(Vec<Pieces>),
    Shell(ShellText),
}

impl Template {
    /// Parses a command template, the text as it is after the rules of the file format.
    ///
    /// # Errors
    /// All mistakes: unknown patterns, unbalanced quotes, places where no value can be quoted.
    pub fn parse(text: &str) -> Result<Self, Vec<TemplateError>> {
        let form = scan::scan(text)?;
        Ok(Self { source: text.to_owned(), form })
    }

    /// The text it was parsed from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether the command is run by `/bin/sh`.
    pub fn needs_shell(&self) -> bool {
        matches!(self.form, Form::Shell(_))
    }

    /// Whether the pattern stands anywhere in the template.
    pub fn uses(&self, pattern: Pattern) -> bool {
        match &self.form {
            Form::Exec(words) => words.iter().flat_map(Pieces::patterns).any(|p| p == pattern),
            Form::Shell(text) => text.uses(pattern),
        }
    }

    /// The command with all values in their places.
    pub fn expand(&self, values: &Values) -> Command {
        match &self.form {
            Form::Exec(words) => {
                Command::Exec(words.iter().flat_map(|word| expand_word(word, values)).collect())
            }
            Form::Shell(text) => Command::Shell(text.expand(values)),
        }
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.form {
            Form::Exec(words) => write!(f, "Exec {words:?}"),
            Form::Shell(text) => write!(f, "Shell {text:?}"),
        }
    }
}

/// `%@` alone is one word per argument; anything else is one word.
fn expand_word(word: &Pieces, values: &Values) -> Vec<OsString> {
    match word.0.as_slice() {
        [Piece::Value(Pattern::Args)] => values.words(Pattern::Args),
        _ => vec![word.expand(values)],
    }
}

/// A parsed `ContainerPath`, `CgroupsPath` or `MountSpoolDir`: the same patterns without `%@`, no shell.
#[derive(Clone, PartialEq, Eq)]
pub struct PathTemplate {
    source: String,
    pieces: Pieces,
}

impl PathTemplate {
    /// Parses a path template. Everything but patterns is taken literally.
    ///
    /// # Errors
    /// All mistakes: unknown patterns, `%@`, an empty text.
    pub fn parse(text: &str) -> Result<Self, Vec<TemplateError>> {
        let (units, mut errors) = pattern::units(text);
        let mut pieces = Pieces::default();
        for spanned in units {
            match spanned.unit {
                Unit::Char(c) => pieces.push_char(c),
                Unit::Value(Pattern::Args) => errors.push(TemplateError {
                    span: spanned.span,
                    message: "'%@' is a list of words and cannot be part of a path".into(),
                    hint: None,
                }),
                Unit::Value(pattern) => pieces.push_value(pattern),
            }
        }
        if text.is_empty() {
            errors.push(TemplateError { span: 0..0, message: "empty path".into(), hint: None });
        }
        errors.sort_by_key(|error| error.span.start);
        if errors.is_empty() { Ok(Self { source: text.to_owned(), pieces }) } else { Err(errors) }
    }

    /// The text it was parsed from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether the pattern stands anywhere in the template.
    pub fn uses(&self, pattern: Pattern) -> bool {
        self.pieces.patterns().any(|p| p == pattern)
    }

    /// The path with all values in their places.
    pub fn expand(&self, values: &Values) -> OsString {
        self.pieces.expand(values)
    }
}

impl fmt::Debug for PathTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Path {:?}", self.pieces)
    }
}

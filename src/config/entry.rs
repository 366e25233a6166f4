//! A logical line to what it says: `KEY=VALUE` or `Include FILE`.
//!
//! The rules are those of Slurm's key-value expression (`parse_config.c`): one key per line, an
//! operator before the `=`, a value up to the next blank or between double quotes. Stricter in one
//! point: Slurm takes `"abc` and `"abc"def` as they stand, quotes included; here that is a mistake.
#![forbid(unsafe_code)]

use std::ops::Range;

use super::diagnostic::Severity;
use super::lines::{Line, is_blank};

/// A mistake and the characters of the logical line it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) severity: Severity,
    pub(super) span: Range<usize>,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Problem {
    pub(super) fn error(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, span, message: message.into(), hint: None }
    }

    pub(super) fn warning(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(span, message) }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// A piece of a logical line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) span: Range<usize>,
}

/// What a logical line says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// Nothing.
    Blank,
    /// `Include FILE`
    Include(Piece),
    /// `KEY=VALUE`; one of them is `None` if it is not to be made out.
    Pair { key: Option<Piece>, operator: Option<Piece>, value: Option<Piece> },
}

/// Reads a logical line. With a problem of severity error the value is `None`.
pub(super) fn read(line: &Line) -> (Entry, Vec<Problem>) {
    let mut cursor = Cursor { line, at: 0, problems: Vec::new() };
    cursor.skip_blanks();
    if cursor.at == line.chars.len() {
        return (Entry::Blank, Vec::new());
    }
    cursor.at = 0;
    let entry = cursor.include().unwrap_or_else(|| cursor.pair());
    (entry, cursor.problems)
}

struct Cursor<'a> {
    line: &'a Line,
    at: usize,
    problems: Vec<Problem>,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<char> {
        self.line.chars.get(self.at).map(|char| char.c)
    }

    /// Takes characters as long as they are wanted.
    fn take(&mut self, wanted: impl Fn(char) -> bool) -> Piece {
        let start = self.at;
        while self.peek().is_some_and(&wanted) {
            self.at += 1;
        }
        Piece { text: self.line.text(start..self.at), span: start..self.at }
    }

    fn skip_blanks(&mut self) {
        self.take(is_blank);
    }

    /// The rest of the line without the blanks around it.
    fn rest(&mut self) -> Piece {
        self.skip_blanks();
        let start = self.at;
        let text = self.line.text(start..self.line.chars.len());
        let text = text.trim_end_matches(is_blank).to_owned();
        Piece { span: start..start + text.chars().count(), text }
    }

    /// `Include`, which native Slurm sees in the first column only.
    fn include(&mut self) -> Option<Entry> {
        let word = self.take(|c| c.is_ascii_alphabetic());
        if !word.text.eq_ignore_ascii_case("include") || !self.peek().is_none_or(is_blank) {
            self.at = 0;
            return None;
        }
        self.skip_blanks();
        if self.peek() == Some('=') {
            self.at = 0;
            return None;
        }
        let name = self.take(|c| !is_blank(c));
        if name.text.is_empty() {
            let hint = "write: Include FILE";
            self.problems.push(Problem::error(word.span, "'Include' without a file").hint(hint));
        }
        let rest = self.rest();
        if !rest.text.is_empty() {
            let problem = Problem::error(rest.span, "text after the file name");
            self.problems.push(problem.hint("a file name cannot contain blanks, quoted or not"));
        }
        Some(Entry::Include(name))
    }

    fn pair(&mut self) -> Entry {
        self.skip_blanks();
        let key = self.take(is_key_char);
        if key.text.is_empty() {
            let problem = Problem::error(self.rest().span, "this line does not begin with a key");
            self.problems.push(problem.hint("write KEY=VALUE; a comment begins with '#'"));
            return Entry::Pair { key: None, operator: None, value: None };
        }
        self.skip_blanks();
        let operator = self.take(|c| "-*+/".contains(c));
        if operator.text.len() > 1 || self.peek() != Some('=') {
            let hint = match key.text.to_ascii_lowercase().as_str() {
                "include" => "'Include' must begin in the first column",
                _ => "write KEY=VALUE",
            };
            let message = format!("no '=' after '{}'", key.text);
            self.problems.push(Problem::error(key.span.clone(), message).hint(hint));
            return Entry::Pair { key: Some(key), operator: None, value: None };
        }
        self.at += 1;
        self.skip_blanks();
        let value = self.value(&key);
        let operator = Some(operator).filter(|operator| !operator.text.is_empty());
        Entry::Pair { key: Some(key), operator, value }
    }

    fn value(&mut self, key: &Piece) -> Option<Piece> {
        let quoted = self.peek() == Some('"');
        let value = if quoted { self.quoted_value()? } else { self.take(|c| !is_blank(c)) };
        if !quoted && value.text.is_empty() {
            let message = format!("'{}' has no value", key.text);
            let problem = Problem::error(key.span.clone(), message);
            self.problems.push(problem.hint("write a value after '=', or remove the line"));
            return None;
        }
        let attached = self.peek().is_some_and(|c| !is_blank(c));
        let rest = self.rest();
        if rest.text.is_empty() {
            return Some(value);
        }
        let problem = match second_key(&rest.text) {
            Some(second) if !attached => Problem::error(rest.span, "two keys on one line")
                .hint(format!("put '{second}' on a line of its own")),
            _ if quoted => Problem::error(rest.span, "text after the closing quote")
                .hint(self.inner_quote_hint(value.span.end)),
            _ => Problem::error(rest.span, "text after the value")
                .hint("put double quotes around a value that contains blanks"),
        };
        self.problems.push(problem);
        None
    }

    /// A value in double quotes, which cannot contain any.
    fn quoted_value(&mut self) -> Option<Piece> {
        let open = self.at;
        self.at += 1;
        let value = self.take(|c| c != '"');
        if self.peek() == Some('"') {
            self.at += 1;
            return Some(value);
        }
        self.at = open;
        let problem = Problem::error(self.rest().span, "missing closing quote");
        self.problems.push(problem.hint("add '\"' at the end of the value"));
        None
    }

    fn inner_quote_hint(&self, closing: usize) -> &'static str {
        match self.line.chars.get(closing) {
            Some(quote) if quote.escaped => {
                "a backslash does not protect a quote: use single quotes inside the value"
            }
            _ => "a value cannot contain double quotes: use single quotes inside it",
        }
    }
}

fn is_key_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '.'
}

/// The key a text begins with, if it looks like `KEY=`.
fn second_key(text: &str) -> Option<&str> {
    let end = text.find(|c| !is_key_char(c))?;
    let (key, rest) = text.split_at(end);
    let rest = rest.trim_start_matches(is_blank);
    (end > 0 && rest.trim_start_matches(['-', '*', '+', '/']).starts_with('=')).then_some(key)
}

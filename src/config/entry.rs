//! A logical line to what it says: `KEY=VALUE` or `Include FILE`.
//!
//! The rules are those of Slurm's key-value expression (`parse_config.c`): one key per line, an
//! operator before the `=`, a value up to the next blank or between double quotes. Stricter in one
//! point: Slurm takes `"abc` and `"abc"def` as they stand, quotes included; here that is a mistake.
#![forbid(unsafe_code)]

use std::ops::Range;

use super::lines::{Line, is_blank};
use crate::diagnostic::Severity;

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
    /// `KEY=VALUE`
    Pair(Pair),
}

/// `KEY=VALUE`, as far as it can be made out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) key: Option<Piece>,
    /// An operator before the `=`.
    pub(super) operator: Option<Piece>,
    pub(super) value: Option<Piece>,
    /// A second key on the same line, which is a mistake.
    pub(super) second: Option<Piece>,
}

/// Reads a logical line. With a problem of severity error the value is `None`.
pub(super) fn read(line: &Line) -> (Entry, Vec<Problem>) {
    let mut cursor = Cursor { line, at: 0, problems: Vec::new() };
    cursor.skip_blanks();
    if cursor.at == line.chars.len() {
        return (Entry::Blank, Vec::new());
    }
    cursor.at = 0;
    let entry = cursor.include().unwrap_or_else(|| Entry::Pair(cursor.pair()));
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

    fn pair(&mut self) -> Pair {
        self.skip_blanks();
        let key = self.take(is_key_char);
        if key.text.is_empty() {
            let problem = Problem::error(self.rest().span, "this line does not begin with a key");
            self.problems.push(problem.hint("write KEY=VALUE; a comment begins with '#'"));
            return Pair::default();
        }
        self.skip_blanks();
        let operator = self.take(|c| "-*+/".contains(c));
        if operator.text.len() > 1 || self.peek() != Some('=') {
            return self.no_equals_sign(key);
        }
        self.at += 1;
        self.skip_blanks();
        let mut pair = Pair { value: self.value(&key), ..Pair::default() };
        if pair.value.is_some() {
            pair.second = self.leftover(&mut pair.value);
        }
        pair.operator = Some(operator).filter(|operator| !operator.text.is_empty());
        pair.key = Some(key);
        pair
    }

    fn no_equals_sign(&mut self, key: Piece) -> Pair {
        if key.text.eq_ignore_ascii_case("include") {
            let problem = Problem::error(key.span, "'Include' is not in the first column");
            self.problems.push(problem.hint("remove the blanks before it"));
            return Pair::default();
        }
        let problem = Problem::error(key.span.clone(), format!("no '=' after '{}'", key.text));
        self.problems.push(problem.hint("write KEY=VALUE"));
        Pair { key: Some(key), ..Pair::default() }
    }

    fn value(&mut self, key: &Piece) -> Option<Piece> {
        if self.peek() == Some('"') {
            return self.quoted_value();
        }
        let value = self.take(|c| !is_blank(c));
        if value.text.is_empty() {
            let problem = Problem::error(key.span.clone(), format!("'{}' has no value", key.text));
            self.problems.push(problem.hint("write a value after '=', or remove the line"));
            return None;
        }
        Some(value)
    }

    /// Text behind a value is a mistake and makes the value doubtful; it may be a second key.
    fn leftover(&mut self, value: &mut Option<Piece>) -> Option<Piece> {
        let attached = self.peek().is_some_and(|c| !is_blank(c));
        let rest = self.rest();
        if rest.text.is_empty() {
            return None;
        }
        let end = value.take().map_or(0, |value| value.span.end);
        let quoted = self.line.chars.get(end).is_some_and(|char| char.c == '"');
        let second = second_key(&rest).filter(|_| !attached);
        let problem = match &second {
            Some(second) => Problem::error(rest.span, "two keys on one line")
                .hint(format!("put '{}' on a line of its own", second.text)),
            None if quoted => Problem::error(rest.span, "text after the closing quote")
                .hint(self.quote_hint(end, &rest.text)),
            None => Problem::error(rest.span, "text after the value")
                .hint("put double quotes around a value that contains blanks"),
        };
        self.problems.push(problem);
        second
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

    /// Why there is text behind the quote at `closing`.
    fn quote_hint(&self, closing: usize, rest: &str) -> &'static str {
        match self.line.chars.get(closing) {
            _ if !rest.contains('"') => "remove it; a comment begins with '#'",
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
fn second_key(rest: &Piece) -> Option<Piece> {
    let end = rest.text.find(|c| !is_key_char(c)).filter(|end| *end > 0)?;
    let (key, behind) = rest.text.split_at(end);
    let behind = behind.trim_start_matches(is_blank).trim_start_matches(['-', '*', '+', '/']);
    let span = rest.span.start..rest.span.start + end;
    behind.starts_with('=').then(|| Piece { text: key.to_owned(), span })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::lines::logical_lines;
    use crate::sys::regex::Regex;
    use std::ffi::CString;

    /// Whatever is accepted here Slurm accepts, and the other way round but for values that begin
    /// with a quote and are not closed at a blank.
    #[test]
    fn lines_are_those_of_slurm() {
        let blank = "[ \t\r]*";
        let value = "(\"[^\"]*\"|[^ \t\r]+)";
        let slurm = format!("^{blank}[A-Za-z0-9_.]+{blank}[-+*/]?={blank}{value}{blank}$");
        let slurm = Regex::new(&slurm).unwrap();
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let lines = "[ \t]?[Ka_.]{0,3} ?[-+*/]?=?[ =]?[\"a= \t+]{0,8}";
        let result = runner.run(&lines, |text| {
            let line = logical_lines(&text).remove(0);
            let (entry, problems) = read(&line);
            let ours = problems.is_empty() && entry != Entry::Blank;
            let native = slurm.is_match(&CString::new(text.as_str()).unwrap());
            let value = text.split_once('=').map_or("", |(_, value)| value.trim_start());
            let stricter = value.starts_with('"') && !ours;
            assert!(ours == native || stricter, "{text:?}: {entry:?} {problems:?}");
            Ok(())
        });
        result.unwrap();
    }
}

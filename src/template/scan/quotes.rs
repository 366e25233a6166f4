//! Quotes, expansions and the values inside them.
#![forbid(unsafe_code)]

use std::ops::Range;

use super::{Kind, Open, Scanner};
use crate::template::TemplateError;
use crate::template::pattern::{Pattern, Spanned, Unit};
use crate::template::shell::Place;
use crate::template::word::{Words, args_not_alone};

impl Scanner {
    pub(super) fn single(&mut self, c: char, span: &Range<usize>) {
        match c {
            '\'' => self.leave(c),
            _ => self.literal(c, span),
        }
    }

    pub(super) fn double(&mut self, c: char, span: &Range<usize>) {
        self.needs_shell |= "$`\\".contains(c);
        match c {
            '"' => self.leave(c),
            '$' => self.dollar(span),
            '`' => self.enter(Kind::Backtick, c, span),
            '\\' => self.backslash(span),
            _ => self.literal(c, span),
        }
    }

    pub(super) fn parameter(&mut self, c: char, quoted: bool, span: &Range<usize>) {
        match c {
            '}' => self.leave(c),
            '$' => self.dollar(span),
            '`' => self.enter(Kind::Backtick, c, span),
            '\\' => self.backslash(span),
            '\'' | '"' if quoted => {
                let message = format!("{c} inside '${{…}}' inside double quotes");
                self.error(span, message, "shells differ here: set a variable first");
            }
            '\'' => self.enter(Kind::Single, c, span),
            '"' => self.enter(Kind::Double, c, span),
            _ => self.literal(c, span),
        }
    }

    pub(super) fn arithmetic(&mut self, c: char, depth: usize, span: &Range<usize>) {
        let depth = match c {
            '(' => depth + 1,
            ')' => depth - 1,
            _ => depth,
        };
        if depth == 0 {
            return self.leave(c);
        }
        if let Some(open) = self.open.last_mut() {
            open.kind = Kind::Arithmetic { depth };
        }
        if !(c.is_ascii_alphanumeric() || " _+-*/%()$".contains(c)) {
            let hint = "a subshell in a substitution is written with a blank: '$( ('";
            self.error(span, format!("'{c}' inside '$((…))'"), hint);
        }
        self.literal(c, span);
    }

    pub(super) fn backtick(&mut self, c: char, span: &Range<usize>) {
        match c {
            '`' => self.leave(c),
            '\\' => self.backslash(span),
            _ => self.literal(c, span),
        }
    }

    pub(super) fn backslash(&mut self, span: &Range<usize>) {
        self.text.push_char('\\');
        self.word(span).quoted = true;
        match self.next() {
            Some(Spanned { unit: Unit::Char('\n'), span: newline }) => {
                self.error(
                    &(span.start..newline.end),
                    "backslash before a newline",
                    "use one line",
                );
            }
            Some(Spanned { unit: Unit::Char(c), span }) => self.literal(c, &span),
            Some(Spanned { unit: Unit::Value(pattern), span: value }) => {
                let message = format!("'{pattern}' right after a backslash");
                let hint = "values are quoted by themselves: leave the backslash out";
                self.error(&(span.start..value.end), message, hint);
            }
            None => self.error(span, "backslash at the end", "leave it out"),
        }
    }

    /// `$` and what it begins.
    pub(super) fn dollar(&mut self, span: &Range<usize>) {
        let quoted = matches!(self.kind(), Some(Kind::Double | Kind::Parameter { quoted: true }));
        self.literal('$', span);
        let Some(Spanned { unit, span: next }) = self.units.get(self.at).cloned() else { return };
        let both = span.start..next.end;
        match unit {
            Unit::Value(pattern) => {
                self.at += 1;
                let message = format!("'{pattern}' right after '$'");
                self.error(&both, message, "put a '$' that is no variable in single quotes");
            }
            Unit::Char('(') if self.peek(1) == Some('(') => {
                self.at += 2;
                self.text.push_char('(');
                self.enter(Kind::Arithmetic { depth: 2 }, '(', &(both.start..both.end + 1));
            }
            Unit::Char('(') => {
                self.at += 1;
                self.enter(Kind::Substitution, '(', &both);
                self.commands.push(Words::default());
            }
            Unit::Char('{') => {
                self.at += 1;
                self.literal('{', &next);
                self.open.push(Open { kind: Kind::Parameter { quoted }, span: both });
            }
            Unit::Char('\'') if !quoted => {
                self.error(&both, "$'…' means different things to different shells", "use '…'");
            }
            Unit::Char('[') => self.error(&both, "'$[' is arithmetic in some shells", "use '$(('"),
            // $$, $# and the like: the second character means nothing else.
            Unit::Char(c) if "$#?!-@*".contains(c) => {
                self.at += 1;
                self.literal(c, &next);
            }
            Unit::Char(_) => {}
        }
    }

    /// Matters only if a shell reads the template, as `[` makes sure outside quotes.
    fn subscript_error(&mut self, pattern: Pattern, span: &Range<usize>) {
        self.shell_errors.push(TemplateError {
            span: span.clone(),
            message: format!(
                "'{pattern}' would be run as code by some shells in an array subscript"
            ),
            hint: Some("do without the array".into()),
        });
    }

    /// A pattern: allowed where its value can be quoted.
    pub(super) fn value(&mut self, pattern: Pattern, span: &Range<usize>) {
        let unquotable = self.open.iter().find_map(|open| unquotable(open.kind));
        if let Some((inside, hint)) = unquotable {
            let hint = hint.replace("%b", &pattern.to_string());
            return self.error(span, format!("'{pattern}' cannot be quoted inside {inside}"), hint);
        }
        let place = match self.kind() {
            Some(Kind::Single) => Place::Single,
            Some(Kind::Double) => Place::Double,
            _ => Place::Bare,
        };
        if pattern == Pattern::Args && place != Place::Bare {
            return self.errors.push(args_not_alone(span.clone()));
        }
        if self.words().so_far_only("~") {
            let message = format!("'~{pattern}' is not expanded, because values are quoted");
            self.error(span, message, "write the directory in full");
        }
        let word = self.word(span);
        let in_subscript = word.in_subscript();
        word.pieces.push_value(pattern);
        if in_subscript {
            self.subscript_error(pattern, span);
        }
        // The words around a substitution hold the value too.
        for word in self.commands.iter_mut().filter_map(Words::current) {
            word.values.push((pattern, span.clone()));
        }
        self.text.push_value(pattern, place);
    }
}

/// The name of a construct in which no value can be quoted, and what to do instead.
fn unquotable(kind: Kind) -> Option<(&'static str, &'static str)> {
    match kind {
        Kind::Parameter { .. } => Some(("'${…}'", "set a variable first: X=%b; … \"$X\"")),
        Kind::Arithmetic { .. } => Some(("'$((…))'", "compute it in a script file")),
        Kind::Backtick => Some(("backticks", "write '$(…)' instead of '`…`'")),
        _ => None,
    }
}

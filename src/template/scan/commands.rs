//! Text outside all quotes: words, separators, redirections, parentheses, comments.
#![forbid(unsafe_code)]

use std::ops::Range;

use super::{Kind, Open, Scanner};
use crate::template::word::{Redirection, Word, Words};

impl Scanner {
    /// A character outside all quotes.
    pub(super) fn bare(&mut self, c: char, span: &Range<usize>) {
        self.needs_shell |= "|&;<>()$`\\*?[]#\n{}".contains(c);
        match c {
            ' ' | '\t' => self.blank(c),
            '|' | '&' | ';' | '\n' => self.separator(c),
            '<' | '>' => self.redirection(c, span),
            '(' => self.group(span),
            ')' => self.close_group(span),
            '\'' => self.quote(Kind::Single, c, span),
            '"' => self.quote(Kind::Double, c, span),
            '`' => self.enter(Kind::Backtick, c, span),
            '$' => self.dollar(span),
            '\\' => self.backslash(span),
            '#' if self.words().at_start() => self.comment(span),
            _ => {
                self.needs_shell |= c == '~' && self.words().at_start();
                self.literal(c, span);
            }
        }
    }

    pub(super) fn blank(&mut self, c: char) {
        self.text.push_char(c);
        self.finish_word();
    }

    pub(super) fn finish_word(&mut self) {
        let error = self.words().finish_word();
        self.errors.extend(error);
        let unsupported = self.words().done.last().and_then(Word::unsupported);
        self.shell_errors.extend(unsupported);
    }

    /// `;`, `&&`, a pipe: the next word is a command name again.
    pub(super) fn separator(&mut self, c: char) {
        self.blank(c);
        // Part of a redirection: 2>&1, >|file, &>file.
        let duplicates = c == '&' && self.follows(&['<', '>']);
        if duplicates {
            self.words().set_redirection(Some(Redirection::Descriptor));
        }
        let redirection = self.follows(&['<', '>']) || (c == '&' && self.peek(0) == Some('>'));
        if !(redirection && "|&".contains(c)) {
            *self.words() = Words::default();
        }
    }

    pub(super) fn redirection(&mut self, c: char, span: &Range<usize>) {
        if c == '<' && self.peek(0) == Some('<') {
            let span = span.start..span.end + 1;
            self.error(&span, "here-documents are not supported", "use a file or a pipe");
            self.at += 1;
        }
        self.text.push_char(c);
        let error = self.words().redirect();
        self.errors.extend(error);
    }

    pub(super) fn group(&mut self, span: &Range<usize>) {
        if self.peek(0) == Some('(') {
            let span = span.start..span.end + 1;
            let hint = "write '( (' for a subshell in a subshell";
            self.error(&span, "'((' is arithmetic in some shells", hint);
        }
        self.finish_word();
        if self.follows(&['<', '>']) {
            self.words().set_redirection(None);
        } else {
            *self.words() = Words::default();
        }
        self.text.push_char('(');
        self.open.push(Open { kind: Kind::Group, span: span.clone() });
        self.commands.push(Words::default());
    }

    pub(super) fn close_group(&mut self, span: &Range<usize>) {
        if self.open.is_empty() {
            return self.error(span, "')' without '('", "quote it if it is part of a word");
        }
        self.finish_word();
        self.commands.pop();
        self.leave(')');
    }

    /// A comment would swallow the rest of the command.
    pub(super) fn comment(&mut self, span: &Range<usize>) {
        self.error(span, "'#' begins a comment", "quote it if it is part of a word: '#'");
        while self.peek(0).is_some_and(|c| c != '\n') {
            self.at += 1;
        }
    }
}

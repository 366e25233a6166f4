//! One mistake in a file and how it is shown:
//!
//! ```text
//! oci.conf:4:12: error: unknown pattern '%q'
//!   RunTimeRun="crun %q"
//!                    ^~
//!   hint: …
//! ```
#![forbid(unsafe_code)]

use std::fmt;
use std::path::PathBuf;

/// What a mistake means for the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// No mistake: what will be done with it.
    Note,
    /// Probably not what its author wants; the file can be used.
    Warning,
    /// The file cannot be used.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// Where in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1; a tab is one character.
    pub column: usize,
    /// How many characters are meant; 0 points between two characters.
    pub len: usize,
    /// The text of the line.
    pub source: String,
}

/// A mistake in a file, with what to do about it.
///
/// `Display` renders it over several lines without a final newline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// The file it is in, as it was named to the parser.
    pub file: PathBuf,
    /// Where in the file; `None` if the file as a whole is meant.
    pub place: Option<Place>,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// What a piece of a rendered diagnostic is, for those who colour it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Nothing special.
    Plain,
    /// The word for the severity, or what underlines the text meant.
    Mark(Severity),
    /// What to do about it.
    Hint,
}

impl Diagnostic {
    /// The rendered text in pieces.
    pub fn parts(&self) -> Vec<(Part, String)> {
        let place = self.place.as_ref();
        let at = place.map(|place| format!("{}:{}:", place.line, place.column));
        let file = self.file.display();
        let mark = Part::Mark(self.severity);
        let mut parts = vec![
            (Part::Plain, format!("{file}:{} ", at.unwrap_or_default())),
            (mark, format!("{}:", self.severity)),
            (Part::Plain, format!(" {}", printable(&self.message))),
        ];
        if let Some((source, blanks, underline)) = place.map(Place::underlined) {
            parts.push((Part::Plain, format!("\n  {source}\n  {blanks}")));
            parts.push((mark, underline));
        }
        if let Some(hint) = &self.hint {
            parts.push((Part::Plain, "\n  ".to_owned()));
            parts.push((Part::Hint, format!("hint: {}", printable(hint))));
        }
        parts
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts().iter().try_for_each(|(_, text)| f.write_str(text))
    }
}

/// Blanks a tab is shown as: its real width depends on the terminal, the underline must not.
const TAB: &str = "    ";
/// The most that is shown of a line, and of it before what is meant: characters.
const MOST_SHOWN: usize = 200;
const MOST_BEFORE: usize = 60;

impl Place {
    /// The place of bytes of a text; as far as the first line of them goes.
    pub fn of(text: &str, span: std::ops::Range<usize>) -> Self {
        let before = text.get(..span.start).unwrap_or(text);
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let source = text.get(start..).unwrap_or_default().lines().next().unwrap_or_default();
        let end = span.end.min(start + source.len());
        Self {
            line: before.matches('\n').count() + 1,
            column: text.get(start..span.start).unwrap_or_default().chars().count() + 1,
            len: text.get(span.start..end).unwrap_or_default().chars().count(),
            source: source.to_owned(),
        }
    }

    /// The line; the blanks below it; `^~~~` under the characters meant.
    fn underlined(&self) -> (String, String, String) {
        let shown = |text: &str| printable(&text.replace('\t', TAB));
        let (source, column, len) = self.excerpt();
        let skipped = column.saturating_sub(1);
        let before: String = source.chars().take(skipped).collect();
        let meant: String = source.chars().skip(skipped).take(len).collect();
        let width = |text: &str| shown(text).chars().count();
        let underline = format!("^{}", "~".repeat(width(&meant).saturating_sub(1)));
        (shown(&source), " ".repeat(width(&before)), underline)
    }

    /// The line, or of one as programs write them the part with the characters meant;
    /// where they begin in it, and how many there are.
    fn excerpt(&self) -> (String, usize, usize) {
        if self.source.chars().count() <= MOST_SHOWN {
            return (self.source.clone(), self.column, self.len);
        }
        let skipped = self.column.saturating_sub(MOST_BEFORE);
        let mut rest = self.source.chars().skip(skipped);
        let part: String = rest.by_ref().take(MOST_SHOWN).collect();
        let (first, last) = (if skipped > 0 { "…" } else { "" }, rest.next().map_or("", |_| "…"));
        let column = self.column - skipped + first.chars().count();
        (format!("{first}{part}{last}"), column, self.len.min(MOST_SHOWN))
    }
}

/// A file may be shown to others than its author: nothing in it may control their terminal.
fn printable(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(column: usize, len: usize, source: &str) -> String {
        let place = Some(Place { line: 3, column, len, source: source.into() });
        let (severity, file) = (Severity::Error, "oci.conf".into());
        Diagnostic { severity, file, place, message: "no".into(), hint: None }.to_string()
    }

    #[test]
    fn the_underline_is_below_the_text() {
        assert_eq!(shown(2, 1, "\tKey"), "oci.conf:3:2: error: no\n      Key\n      ^");
        assert_eq!(shown(2, 3, "é\tü"), "oci.conf:3:2: error: no\n  é    ü\n   ^~~~~");
        assert_eq!(shown(4, 0, "abc"), "oci.conf:3:4: error: no\n  abc\n     ^");
        assert_eq!(shown(9, 9, "abc"), "oci.conf:3:9: error: no\n  abc\n     ^");
    }

    #[test]
    fn of_a_very_long_line_the_part_that_is_meant_is_shown() {
        let text = shown(1001, 3, &format!("{}abc{}", "x".repeat(1000), "y".repeat(1000)));
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "oci.conf:3:1001: error: no");
        assert_eq!(lines[1], format!("  …{}abc{}…", "x".repeat(59), "y".repeat(138)));
        assert_eq!(lines[2], format!("  {}^~~", " ".repeat(60)));
    }

    #[test]
    fn bytes_of_a_text_have_a_place() {
        let text = "é\n\t\"ü\": {\n}\n";
        let place = |start, end| {
            let Place { line, column, len, source } = Place::of(text, start..end);
            (line, column, len, source)
        };
        assert_eq!(place(4, 8), (2, 2, 3, "\t\"ü\": {".into()));
        assert_eq!(place(10, 13), (2, 7, 1, "\t\"ü\": {".into()));
        assert_eq!(place(14, 14), (4, 1, 0, String::new()));
    }

    #[test]
    fn terminals_are_safe() {
        assert!(shown(1, 1, "\u{1b}[2J").contains("\n  \u{fffd}[2J\n"));
    }
}

//! One mistake in oci.conf and how it is shown:
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

/// Whether the file can still be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Probably not what the site wants; the file can be used.
    Warning,
    /// The file cannot be used.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
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
    /// Error or warning.
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

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some(place) = &self.place {
            write!(f, "{}:{}:", place.line, place.column)?;
        }
        write!(f, " {}: {}", self.severity, printable(&self.message))?;
        if let Some(place) = &self.place {
            place.underline(f)?;
        }
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {}", printable(hint)),
            None => Ok(()),
        }
    }
}

/// Blanks a tab is shown as: its real width depends on the terminal, the underline must not.
const TAB: &str = "    ";

impl Place {
    /// The line and, below it, `^~~~` under the characters meant.
    fn underline(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |text: String| printable(&text.replace('\t', TAB));
        let skipped = self.column.saturating_sub(1);
        let before = shown(self.source.chars().take(skipped).collect());
        let meant = shown(self.source.chars().skip(skipped).take(self.len).collect());
        let tildes = meant.chars().count().saturating_sub(1);
        write!(f, "\n  {}", shown(self.source.clone()))?;
        write!(f, "\n  {}^{}", " ".repeat(before.chars().count()), "~".repeat(tildes))
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
    fn terminals_are_safe() {
        assert!(shown(1, 1, "\u{1b}[2J").contains("\n  \u{fffd}[2J\n"));
    }
}

//! Text for `/bin/sh -c` with values still to be put in, and the quoting of those values.
//!
//! Where a value may stand at all is decided by [`super::scan`]; here it is only made harmless.
#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use super::pattern::{Pattern, Values};

/// The quotes around the place of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// None: an ordinary word or part of one.
    Bare,
    /// `'…'`
    Single,
    /// `"…"`
    Double,
}

impl Place {
    /// What ends the quotes, and starts them again.
    fn quote(self) -> &'static [u8] {
        match self {
            Self::Bare => b"",
            Self::Single => b"'",
            Self::Double => b"\"",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Value(Pattern, Place),
}

/// Shell text, complete but for the values.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct ShellText(Vec<Part>);

impl ShellText {
    /// Appends one character of the template.
    pub(super) fn push_char(&mut self, c: char) {
        match self.0.last_mut() {
            Some(Part::Text(text)) => text.push(c),
            _ => self.0.push(Part::Text(c.into())),
        }
    }

    /// Appends a value that stands inside the quotes given.
    pub(super) fn push_value(&mut self, pattern: Pattern, place: Place) {
        self.0.push(Part::Value(pattern, place));
    }

    /// Whether the pattern stands anywhere in the text.
    pub(super) fn uses(&self, pattern: Pattern) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Value(p, _) if *p == pattern))
    }

    /// The text with every value quoted and in its place.
    pub(super) fn expand(&self, values: &Values) -> OsString {
        let mut text = Vec::new();
        for part in &self.0 {
            match part {
                Part::Text(literal) => text.extend_from_slice(literal.as_bytes()),
                Part::Value(pattern, place) => {
                    text.extend_from_slice(place.quote());
                    for (index, word) in values.words(*pattern).iter().enumerate() {
                        if index > 0 {
                            text.push(b' ');
                        }
                        quote(word.as_bytes(), &mut text);
                    }
                    text.extend_from_slice(place.quote());
                }
            }
        }
        OsString::from_vec(text)
    }
}

impl fmt::Debug for ShellText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |part: &Part| match part {
            Part::Text(text) => text.replace('%', "%%"),
            Part::Value(pattern, _) => pattern.to_string(),
        };
        let text: String = self.0.iter().map(shown).collect();
        write!(f, "{text:?}")
    }
}

/// Appends a value in single quotes, in which nothing but the single quote means anything.
///
/// Not `shlex`: it leaves plain words unquoted, and the values `if` or `A=b` would be read as a
/// keyword and an assignment where a command begins.
fn quote(value: &[u8], text: &mut Vec<u8>) {
    text.push(b'\'');
    for byte in value {
        match byte {
            b'\'' => text.extend_from_slice(br"'\''"),
            _ => text.push(*byte),
        }
    }
    text.push(b'\'');
}

//! Text to logical lines, by the rules of Slurm's `parse_config.c` (21.08 to 26.05):
//!
//! 1. `#` begins a comment anywhere, inside quotes too, unless an odd number of backslashes
//!    precedes it.
//! 2. An odd number of backslashes at the end, blanks behind them or not, joins the next line.
//! 3. Then every backslash is removed and the character behind it stays: `\\` is `\`.
//!
//! Every character keeps its place in the file. What a line says is for [`super::entry`].
#![forbid(unsafe_code)]

/// A character of a logical line and where it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Char {
    pub(super) c: char,
    /// Line in the file, from 1.
    pub(super) line: usize,
    /// Column in characters, from 1; that of the backslash if there was one.
    pub(super) column: usize,
    /// Whether a backslash was removed before it.
    pub(super) escaped: bool,
}

impl Char {
    /// The column behind the character.
    pub(super) fn end(&self) -> usize {
        self.column + 1 + usize::from(self.escaped)
    }
}

/// A line with its continuations, without comments.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) chars: Vec<Char>,
}

impl Line {
    /// The text of a range of characters.
    pub(super) fn text(&self, range: std::ops::Range<usize>) -> String {
        self.chars.get(range).unwrap_or_default().iter().map(|c| c.c).collect()
    }
}

/// What `isspace(3)` counts as blank.
pub(super) fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t'..='\r')
}

/// All logical lines of a text, empty ones included.
pub(super) fn logical_lines(text: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut joined = Vec::new();
    for (index, physical) in text.split('\n').enumerate() {
        let mut chars = places(physical, index + 1);
        strip_comment(&mut chars);
        let continued = strip_continuation(&mut chars);
        joined.append(&mut chars);
        if !continued {
            lines.push(Line { chars: strip_backslashes(&joined) });
            joined.clear();
        }
    }
    if !joined.is_empty() {
        lines.push(Line { chars: strip_backslashes(&joined) });
    }
    lines
}

fn places(physical: &str, line: usize) -> Vec<Char> {
    let place = |(index, c)| Char { c, line, column: index + 1, escaped: false };
    physical.chars().enumerate().map(place).collect()
}

fn strip_comment(chars: &mut Vec<Char>) {
    let mut backslashes = 0;
    let comment = chars.iter().position(|char| {
        let begins = char.c == '#' && backslashes % 2 == 0;
        backslashes = if char.c == '\\' { backslashes + 1 } else { 0 };
        begins
    });
    chars.truncate(comment.unwrap_or(chars.len()));
}

/// Cuts a continuation off and says whether there was one.
fn strip_continuation(chars: &mut Vec<Char>) -> bool {
    let trailing = chars.iter().rev().take_while(|char| is_blank(char.c)).count();
    let end = chars.len() - trailing;
    let backslashes = chars[..end].iter().rev().take_while(|char| char.c == '\\').count();
    let continued = backslashes % 2 == 1;
    if continued {
        chars.truncate(end - 1);
    }
    continued
}

fn strip_backslashes(chars: &[Char]) -> Vec<Char> {
    let mut stripped = Vec::with_capacity(chars.len());
    let mut rest = chars.iter();
    while let Some(char) = rest.next() {
        match (char.c, rest.as_slice().first()) {
            ('\\', Some(escaped)) => {
                stripped.push(Char { c: escaped.c, escaped: true, ..*char });
                rest.next();
            }
            ('\\', None) => {}
            _ => stripped.push(*char),
        }
    }
    stripped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        logical_lines(text).iter().map(|line| line.text(0..line.chars.len())).collect()
    }

    #[test]
    fn comments() {
        assert_eq!(texts("a #b"), ["a "]);
        assert_eq!(texts("\"a#b\""), ["\"a"]);
        assert_eq!(texts(r"a\#b"), ["a#b"]);
        assert_eq!(texts(r"a\\#b"), [r"a\"]);
        assert_eq!(texts(r"a\\\#b"), [r"a\#b"]);
    }

    #[test]
    fn continuations() {
        assert_eq!(texts("a\\\nb"), ["ab"]);
        assert_eq!(texts("a\\  \nb"), ["ab"]);
        assert_eq!(texts("a \\ # comment\nb"), ["a b"]);
        assert_eq!(texts("a\\\\\nb"), ["a\\", "b"]);
        assert_eq!(texts("a\\\\\\\nb"), ["a\\b"]);
        assert_eq!(texts("a\\"), ["a"]);
        assert_eq!(texts("a # b \\\nc"), ["a ", "c"]);
    }

    #[test]
    fn backslashes() {
        assert_eq!(texts(r#"a\"\\\n"#), [r#"a"\n"#]);
    }

    #[test]
    fn places_are_those_of_the_file() {
        let lines = logical_lines("é\\#x\\\n y");
        let places: Vec<_> = lines[0].chars.iter().map(|c| (c.c, c.line, c.column)).collect();
        let expected = [('é', 1, 1), ('#', 1, 2), ('x', 1, 4), (' ', 2, 1), ('y', 2, 2)];
        assert_eq!(places, expected);
        assert_eq!(lines[0].chars[1].end(), 4);
    }
}

//! Walks a file and its includes, line by line, and collects values and diagnostics.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::draft::{self, Draft};
use super::entry::{self, Entry, Pair, Piece, Problem};
use super::keys::Key;
use super::lines::{Line, is_blank, logical_lines};
use super::{Written, lower_first};
use crate::diagnostic::{Diagnostic, Place, Severity};

/// Longest file read, in bytes. Real ones have a few hundred.
const MAX_SIZE: usize = 1 << 20;

/// How deep `Include` may go. Slurm has no limit and never returns from a circle.
const MAX_DEPTH: usize = 8;

/// How many files are included in all: two lines in a circle would be 2^8 of them.
const MAX_INCLUDED: usize = 100;

/// How many errors and how many warnings are told. A file that is something else may have
/// more than would fit into memory, each with a copy of its line.
const MOST_TOLD: usize = 100;

/// Where a key was given.
#[derive(Clone, Debug)]
pub(super) struct Site {
    file: PathBuf,
    place: Place,
}

impl Site {
    /// A diagnostic that points at the key.
    pub(super) fn problem(&self, severity: Severity, message: String, hint: String) -> Diagnostic {
        let (file, place) = (self.file.clone(), Some(self.place.clone()));
        Diagnostic { severity, file, place, message, hint: Some(hint) }
    }
}

/// Everything read so far.
pub(super) struct Reader<'a> {
    load: &'a mut dyn FnMut(&Path) -> io::Result<Vec<u8>>,
    pub(super) draft: Draft,
    /// Where each key was given last, with a good value or a bad one.
    pub(super) sites: BTreeMap<Key, Site>,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// The commands given last.
    pub(super) commands: BTreeMap<Key, Written>,
    included: usize,
}

/// The file being read.
struct File<'a> {
    path: &'a Path,
    lines: Vec<&'a str>,
    depth: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(load: &'a mut dyn FnMut(&Path) -> io::Result<Vec<u8>>) -> Self {
        let (draft, sites, diagnostics) = (Draft::default(), BTreeMap::new(), Vec::new());
        Self { load, draft, sites, diagnostics, commands: BTreeMap::new(), included: 0 }
    }

    /// Reads a file that `depth` others include.
    pub(super) fn file(&mut self, path: &Path, bytes: &[u8], depth: usize) {
        let text = match text(bytes) {
            Ok(text) => text,
            Err((place, message)) => {
                let (severity, file) = (Severity::Error, path.to_owned());
                self.diagnostics.push(Diagnostic { severity, file, place, message, hint: None });
                return;
            }
        };
        let file = File { path, lines: text.split('\n').collect(), depth };
        for line in logical_lines(text) {
            self.line(&file, &line);
        }
    }

    fn line(&mut self, file: &File, line: &Line) {
        let (entry, problems) = entry::read(line);
        if entry != Entry::Blank {
            self.removed_backslashes(file, line);
        }
        for problem in problems {
            self.report(file, line, problem);
        }
        match entry {
            Entry::Blank => {}
            Entry::Include(name) => self.include(file, line, &name),
            Entry::Pair(pair) => self.pair(file, line, pair),
        }
    }

    fn pair(&mut self, file: &File, line: &Line, pair: Pair) {
        let key = pair.key.and_then(|name| self.key(file, line, &name));
        // Not taken, but not missing either.
        if let Some(second) = pair.second {
            self.note(file, line, &second);
        }
        let Some(key) = key else { return };
        if let Some(operator) = pair.operator.filter(|_| key != Key::SrunArgs) {
            let message = format!("'{}=' is read as '='", operator.text);
            let problem = Problem::warning(operator.span, message);
            self.report(file, line, problem.hint("oci.conf knows no other operator"));
        }
        if let Some(value) = pair.value {
            self.value(file, line, key, &value);
        }
    }

    /// Notes that a key, perhaps mistyped, was given; says where it was given before.
    fn note(&mut self, file: &File, line: &Line, name: &Piece) -> Option<Site> {
        let key = Key::from_name(&name.text).or_else(|| Key::nearest(&name.text))?;
        let place = file.place(line, name.span.clone());
        self.sites.insert(key, Site { file: file.path.to_owned(), place })
    }

    /// Looks a key up and says what is wrong or odd about its being here.
    fn key(&mut self, file: &File, line: &Line, name: &Piece) -> Option<Key> {
        let before = self.note(file, line, name);
        let at = name.span.clone();
        let Some(key) = Key::from_name(&name.text) else {
            let problem = Problem::error(at, format!("unknown key '{}'", name.text));
            self.report(file, line, problem.hint(unknown_key_hint(&name.text)));
            return None;
        };
        let problem = match before {
            Some(site) if key != Key::SrunArgs => {
                Problem::warning(at, format!("'{}' is given more than once", key.name()))
                    .hint(format!("the value in line {} is not used", site.described(file.path)))
            }
            None if matches!(key, Key::SrunArgs | Key::SrunPath) => {
                Problem::warning(at, format!("'{}' is unused by spank-oci", key.name()))
                    .hint("it is for Slurm's scrun; the line can be removed")
            }
            _ => return Some(key),
        };
        self.report(file, line, problem);
        Some(key)
    }

    fn value(&mut self, file: &File, line: &Line, key: Key, value: &Piece) {
        if key.is_command() {
            let (file_name, words) = (file.path.to_owned(), file.words(line, value));
            self.commands.insert(key, Written { key: key.name(), file: file_name, words });
        }
        let problems = match self.draft.set(key, &value.text) {
            Ok(()) => draft::oddities(key, &value.text),
            Err(problems) => problems,
        };
        let chars = |byte: usize| value.text.get(..byte).map_or(0, |text| text.chars().count());
        // All of them are errors, or all are warnings.
        for problem in problems.into_iter().take(MOST_TOLD) {
            let start = value.span.start + chars(problem.span.start);
            let span = start..value.span.start + chars(problem.span.end);
            self.report(file, line, Problem { span, ..problem });
        }
    }

    fn include(&mut self, file: &File, line: &Line, name: &Piece) {
        if name.text.is_empty() {
            return; // reported by the entry
        }
        let problem = Problem::error(name.span.clone(), String::new());
        let refused = if name.text.contains('*') {
            Some(("file names with '*' are not supported", "write one Include for each file"))
        } else if name.text.contains("%c") {
            Some(("'%c' stands for nothing in oci.conf", "write the cluster's name"))
        } else if file.depth >= MAX_DEPTH || self.included >= MAX_INCLUDED {
            Some(("too many files include each other", "does a file include itself?"))
        } else {
            None
        };
        if let Some((message, hint)) = refused {
            let problem = Problem { message: message.into(), ..problem }.hint(hint);
            return self.report(file, line, problem);
        }
        self.included += 1;
        let path = file.path.parent().unwrap_or(Path::new("")).join(&name.text);
        match (self.load)(&path) {
            Ok(bytes) => self.file(&path, &bytes, file.depth + 1),
            Err(cause) => {
                let message = format!("cannot read '{}': {}", path.display(), cause_text(&cause));
                let hint = "relative names start from the directory of the including file";
                self.report(file, line, Problem { message, ..problem }.hint(hint));
            }
        }
    }

    /// A single backslash vanishes, which surprises everyone who writes `\$` or `\.`.
    fn removed_backslashes(&mut self, file: &File, line: &Line) {
        for (at, char) in line.chars.iter().enumerate() {
            if char.escaped && !['\\', '#', '"'].contains(&char.c) {
                let message = format!("this backslash is removed: the value has '{}' here", char.c);
                let hint = format!("write '\\\\{}' to keep a backslash", char.c);
                self.report(file, line, Problem::warning(at..at + 1, message).hint(hint));
            }
        }
    }

    fn report(&mut self, file: &File, line: &Line, problem: Problem) {
        let Problem { severity, span, message, hint } = problem;
        if self.diagnostics.iter().filter(|told| told.severity == severity).count() >= MOST_TOLD {
            return;
        }
        let place = Some(file.place(line, span));
        let file = file.path.to_owned();
        self.diagnostics.push(Diagnostic { severity, file, place, message, hint });
    }
}

impl Site {
    /// The line, with the file if it is another one.
    fn described(&self, current: &Path) -> String {
        match self.file == current {
            true => self.place.line.to_string(),
            false => format!("{} of '{}'", self.place.line, self.file.display()),
        }
    }
}

impl File<'_> {
    /// The words of a value.
    fn words(&self, line: &Line, value: &Piece) -> Vec<(String, Place)> {
        let chars: Vec<char> = value.text.chars().collect();
        let mut words = Vec::new();
        let mut start = 0;
        for word in chars.split(|c| is_blank(*c)) {
            let span = value.span.start + start..value.span.start + start + word.len();
            start += word.len() + 1;
            if !word.is_empty() {
                words.push((word.iter().collect(), self.place(line, span)));
            }
        }
        words
    }

    /// Characters of a logical line as a place in the file; cut off where a continuation ends.
    fn place(&self, line: &Line, span: Range<usize>) -> Place {
        let chars = &line.chars;
        let (number, column) = match (chars.get(span.start), chars.last()) {
            (Some(first), _) => (first.line, first.column),
            (None, Some(last)) => (last.line, last.end()),
            (None, None) => (1, 1),
        };
        let meant = chars.get(span).unwrap_or_default().iter();
        let end = meant.take_while(|c| c.line == number).last().map_or(column, |c| c.end());
        let source = self.lines.get(number - 1).copied().unwrap_or_default();
        Place {
            line: number,
            column,
            len: end - column,
            source: source.trim_end_matches(is_blank).to_owned(),
        }
    }
}

fn unknown_key_hint(name: &str) -> String {
    match Key::nearest(name) {
        _ if name.eq_ignore_ascii_case("include") => "write: Include FILE".to_owned(),
        Some(key) => format!("did you mean '{}'?", key.name()),
        None => "oci.conf(5) lists the keys".to_owned(),
    }
}

/// The bytes of a file as text.
fn text(bytes: &[u8]) -> Result<&str, (Option<Place>, String)> {
    if bytes.len() > MAX_SIZE {
        return Err((None, format!("the file has {} bytes, more than 1 MiB", bytes.len())));
    }
    let place = |at: usize| Some(byte_place(bytes, at));
    let text = std::str::from_utf8(bytes)
        .map_err(|error| (place(error.valid_up_to()), "this is not UTF-8 text".to_owned()))?;
    match text.find('\0') {
        Some(at) => Err((place(at), "a NUL byte in a text file".to_owned())),
        None => Ok(text),
    }
}

/// The place of a byte in text that need not be UTF-8 from there on.
fn byte_place(bytes: &[u8], at: usize) -> Place {
    let before = String::from_utf8_lossy(&bytes[..at]);
    let start =
        bytes[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    let source = bytes[start..].split(|byte| *byte == b'\n').next().unwrap_or_default();
    let column = String::from_utf8_lossy(&bytes[start..at]).chars().count() + 1;
    let source = String::from_utf8_lossy(source).trim_end_matches(is_blank).to_owned();
    Place { line: before.matches('\n').count() + 1, column, len: 1, source }
}

/// An error of the system in our style: no number, no capital.
fn cause_text(cause: &io::Error) -> String {
    let text = cause.to_string();
    lower_first(text.split(" (os error").next().unwrap_or_default())
}

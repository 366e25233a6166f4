//! The %-patterns of oci.conf(5), the values that take their place, and the cut of a text into
//! characters and patterns. Nothing here knows about words, quotes or shells.
#![forbid(unsafe_code)]

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::ops::Range;

use super::TemplateError;

/// A replaceable part of a template: "OCI Pattern" in oci.conf(5) of Slurm 26.05. (`%%` is none
/// of them: it is the character `%`.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// `%@`: the command and its arguments, one word each; `/bin/false` when there is none.
    Args,
    /// `%b`: the bundle directory handed to the runtime.
    Bundle,
    /// `%e`: the file that holds the environment, if `CreateEnvFile` makes one.
    EnvFile,
    /// `%j`: job id.
    JobId,
    /// `%m`: the step's spool directory (since 23.02).
    SpoolDir,
    /// `%n`: node name.
    Node,
    /// `%p`: process id of the task; only for `RunTimeKill` and `RunTimeDelete` (since 23.02).
    Pid,
    /// `%r`: absolute path of the root file system.
    Rootfs,
    /// `%s`: step id, numeric also for the batch step (4294967291) and its like.
    StepId,
    /// `%t`: local task id.
    TaskId,
    /// `%u`: user name.
    User,
    /// `%U`: numeric user id (since 23.02).
    Uid,
    /// `%Z`: the job's working directory (since 26.05).
    WorkDir,
}

impl Pattern {
    /// All patterns, in the order of the man page.
    pub const ALL: [Self; 13] = [
        Self::Args,
        Self::Bundle,
        Self::EnvFile,
        Self::JobId,
        Self::SpoolDir,
        Self::Node,
        Self::Pid,
        Self::Rootfs,
        Self::StepId,
        Self::TaskId,
        Self::User,
        Self::Uid,
        Self::WorkDir,
    ];

    /// The letter behind the `%`.
    pub const fn letter(self) -> char {
        match self {
            Self::Args => '@',
            Self::Bundle => 'b',
            Self::EnvFile => 'e',
            Self::JobId => 'j',
            Self::SpoolDir => 'm',
            Self::Node => 'n',
            Self::Pid => 'p',
            Self::Rootfs => 'r',
            Self::StepId => 's',
            Self::TaskId => 't',
            Self::User => 'u',
            Self::Uid => 'U',
            Self::WorkDir => 'Z',
        }
    }

    /// The pattern with this letter, which is case-sensitive.
    pub fn from_letter(letter: char) -> Option<Self> {
        Self::ALL.into_iter().find(|pattern| pattern.letter() == letter)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}", self.letter())
    }
}

/// What the patterns stand for, for one task.
///
/// Texts may hold any byte but NUL; a NUL would make the execution fail, not go wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values {
    /// `%@`: the command and its arguments; empty in cleanup, where no command is known.
    pub args: Vec<OsString>,
    /// `%b`: bundle directory.
    pub bundle: OsString,
    /// `%e`: environment file.
    pub env_file: OsString,
    /// `%j`: job id.
    pub job_id: u32,
    /// `%m`: spool directory of the step.
    pub spool_dir: OsString,
    /// `%n`: node name.
    pub node: OsString,
    /// `%p`: process id; `None` becomes an empty word, which `kill` refuses (0 would be the
    /// caller's own process group).
    pub pid: Option<u32>,
    /// `%r`: absolute path of the root file system.
    pub rootfs: OsString,
    /// `%s`: step id as Slurm numbers it.
    pub step_id: u32,
    /// `%t`: local task id.
    pub task_id: u32,
    /// `%u`: user name.
    pub user: OsString,
    /// `%U`: user id.
    pub uid: u32,
    /// `%Z`: working directory of the job.
    pub work_dir: OsString,
}

impl Values {
    /// What takes the place of a pattern: one word each, any number for `%@`.
    pub(super) fn words(&self, pattern: Pattern) -> Vec<OsString> {
        match pattern {
            // As in Slurm: no command, no success.
            Pattern::Args if self.args.is_empty() => vec![OsString::from("/bin/false")],
            Pattern::Args => self.args.clone(),
            _ => vec![self.word(pattern)],
        }
    }

    /// What takes the place of a pattern other than `%@` (which gives an empty word here; the
    /// parser lets it stand only where [`Values::words`] is used).
    pub(super) fn word(&self, pattern: Pattern) -> OsString {
        let number = |value: u32| OsString::from(value.to_string());
        match pattern {
            Pattern::Args => OsString::new(),
            Pattern::Bundle => self.bundle.clone(),
            Pattern::EnvFile => self.env_file.clone(),
            Pattern::JobId => number(self.job_id),
            Pattern::SpoolDir => self.spool_dir.clone(),
            Pattern::Node => self.node.clone(),
            Pattern::Pid => self.pid.map(number).unwrap_or_default(),
            Pattern::Rootfs => self.rootfs.clone(),
            Pattern::StepId => number(self.step_id),
            Pattern::TaskId => number(self.task_id),
            Pattern::User => self.user.clone(),
            Pattern::Uid => number(self.uid),
            Pattern::WorkDir => self.work_dir.clone(),
        }
    }
}

/// A text with patterns still to be filled in.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Pieces(pub(super) Vec<Piece>);

/// A part of [`Pieces`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Stays as it is.
    Text(String),
    /// Replaced by the value.
    Value(Pattern),
}

impl Pieces {
    /// Appends one character of text.
    pub(super) fn push_char(&mut self, c: char) {
        match self.0.last_mut() {
            Some(Piece::Text(text)) => text.push(c),
            _ => self.0.push(Piece::Text(c.into())),
        }
    }

    /// Appends a pattern.
    pub(super) fn push_value(&mut self, pattern: Pattern) {
        self.0.push(Piece::Value(pattern));
    }

    /// The patterns in it, in order.
    pub(super) fn patterns(&self) -> impl Iterator<Item = Pattern> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Value(pattern) => Some(*pattern),
        })
    }

    /// One text with all values in their places, nothing quoted.
    pub(super) fn expand(&self, values: &Values) -> OsString {
        let mut whole = OsString::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => whole.push(OsStr::new(text)),
                Piece::Value(pattern) => whole.push(values.word(*pattern)),
            }
        }
        whole
    }
}

impl fmt::Debug for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |piece: &Piece| match piece {
            Piece::Text(text) => text.replace('%', "%%"),
            Piece::Value(pattern) => pattern.to_string(),
        };
        let text: String = self.0.iter().map(shown).collect();
        write!(f, "{text:?}")
    }
}

/// A character or a pattern of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// An ordinary character, `%` if the template has `%%`.
    Char(char),
    /// A pattern.
    Value(Pattern),
}

/// A [`Unit`] and its bytes in the template.
#[derive(Clone, Debug)]
pub(super) struct Spanned {
    pub(super) unit: Unit,
    pub(super) span: Range<usize>,
}

/// Cuts a template into units. A wrong pattern is an error and is left out of the units.
pub(super) fn units(text: &str) -> (Vec<Spanned>, Vec<TemplateError>) {
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    let mut chars = text.char_indices();
    while let Some((start, c)) = chars.next() {
        let mut end = start + c.len_utf8();
        let unit = match c {
            '%' => {
                let letter = chars.next().map(|(_, letter)| letter);
                end += letter.map_or(0, char::len_utf8);
                pattern_unit(letter).map_err(|(message, hint)| (message, Some(hint)))
            }
            '\0' => Err(("a NUL byte cannot be part of a command".to_owned(), None)),
            _ => Ok(Unit::Char(c)),
        };
        match unit {
            Ok(unit) => found.push(Spanned { unit, span: start..end }),
            Err((message, hint)) => errors.push(TemplateError { span: start..end, message, hint }),
        }
    }
    (found, errors)
}

/// What `%` and this letter mean, or message and hint.
fn pattern_unit(letter: Option<char>) -> Result<Unit, (String, String)> {
    let Some(letter) = letter else {
        return Err(("'%' at the end is no pattern".into(), "write '%%' for the character".into()));
    };
    if letter == '%' {
        return Ok(Unit::Char('%'));
    }
    Pattern::from_letter(letter)
        .map(Unit::Value)
        .ok_or_else(|| (format!("unknown pattern '%{letter}'"), unknown_hint(letter)))
}

/// The pattern that was probably meant, or all there are.
fn unknown_hint(letter: char) -> String {
    let swapped = if letter.is_lowercase() {
        letter.to_ascii_uppercase()
    } else {
        letter.to_ascii_lowercase()
    };
    if let Some(pattern) = Pattern::from_letter(swapped) {
        return format!("did you mean '{pattern}'? write '%%' for the character '%'");
    }
    let all: Vec<String> = Pattern::ALL.iter().map(ToString::to_string).collect();
    format!("the patterns are %% {}", all.join(" "))
}

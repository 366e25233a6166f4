//! `srun --multi-prog FILE` before Slurm 23.11: srun sends the file's text, and
//! slurmstepd makes each task's command line of it before any hook can have a
//! say. So srun puts the helper into the text, before each line's program:
//! `0-3 prog args` becomes `0-3 /usr/bin/spank-oci prog args`. slurmstepd then
//! executes the helper by itself, and reads quotes, `%t` and `%o` as ever.
//!
//! A list without the helper must be recognised on the node, or its programs
//! would run on the host.
//!
//! Slurm passes 127 words of a line at most; the helper is one of them.
#![forbid(unsafe_code)]

use std::{
    ffi::{CString, OsStr, OsString},
    fs, mem,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::Path,
};

use super::Refusal;

/// Where the text of a program list stands in the step's command line, after the
/// path of its file.
pub const TEXT: usize = 1;

/// What a step's command line is. Slurm has no flag for it that a hook can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An ordinary command.
    Command,
    /// A program list in which srun has put the helper before each program.
    TakenList,
    /// Another program list.
    List,
}

/// What this command line is to the node, where the list's file need not be.
///
/// A command whose first argument happens to read like a program list is told
/// apart by its program being executable on the host, searched for in `path`.
/// Without a `path` it is not: a list's file may have the name of a command.
pub fn kind(command: &[OsString], helper: &Path, path: Option<&OsStr>) -> Kind {
    let [file, text, ..] = command else { return Kind::Command };
    let text = text.as_bytes();
    match programs(text) {
        None => Kind::Command,
        Some(_) if without(text, helper).is_some() => Kind::TakenList,
        Some(_) if path.is_some_and(|path| is_program(file, path)) => Kind::Command,
        Some(_) => Kind::List,
    }
}

/// The text to send in place of this command line's second word, if it is what
/// srun makes of `--multi-prog FILE`: the file's path, then its whole text.
///
/// # Errors
/// The helper's path cannot stand in a program list.
pub fn taken(command: &[OsString], helper: &Path) -> Result<Option<CString>, Refusal> {
    let [file, text, ..] = command else { return Ok(None) };
    let is_text_of_file = || fs::read(file).is_ok_and(|content| content == text.as_bytes());
    let Some(text) = with_helper(text.as_bytes(), helper).filter(|_| is_text_of_file()) else {
        return Ok(None);
    };
    let refusal = || Refusal::HelperInList { helper: helper.display().to_string() };
    let means_something = |&byte: &u8| is_blank(byte) || b"\\%'\0".contains(&byte);
    if helper.as_os_str().as_bytes().iter().any(means_something) {
        return Err(refusal());
    }
    CString::new(text).map(Some).map_err(|_| refusal())
}

/// The text of a program list with the helper before each program; `None` if it is
/// none that srun would accept.
pub fn with_helper(text: &[u8], helper: &Path) -> Option<Vec<u8>> {
    programs(text).map(|programs| with(text, &programs, &word(helper)))
}

/// The text with a word before each program.
fn with(text: &[u8], programs: &[usize], word: &[u8]) -> Vec<u8> {
    let mut edited = Vec::with_capacity(text.len() + programs.len() * word.len());
    let mut done = 0;
    for &program in programs {
        edited.extend([&text[done..program], word].concat());
        done = program;
    }
    edited.extend(&text[done..]);
    edited
}

/// The text without the helper, if it stands before every program.
fn without(text: &[u8], helper: &Path) -> Option<Vec<u8>> {
    let word = word(helper);
    let mut original = Vec::with_capacity(text.len());
    let mut done = 0;
    for program in programs(text)? {
        original.extend(&text[done..program]);
        text[program..].starts_with(&word).then_some(())?;
        done = program + word.len();
    }
    original.extend(&text[done..]);
    Some(original)
}

fn word(helper: &Path) -> Vec<u8> {
    [helper.as_os_str().as_bytes(), b" "].concat()
}

/// Where in the text of a program list each line's program begins, as slurmstepd
/// reads it; `None` if the text is none that srun would accept.
///
/// Lines without a character do not count, so that one that ends in a backslash
/// goes on in the next that has any. Comments may go on, too.
fn programs(text: &[u8]) -> Option<Vec<usize>> {
    let mut programs = Vec::new();
    let (mut continued, mut next) = (false, 0);
    for line in text.split(|&byte| byte == b'\n') {
        let start = next;
        next += line.len() + 1;
        if line.is_empty() || mem::replace(&mut continued, line.ends_with(b"\\")) {
            continue;
        }
        let ranks = after_blanks(line, 0);
        if matches!(line.get(ranks), None | Some(b'#')) {
            continue;
        }
        let end = ranks + line[ranks..].iter().position(|&byte| is_blank(byte))?;
        let is_rank = |byte: &u8| byte.is_ascii_digit() || b"*,-".contains(byte);
        line[ranks..end].iter().all(is_rank).then_some(())?;
        programs.push(start + after_blanks(line, end));
    }
    (!programs.is_empty()).then_some(programs)
}

fn after_blanks(line: &[u8], start: usize) -> usize {
    let rest = &line[start..];
    start + rest.iter().position(|&byte| !is_blank(byte)).unwrap_or(rest.len())
}

/// C's `isspace`.
fn is_blank(byte: u8) -> bool {
    byte == b' ' || (b'\t'..=b'\r').contains(&byte)
}

/// Whether slurmstepd would find a program of this name. A program list may be
/// executable, too; it is none.
fn is_program(name: &OsStr, path: &OsStr) -> bool {
    let executable = |file: &Path| {
        fs::metadata(file)
            .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    };
    let in_path = || std::env::split_paths(path).any(|directory| executable(&directory.join(name)));
    let found = if name.as_bytes().contains(&b'/') { executable(name.as_ref()) } else { in_path() };
    found && !fs::read(name).is_ok_and(|text| programs(&text).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIST: &str = "# who runs what\n\n0 echo first\n1-2,4 sh -c 'date'\n* cat\n";

    fn helper() -> &'static Path {
        Path::new("/h")
    }

    fn edited(text: &str) -> Option<String> {
        let edited = with_helper(text.as_bytes(), helper())?;
        assert_eq!(without(&edited, helper()).as_deref(), Some(text.as_bytes()), "{text:?}");
        Some(String::from_utf8(edited).unwrap())
    }

    fn kind_of(program: &str, argument: &str) -> Kind {
        let path = Some(OsStr::new("/usr/bin:/bin"));
        kind(&[program.into(), argument.into()], helper(), path)
    }

    #[test]
    fn the_helper_comes_before_each_program_and_nothing_else_changes() {
        for (text, expected) in [
            ("0 a", "0 /h a"),
            ("0-3,5 a b\n* c\n", "0-3,5 /h a b\n* /h c\n"),
            ("  0\t  'a b' \\' %t\n", "  0\t  /h 'a b' \\' %t\n"),
            ("# 7 a\n \t\n\n0 a\n", "# 7 a\n \t\n\n0 /h a\n"),
            ("0 a \\\n1 b\\\nc\n1 d", "0 /h a \\\n1 b\\\nc\n1 /h d"),
            ("0 a \\\n\n1 b\n1 c", "0 /h a \\\n\n1 b\n1 /h c"),
            ("# a \\\n0 b\n0 c", "# a \\\n0 b\n0 /h c"),
            ("0 \\\n  a\n", "0 /h \\\n  a\n"),
            ("0 a\r\n\r\n1 b\r\n", "0 /h a\r\n\r\n1 /h b\r\n"),
            ("0 \n", "0 /h \n"),
        ] {
            assert_eq!(edited(text).as_deref(), Some(expected));
        }
    }

    #[test]
    fn a_text_that_srun_would_refuse_is_no_program_list() {
        for text in ["", "12", "-c", "# a\n", "echo a\n", "0 a\necho b\n", "0:1 a\n"] {
            assert_eq!(edited(text), None, "{text:?}");
        }
    }

    #[test]
    fn srun_edits_exactly_the_text_of_the_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), LIST).unwrap();
        let command = |text: &str| [file.path().into(), text.into(), "argument".into()];
        let expected =
            "# who runs what\n\n0 /h echo first\n1-2,4 /h sh -c 'date'\n* /h cat\n".to_owned();
        assert_eq!(taken(&command(LIST), helper()).unwrap(), Some(CString::new(expected).unwrap()));
        assert_eq!(taken(&command("0 other"), helper()).unwrap(), None);
        assert_eq!(taken(&["true".into()], helper()).unwrap(), None);
        for path in ["/my helper", "/a%t", "/it's", "/a\\b", "/a\nb"] {
            let refusal = taken(&command(LIST), Path::new(path)).unwrap_err();
            assert!(matches!(refusal, Refusal::HelperInList { .. }), "{path}");
        }
    }

    #[test]
    fn a_program_list_is_recognised_whether_or_not_its_file_is_on_the_node() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("list");
        fs::write(&file, LIST).unwrap();
        assert_eq!(kind_of(file.to_str().unwrap(), LIST), Kind::List);
        assert_eq!(kind_of("/not/on/this/node", LIST), Kind::List);
        assert_eq!(kind_of("/not/on/this/node", "0 a \\\nb\n"), Kind::List);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(kind_of(file.to_str().unwrap(), LIST), Kind::List);
    }

    #[test]
    fn a_list_counts_as_taken_only_if_every_program_has_this_helper_before_it() {
        assert_eq!(kind_of("list", "0 /h a\n1 /h b\n"), Kind::TakenList);
        for text in ["0 /h a\n1 b\n", "0 /hh a\n", "0 /other/h a\n", "0 '/h' a\n"] {
            assert_eq!(kind_of("list", text), Kind::List, "{text}");
        }
    }

    #[test]
    fn ordinary_commands_are_not_program_lists() {
        assert_eq!(kind_of("/bin/sh", "0 echo"), Kind::Command);
        assert_eq!(kind_of("sh", LIST), Kind::Command);
        assert_eq!(kind_of("/not/on/this/node", "-c"), Kind::Command);
        assert_eq!(kind_of("/not/on/this/node", ""), Kind::Command);
        assert_eq!(kind(&["true".into()], helper(), None), Kind::Command);
        assert_eq!(kind(&[], helper(), None), Kind::Command);
    }

    #[test]
    fn without_a_path_what_reads_like_a_program_list_is_one() {
        assert_eq!(kind(&["sh".into(), LIST.into()], helper(), None), Kind::List);
        assert_eq!(kind(&["sh".into(), "-c".into()], helper(), None), Kind::Command);
    }

    proptest! {
        #[test]
        fn taking_the_helper_out_gives_the_text_back(text in "[0-9*,\\\\ \t\r\na'%#-]{0,40}") {
            edited(&text);
        }

        #[test]
        fn any_text_is_read_without_a_panic(text: Vec<u8>) {
            let _ = without(&text, helper());
        }
    }
}

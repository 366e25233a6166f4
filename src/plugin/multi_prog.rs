//! `srun --multi-prog` before Slurm 23.11: the hook sees the program list
//! instead of the task's command, and what it puts in front is not executed.
//! Such a step must be recognised, or its tasks would run on the host.
#![forbid(unsafe_code)]

use std::{
    ffi::{OsStr, OsString},
    fs,
    os::unix::ffi::OsStrExt,
};

/// Whether this command line is what srun makes of `--multi-prog FILE`: the
/// file's path, then its whole text.
///
/// Slurm has no flag for it that a hook can read. A command whose first argument
/// happens to read like a program list is told apart by its program being
/// executable, which a program list is not.
pub fn is_program_list(command: &[OsString]) -> bool {
    let [file, text, ..] = command else { return false };
    reads_like_one(text) && (!is_executable(file) || is_text_of(file, text))
}

fn reads_like_one(text: &OsStr) -> bool {
    let lines = || text.as_bytes().split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    let is_entry = |line: &[u8]| {
        let ranks = line.split(u8::is_ascii_whitespace).next().unwrap_or_default();
        ranks.len() < line.len()
            && ranks.iter().all(|byte| byte.is_ascii_digit() || b"*,-".contains(byte))
    };
    let mut entries = lines().filter(|line| !line.is_empty() && !line.starts_with(b"#")).peekable();
    entries.peek().is_some() && entries.all(is_entry)
}

fn is_executable(program: &OsStr) -> bool {
    let in_path = || {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|directory| executable_file(&directory.join(program)))
    };
    if program.as_bytes().contains(&b'/') { executable_file(program.as_ref()) } else { in_path() }
}

fn executable_file(path: &std::path::Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

fn is_text_of(file: &OsStr, text: &OsStr) -> bool {
    fs::read(file).is_ok_and(|content| content == text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::is_program_list;
    use std::{fs, os::unix::fs::PermissionsExt};

    const LIST: &str = "# who runs what\n0 echo first\n1-2,4 sh -c 'date'\n* cat\n";

    fn is_list(program: &str, argument: &str) -> bool {
        is_program_list(&[program.into(), argument.into()])
    }

    #[test]
    fn a_program_list_is_recognised_whether_or_not_its_file_is_on_the_node() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("list");
        fs::write(&file, LIST).unwrap();
        assert!(is_list(file.to_str().unwrap(), LIST));
        assert!(is_list("/not/on/this/node", LIST));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(is_list(file.to_str().unwrap(), LIST));
    }

    #[test]
    fn ordinary_commands_are_not_program_lists() {
        assert!(!is_list("/bin/sh", "0 echo"));
        assert!(!is_list("/bin/sh", LIST));
        assert!(!is_list("/not/on/this/node", "-c"));
        assert!(!is_list("/not/on/this/node", "12"));
        assert!(!is_list("/not/on/this/node", ""));
        assert!(!is_program_list(&["true".into()]));
        assert!(!is_program_list(&[]));
    }
}

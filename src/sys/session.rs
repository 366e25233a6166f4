//! Sessions of processes.

use std::{io, os::unix::process::CommandExt, process::Command};

/// Has a program executed in a session and process group of its own: neither signals for
/// the group of this process arrive, nor those of a terminal, which it may use all the
/// same.
pub fn lead(program: &mut Command) {
    // SAFETY: setsid(2) is async-signal-safe, as what runs between fork and exec has to
    // be, and takes no arguments.
    unsafe {
        program.pre_exec(|| match libc::setsid() {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_leads_a_session_and_a_group() {
        let mut program = Command::new("sh");
        lead(program.args(["-c", "echo $$; cut -d ' ' -f 5,6 /proc/$$/stat"]));
        let output = String::from_utf8(program.output().unwrap().stdout).unwrap();
        let (pid, rest) = output.trim_end().split_once('\n').unwrap();
        assert_eq!(rest, format!("{pid} {pid}"));
    }
}

//! A template of oci.conf, and a value: neither what a template is made into nor
//! where its values stand depends on the value.
#![no_main]

use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

use libfuzzer_sys::fuzz_target;
use spank_oci::template::{Command, PathTemplate, Template, Values};

// The last line is the value, what stands before it the template.
fuzz_target!(|input: &[u8]| {
    let line = input.iter().rposition(|&byte| byte == b'\n').unwrap_or(input.len());
    let (text, value) = input.split_at(line);
    let Ok(text) = std::str::from_utf8(text) else { return };
    if text.contains('\u{1}') {
        return;
    }
    let value: Vec<u8> = value.iter().copied().skip(1).filter(|&byte| byte != 0).collect();
    let values = of(OsStr::from_bytes(&value));
    if let Ok(path) = PathTemplate::parse(text) {
        path.expand(&values);
    }
    match Template::parse(text) {
        Err(mistakes) => {
            assert!(!mistakes.is_empty(), "refused without a reason");
            for mistake in mistakes {
                // Panics where the span is out of bounds or cuts a character.
                let _ = &text[mistake.span];
            }
        }
        Ok(template) => match (template.expand(&values), template.expand(&of(MARK.as_ref()))) {
            (Command::Exec(words), Command::Exec(same)) => assert_eq!(words.len(), same.len()),
            (Command::Shell(script), Command::Shell(same)) => {
                let expected = replaced(same.as_bytes(), &quoted(MARK.as_bytes()), &quoted(&value));
                assert_eq!(script.as_bytes(), expected);
            }
            _ => panic!("the value decides about the shell"),
        },
    }
});

/// A value that needs no care, and stands in no template.
const MARK: &str = "\u{1}mark\u{1}";

fn of(value: &OsStr) -> Values {
    let value = value.to_owned();
    Values {
        args: vec![value.clone(), value.clone()],
        bundle: value.clone(),
        env_file: value.clone(),
        spool_dir: value.clone(),
        node: value.clone(),
        rootfs: value.clone(),
        user: value.clone(),
        work_dir: value,
        pid: Some(1),
        ..Values::default()
    }
}

/// A value as one word of a shell's, whatever it holds.
fn quoted(value: &[u8]) -> Vec<u8> {
    [b"'", replaced(value, b"'", b"'\\''").as_slice(), b"'"].concat()
}

fn replaced(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut done = Vec::new();
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        match rest.strip_prefix(from) {
            Some(tail) => {
                done.extend(to);
                rest = tail;
            }
            None => {
                done.push(*first);
                rest = tail;
            }
        }
    }
    done
}

//! How to clean up after a container, kept in a file while the container lives.
//!
//! The helper writes it before the runtime is started and removes it last. Whoever
//! finds one knows that the helper did not come to its end, and what to do then
//! ([`super::cleanup`]).
#![forbid(unsafe_code)]

use std::{
    ffi::OsString,
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::PathBuf,
};

use super::{
    process,
    processes::{self, Group},
};
use crate::{env::Entry, netstring, plan::End, template::Command};

/// How to clean up after one container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// RunTimeKill's words; empty if there is none.
    pub kill: Vec<OsString>,
    /// RunTimeDelete's words; empty if there is none.
    pub delete: Vec<OsString>,
    /// Environment of both.
    pub env: Vec<Entry>,
    /// Files, and directories with all that is in them, to remove.
    pub remove: Vec<PathBuf>,
    /// Whether the site wants to keep the files.
    pub keep_files: bool,
    /// The process group of the runtimes that the helper starts; its own, usually.
    pub group: Option<Group>,
    /// What tells the runtime that makes the container from other processes, in whatever
    /// group it is: a word of its command line.
    pub runtime_word: Option<OsString>,
    /// The process that the commands name, if they name one, and when it was started,
    /// by which one knows it from a later process with the same number.
    pub process: Option<(u32, u64)>,
}

impl Record {
    /// The record for a container whose processes began with `pid`.
    pub fn of(end: &End, env: &[Entry], pid: Option<u32>, group: Option<Group>) -> Self {
        let named = pid.filter(|_| end.names_process());
        let words =
            |command: Option<Command>| command.as_ref().map(process::words).unwrap_or_default();
        Self {
            kill: words(end.kill(pid)),
            delete: words(end.delete(pid)),
            env: env.to_vec(),
            remove: end.remove.iter().chain(&end.shared).cloned().collect(),
            keep_files: end.keep_files,
            group,
            runtime_word: end.runtime_word.as_ref().map(OsString::from),
            process: named.and_then(|pid| Some((pid, processes::start_time(pid)?))),
        }
    }

    /// The record as the content of its file.
    pub fn encode(&self) -> Vec<u8> {
        let mut text = Vec::new();
        push_list(&mut text, self.kill.iter().map(|word| word.as_bytes()));
        push_list(&mut text, self.delete.iter().map(|word| word.as_bytes()));
        push_list(&mut text, self.env.iter().map(Vec::as_slice));
        push_list(&mut text, self.remove.iter().map(|path| path.as_os_str().as_bytes()));
        netstring::push(&mut text, if self.keep_files { b"keep" } else { b"remove" });
        let word = self.runtime_word.as_deref().unwrap_or_default();
        netstring::push(&mut text, word.as_bytes());
        let group = self.group.map(|group| (group.id, u64::from(group.session)));
        for pair in [group, self.process] {
            let pair = pair.map(|(id, which)| format!("{id} {which}"));
            netstring::push(&mut text, pair.unwrap_or_default().as_bytes());
        }
        text
    }

    /// Reads what [`encode`](Self::encode) wrote; `None` if it is not that.
    pub fn decode(mut text: &[u8]) -> Option<Self> {
        let os = |list: Vec<Vec<u8>>| list.into_iter().map(OsString::from_vec);
        let record = Self {
            kill: os(take_list(&mut text)?).collect(),
            delete: os(take_list(&mut text)?).collect(),
            env: take_list(&mut text)?,
            remove: os(take_list(&mut text)?).map(PathBuf::from).collect(),
            keep_files: netstring::take(&mut text)? == b"keep",
            runtime_word: Some(OsString::from_vec(netstring::take(&mut text)?.to_vec()))
                .filter(|word| !word.is_empty()),
            group: match take_pair(&mut text)? {
                Some((id, session)) => Some(Group { id, session: session.try_into().ok()? }),
                None => None,
            },
            process: take_pair(&mut text)?,
        };
        text.is_empty().then_some(record)
    }
}

/// Two numbers; the inner `None` is their absence.
fn take_pair(text: &mut &[u8]) -> Option<Option<(u32, u64)>> {
    let value = std::str::from_utf8(netstring::take(text)?).ok()?;
    if value.is_empty() {
        return Some(None);
    }
    let (id, which) = value.split_once(' ')?;
    Some(Some((id.parse().ok()?, which.parse().ok()?)))
}

fn push_list<'a>(text: &mut Vec<u8>, list: impl Iterator<Item = &'a [u8]>) {
    let mut inner = Vec::new();
    list.for_each(|value| netstring::push(&mut inner, value));
    netstring::push(text, &inner);
}

fn take_list(text: &mut &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut inner = netstring::take(text)?;
    let mut list = Vec::new();
    while !inner.is_empty() {
        list.push(netstring::take(&mut inner)?.to_vec());
    }
    Some(list)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let full = Record {
            kill: vec!["kill".into(), "it's".into()],
            delete: vec![],
            env: vec![b"A=1".to_vec(), b"B=\xff\n".to_vec()],
            remove: vec!["/run/x".into()],
            keep_files: false,
            group: Some(Group { id: 3, session: 4 }),
            runtime_word: Some("/run/y".into()),
            process: Some((1, 2)),
        };
        let bare = Record {
            group: None,
            runtime_word: None,
            process: None,
            keep_files: true,
            ..full.clone()
        };
        for record in [full, bare] {
            assert_eq!(Record::decode(&record.encode()), Some(record));
        }
    }

    #[test]
    fn a_record_that_was_cut_is_none() {
        let text = Record::decode(b"0:,0:,0:,0:,4:keep,0:,0:,0:,").unwrap().encode();
        for end in 0..text.len() {
            assert_eq!(Record::decode(&text[..end]), None, "cut at {end}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text: Vec<u8>) {
            let _ = Record::decode(&text);
        }
    }
}

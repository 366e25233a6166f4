//! An environment against the job's.
#![forbid(unsafe_code)]

use std::collections::HashMap;

use serde::Serialize;
use serde_json::Value;

use crate::{
    env::{Entry, name},
    plan::Plan,
};

/// Where config.json has the environment.
pub const IN_CONFIG: &str = "process.env";

/// What an environment has that the job's has not, and the other way round.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// `NAME=value` of variables that the job has not.
    pub added: Vec<String>,
    /// `NAME=value` of variables that have another value in the job.
    pub changed: Vec<String>,
    /// Names of the job's variables that are not there.
    pub left_out: Vec<String>,
    /// How many variables are as in the job.
    pub unchanged: usize,
}

impl Difference {
    /// What `entries` has that the job has not.
    pub fn between(job: &[Entry], entries: &[Entry]) -> Self {
        let old = by_name(job);
        let new = by_name(entries);
        let (known, added): (Vec<_>, Vec<_>) =
            entries.iter().partition(|entry| old.contains_key(name(entry)));
        let (same, changed): (Vec<&Entry>, Vec<_>) =
            known.into_iter().partition(|&entry| old.get(name(entry)) == Some(&entry));
        let left_out = job.iter().map(|entry| name(entry)).filter(|name| !new.contains_key(name));
        Self {
            added: added.into_iter().map(|entry| text(entry)).collect(),
            changed: changed.into_iter().map(|entry| text(entry)).collect(),
            left_out: left_out.map(text).collect(),
            unchanged: same.len(),
        }
    }
}

fn by_name(entries: &[Entry]) -> HashMap<&[u8], &Entry> {
    entries.iter().map(|entry| (name(entry), entry)).collect()
}

/// The container's environment as the plan writes it: into config.json, or into the file
/// for runtimes that do not read that one.
pub fn written(plan: &Plan, config: Option<&Value>) -> Option<Vec<Entry>> {
    if let Some(config) = config {
        let list = config.get("process")?.get("env")?.as_array()?;
        return Some(list.iter().filter_map(|it| Some(it.as_str()?.into())).collect());
    }
    let content = &plan.files.first()?.content;
    // Each entry is followed by the byte that the last one is followed by.
    let Some(end) = content.last() else { return Some(Vec::new()) };
    let entries = content.split_inclusive(|byte| byte == end);
    Some(entries.map(|entry| entry[..entry.len() - 1].to_vec()).collect())
}

fn text(entry: &[u8]) -> String {
    String::from_utf8_lossy(entry).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_added_changed_left_out_or_as_they_were() {
        let entries =
            |list: &[&str]| list.iter().map(|it| it.as_bytes().to_vec()).collect::<Vec<_>>();
        let job = entries(&["A=1", "PATH=/home/a", "SECRET=x", "B=2"]);
        let difference =
            Difference::between(&job, &entries(&["PATH=/bin", "TERM=x", "A=1", "B=2"]));
        assert_eq!(
            difference,
            Difference {
                added: vec!["TERM=x".into()],
                changed: vec!["PATH=/bin".into()],
                left_out: vec!["SECRET".into()],
                unchanged: 2,
            }
        );
    }
}

//! What a user needs on the node before a runtime can start a container for them.
#![forbid(unsafe_code)]

use std::{
    fs::{self, Metadata},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use nix::unistd::User;

use super::finding::Finding;
use crate::{runtime::process::find, sys::xattr};

/// As many ids as a distribution gives a user, and images are made with.
const USUAL: u64 = 65536;
/// Where distributions begin to give out ids.
const FIRST: u64 = 100_000;
const SETUID: u32 = 0o4000;

/// Who is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The name.
    pub name: String,
    /// The user's id.
    pub uid: u32,
    /// The id of the user's group.
    pub gid: u32,
}

impl From<User> for Account {
    fn from(user: User) -> Self {
        Self { name: user.name, uid: user.uid.as_raw(), gid: user.gid.as_raw() }
    }
}

/// What there is for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The user.
    pub account: Account,
    /// The text of /etc/subuid and of /etc/subgid.
    pub subordinate: [String; 2],
    /// Where ids come from instead, by /etc/nsswitch.conf.
    pub service: Option<String>,
    /// newuidmap and newgidmap, if they are there, and whether they may do their work.
    pub helpers: [Option<(PathBuf, bool)>; 2],
    /// Owner and mode of /run/user/UID; `None` if it is not there.
    pub run_dir: Option<(u32, u32)>,
    /// Whether oci.conf names it; `None` where there is no oci.conf.
    pub run_dir_wanted: Option<bool>,
}

/// The programs that map more than the user.
const HELPERS: [&str; 2] = ["newuidmap", "newgidmap"];

/// Looks.
pub fn look(account: Account, run_dir_wanted: Option<bool>) -> Facts {
    let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let run_dir = fs::metadata(run_dir(account.uid)).ok();
    Facts {
        subordinate: [text("/etc/subuid"), text("/etc/subgid")],
        service: service(&text("/etc/nsswitch.conf")),
        helpers: HELPERS.map(|name| {
            let path = find(name.as_ref())?;
            let able = fs::metadata(&path).is_ok_and(|found| is_setuid(&found))
                || xattr::has_capabilities(&path);
            Some((path, able))
        }),
        run_dir: run_dir.filter(Metadata::is_dir).map(|found| (found.uid(), found.mode() & 0o7777)),
        run_dir_wanted,
        account,
    }
}

fn run_dir(uid: u32) -> String {
    format!("/run/user/{uid}")
}

fn is_setuid(found: &Metadata) -> bool {
    found.uid() == 0 && found.mode() & SETUID != 0
}

/// The `subid:` line, unless it says the files.
fn service(nsswitch: &str) -> Option<String> {
    let line = nsswitch.lines().find_map(|line| line.trim().strip_prefix("subid:"))?;
    Some(line.trim().to_owned()).filter(|service| service != "files")
}

/// What it means.
pub fn judge(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, text) in ["/etc/subuid", "/etc/subgid"].into_iter().zip(&facts.subordinate) {
        findings.push(subordinate(facts, file, text));
    }
    for (name, found) in HELPERS.into_iter().zip(&facts.helpers) {
        findings.push(helper(name, found.as_ref()));
    }
    findings.push(run_directory(facts));
    findings
}

/// A range of ids in one of the two files.
struct Range<'a> {
    owner: &'a str,
    start: u64,
    count: u64,
}

fn ranges(text: &str) -> impl Iterator<Item = Range<'_>> {
    text.lines().filter_map(|line| {
        let mut fields = line.trim().split(':');
        let owner = fields.next()?;
        let mut number = || fields.next()?.trim().parse().ok();
        Some(Range { owner, start: number()?, count: number()? })
    })
}

fn subordinate(facts: &Facts, file: &'static str, text: &str) -> Finding {
    let Account { name, uid, .. } = &facts.account;
    if let Some(service) = &facts.service {
        return Finding::skip(
            file,
            format!("/etc/nsswitch.conf has 'subid: {service}'; 'getsubids {name}' tells"),
        );
    }
    let uid = uid.to_string();
    let own = || ranges(text).filter(|range| range.owner == name || range.owner == uid);
    let most = own().map(|range| range.count).max().unwrap_or(0);
    let remedy = || {
        let option = if file.ends_with("uid") { "--add-subuids" } else { "--add-subgids" };
        let free = ranges(text).map(|range| range.start.saturating_add(range.count)).max();
        let start = free.unwrap_or(FIRST).max(FIRST);
        format!("run: usermod {option} {start}-{} {name}", start.saturating_add(USUAL - 1))
    };
    const LIMIT: &str = "only bundles that map nobody but the user run";
    match most {
        0 => Finding::warn(file, format!("no line for {name}: {LIMIT}"), remedy()),
        few if few < USUAL => Finding::warn(
            file,
            format!("{few} ids for {name}, fewer than the {USUAL} that images are made with"),
            remedy(),
        ),
        count => Finding::ok(file, format!("{count} ids for {name}")),
    }
}

fn helper(name: &'static str, found: Option<&(PathBuf, bool)>) -> Finding {
    match found {
        None => Finding::warn(
            name,
            "not there: only bundles that map nobody but the user run",
            "run: apt-get install uidmap (Debian, Ubuntu), or: dnf install shadow-utils (Fedora, RHEL)",
        ),
        Some((path, true)) => Finding::ok(name, path.display().to_string()),
        Some((path, false)) => {
            let path = Path::display(path);
            Finding::warn(
                name,
                format!(
                    "'{path}' is neither setuid root nor has file capabilities: it maps nobody"
                ),
                format!("run: chown root '{path}' && chmod u+s '{path}'"),
            )
        }
    }
}

fn run_directory(facts: &Facts) -> Finding {
    let Account { name, uid, .. } = &facts.account;
    let path = run_dir(*uid);
    let (problem, remedy) = match facts.run_dir {
        _ if facts.run_dir_wanted == Some(false) => {
            return Finding::ok(path, "not needed: oci.conf names no /run/user");
        }
        Some((owner, 0o700)) if owner == *uid => {
            return Finding::ok(path, format!("{name}'s, mode 0700"));
        }
        None => (
            "not there, but oci.conf keeps the runtime's files in it".to_owned(),
            format!("run: loginctl enable-linger {name}; or name another --root= in oci.conf"),
        ),
        Some((owner, mode)) => (
            format!("owner {owner} and mode {mode:04o}: it must be {name}'s alone"),
            format!("run: chown {name} '{path}' && chmod 0700 '{path}'"),
        ),
    };
    match facts.run_dir_wanted {
        Some(_) => Finding::fail(path, problem, remedy),
        None => Finding::warn(
            path,
            problem.replace("oci.conf keeps", "the guide's oci.conf keeps"),
            remedy,
        ),
    }
}

#[cfg(test)]
mod tests;

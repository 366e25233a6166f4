//! The keys of oci.conf(5), Slurm 26.05 (which knows all that earlier releases know), ours beside
//! them, and what their values may be.
#![forbid(unsafe_code)]

use log::LevelFilter;

use super::EnvFile;

/// A key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    AllowAnnotations,
    AllowCapabilities,
    AllowDevices,
    AllowHooks,
    AllowMounts,
    CgroupsPath,
    ContainerPath,
    CreateEnvFile,
    DebugFlags,
    DisableCleanup,
    DisableHooks,
    EnvExclude,
    FileDebug,
    IgnoreFileConfigJson,
    MountSpoolDir,
    NoNewPrivileges,
    RunTimeCreate,
    RunTimeDelete,
    RunTimeEnvExclude,
    RunTimeKill,
    RunTimeQuery,
    RunTimeRun,
    RunTimeStart,
    SrunArgs,
    SrunPath,
    StdIODebug,
    SyslogDebug,
}

const TABLE: [(&str, Key); 27] = [
    ("AllowAnnotations", Key::AllowAnnotations),
    ("AllowCapabilities", Key::AllowCapabilities),
    ("AllowDevices", Key::AllowDevices),
    ("AllowHooks", Key::AllowHooks),
    ("AllowMounts", Key::AllowMounts),
    ("CgroupsPath", Key::CgroupsPath),
    ("ContainerPath", Key::ContainerPath),
    ("CreateEnvFile", Key::CreateEnvFile),
    ("DebugFlags", Key::DebugFlags),
    ("DisableCleanup", Key::DisableCleanup),
    ("DisableHooks", Key::DisableHooks),
    ("EnvExclude", Key::EnvExclude),
    ("FileDebug", Key::FileDebug),
    ("IgnoreFileConfigJson", Key::IgnoreFileConfigJson),
    ("MountSpoolDir", Key::MountSpoolDir),
    ("NoNewPrivileges", Key::NoNewPrivileges),
    ("RunTimeCreate", Key::RunTimeCreate),
    ("RunTimeDelete", Key::RunTimeDelete),
    ("RunTimeEnvExclude", Key::RunTimeEnvExclude),
    ("RunTimeKill", Key::RunTimeKill),
    ("RunTimeQuery", Key::RunTimeQuery),
    ("RunTimeRun", Key::RunTimeRun),
    ("RunTimeStart", Key::RunTimeStart),
    ("SrunArgs", Key::SrunArgs),
    ("SrunPath", Key::SrunPath),
    ("StdIODebug", Key::StdIODebug),
    ("SyslogDebug", Key::SyslogDebug),
];

impl Key {
    /// The key with this name, case-insensitive; `OCIRunTimeX` is `RunTimeX`.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        let short = without_oci(name);
        let found = TABLE.iter().find(|(known, _)| known.eq_ignore_ascii_case(short));
        found.map(|(_, key)| *key)
    }

    /// The spelling of the man page.
    pub(super) fn name(self) -> &'static str {
        TABLE.iter().find(|(_, key)| *key == self).map_or("", |(name, _)| name)
    }

    /// Whether its value is a command.
    pub(super) fn is_command(self) -> bool {
        self.name().starts_with("RunTime") && self != Self::RunTimeEnvExclude
    }

    /// The key that an unknown name was probably meant to be.
    pub(super) fn nearest(name: &str) -> Option<Self> {
        let short = without_oci(name);
        let name = nearest(short, TABLE.iter().map(|(name, _)| *name))?;
        Self::from_name(name)
    }
}

fn without_oci(name: &str) -> &str {
    let has_prefix = |prefix: &str| prefix.eq_ignore_ascii_case("ociruntime");
    match name.get(..10) {
        Some(prefix) if has_prefix(prefix) => &name[3..],
        _ => name,
    }
}

/// The name closest to a mistyped one: at most a quarter of its letters, and two, may differ.
pub(super) fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (name.chars().count() / 4).max(2);
    names
        .map(|known| (distance(name, known), known))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// Letters to insert, delete or replace to make one word of the other, case ignored.
pub fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.to_lowercase().chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(left != *right);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

/// `s_p_handle_boolean` of Slurm.
pub(super) fn boolean(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "yes" | "up" | "true" | "1" => Some(true),
        "no" | "down" | "false" | "0" => Some(false),
        _ => None,
    }
}

/// What [`boolean`] accepts, for hints.
pub(super) const BOOLEANS: &str = "true, yes, up, 1, false, no, down or 0";

/// `CreateEnvFile` since 23.02; the boolean spellings are those of before.
pub(super) fn env_file(value: &str) -> Option<EnvFile> {
    match value.to_ascii_lowercase().as_str() {
        "null" | "true" | "y" | "yes" | "1" => Some(EnvFile::Null),
        "newline" => Some(EnvFile::Newline),
        "disabled" | "false" | "n" | "no" | "0" => Some(EnvFile::Disabled),
        _ => None,
    }
}

/// What [`env_file`] accepts, for hints.
pub(super) const ENV_FILES: &str =
    "null (or true, yes, y, 1), newline, disabled (or false, no, n, 0)";

/// Slurm's names of log levels, in the order of their numbers.
pub(super) const LEVELS: [&str; 10] =
    ["quiet", "fatal", "error", "info", "verbose", "debug", "debug2", "debug3", "debug4", "debug5"];

/// A log level by Slurm's name or number (`log_string2num`). Slurm prints its warnings at level
/// error, and its verbose and debug levels are finer than ours.
pub(super) fn level(value: &str) -> Option<LevelFilter> {
    let by_name = || LEVELS.iter().position(|name| name.eq_ignore_ascii_case(value));
    match value.parse().ok().or_else(by_name)? {
        0_usize => Some(LevelFilter::Off),
        1 => Some(LevelFilter::Error),
        2 => Some(LevelFilter::Warn),
        3 => Some(LevelFilter::Info),
        4 | 5 => Some(LevelFilter::Debug),
        6..=9 => Some(LevelFilter::Trace),
        _ => None,
    }
}

/// The kinds of hooks of the OCI runtime specification 1.2.
pub const HOOKS: [&str; 6] =
    ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (name, key) in TABLE {
            assert_eq!(Key::from_name(name), Some(key));
            assert_eq!(Key::from_name(&name.to_lowercase()), Some(key));
            assert_eq!(key.name(), name);
            let oci = Key::from_name(&format!("oci{name}"));
            assert_eq!(oci, name.starts_with("RunTime").then_some(key));
        }
    }

    #[test]
    fn the_man_page_has_each_key_in_its_table_and_among_its_descriptions() {
        let page = include_str!("../../man/spank-oci.conf.5");
        let items = page.lines().filter_map(|line| line.strip_prefix(".It Ic "));
        let mut documented: Vec<_> = items.filter_map(|item| item.split(' ').next()).collect();
        documented.sort_unstable();
        let mut known: Vec<_> = TABLE.iter().flat_map(|(name, _)| [*name, *name]).collect();
        known.sort_unstable();
        assert_eq!(documented, known);
    }

    #[test]
    fn nearest_names() {
        assert_eq!(Key::nearest("RuntimeKil"), Some(Key::RunTimeKill));
        assert_eq!(Key::nearest("OCIRunTimeQeury"), Some(Key::RunTimeQuery));
        assert_eq!(Key::nearest("IgnoreConfigJson"), Some(Key::IgnoreFileConfigJson));
        assert_eq!(Key::nearest("Partition"), None);
        assert_eq!(Key::nearest("é"), None);
    }

    #[test]
    fn levels() {
        assert_eq!(level("Debug5"), Some(LevelFilter::Trace));
        assert_eq!(level("3"), level("info"));
        assert_eq!(level("quiet"), Some(LevelFilter::Off));
        assert_eq!((level("10"), level("warn"), level("")), (None, None, None));
    }
}

//! The resource limits of this process, by the names that config.json has for them.
#![forbid(unsafe_code)]

use nix::sys::resource::{Resource, getrlimit};

/// The names of the OCI runtime specification ("POSIX process", `rlimits`) that Linux
/// has limits for.
const NAMES: [(&str, Resource); 16] = [
    ("RLIMIT_AS", Resource::RLIMIT_AS),
    ("RLIMIT_CORE", Resource::RLIMIT_CORE),
    ("RLIMIT_CPU", Resource::RLIMIT_CPU),
    ("RLIMIT_DATA", Resource::RLIMIT_DATA),
    ("RLIMIT_FSIZE", Resource::RLIMIT_FSIZE),
    ("RLIMIT_LOCKS", Resource::RLIMIT_LOCKS),
    ("RLIMIT_MEMLOCK", Resource::RLIMIT_MEMLOCK),
    ("RLIMIT_MSGQUEUE", Resource::RLIMIT_MSGQUEUE),
    ("RLIMIT_NICE", Resource::RLIMIT_NICE),
    ("RLIMIT_NOFILE", Resource::RLIMIT_NOFILE),
    ("RLIMIT_NPROC", Resource::RLIMIT_NPROC),
    ("RLIMIT_RSS", Resource::RLIMIT_RSS),
    ("RLIMIT_RTPRIO", Resource::RLIMIT_RTPRIO),
    ("RLIMIT_RTTIME", Resource::RLIMIT_RTTIME),
    ("RLIMIT_SIGPENDING", Resource::RLIMIT_SIGPENDING),
    ("RLIMIT_STACK", Resource::RLIMIT_STACK),
];

/// The hard limits, which a user cannot raise.
pub fn hard() -> Vec<(&'static str, u64)> {
    NAMES.iter().filter_map(|&(name, limit)| Some((name, getrlimit(limit).ok()?.1))).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_limit_has_a_value() {
        let limits = super::hard();
        assert_eq!(limits.len(), super::NAMES.len());
        let open_files = limits.iter().find(|(name, _)| *name == "RLIMIT_NOFILE").unwrap().1;
        assert!(open_files >= 256, "{open_files}");
    }
}

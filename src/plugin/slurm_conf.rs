//! A look at slurm.conf, for what no call of SPANK tells a client. The answer may be
//! missing, so nothing but a hint or an early error depends on it.
#![forbid(unsafe_code)]

use std::{fs, path::PathBuf};

use super::host::Host;

/// What slurm.conf says about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It sets the key to this.
    Is(String),
    /// It does not set the key.
    NotSet,
    /// There is no such file here, or another file is included in it.
    Unknown,
}

/// Looks a key up, in any case of letters, as Slurm does (slurm.conf(5)).
pub fn look_up(host: &impl Host, key: &str) -> Answer {
    let named = host.variable("SLURM_CONF").map(PathBuf::from);
    // The second is where slurmd keeps it in a configless cluster.
    let usual = ["/etc/slurm/slurm.conf", "/run/slurm/conf/slurm.conf"].map(PathBuf::from);
    let mut files = named.into_iter().chain(usual);
    match files.find_map(|file| fs::read_to_string(file).ok()) {
        Some(text) => answer(&text, key),
        None => Answer::Unknown,
    }
}

/// What the text of a slurm.conf says about a key.
pub fn answer(text: &str, key: &str) -> Answer {
    let value = |line: &str| {
        let (name, value) = line.split_once('=')?;
        let value = value.split_whitespace().next()?;
        name.trim().eq_ignore_ascii_case(key).then(|| value.to_owned())
    };
    let includes = |line: &str| {
        line.get(..8).is_some_and(|start| start.trim_end().eq_ignore_ascii_case("include"))
    };
    match text.lines().find_map(value) {
        Some(value) => Answer::Is(value),
        None if text.lines().any(includes) => Answer::Unknown,
        None => Answer::NotSet,
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, answer};

    #[test]
    fn a_key_is_found_in_any_case_and_comments_are_not() {
        let text = "# MpiDefault=none\nMPIDefault = pmix_v4 # ours\nInclude more.conf\n";
        assert_eq!(answer(text, "MpiDefault"), Answer::Is("pmix_v4".into()));
        assert_eq!(answer(text, "LaunchParameters"), Answer::Unknown);
        assert_eq!(answer("#include x\nIncluded=1\n", "MpiDefault"), Answer::NotSet);
        assert_eq!(answer("", "MpiDefault"), Answer::NotSet);
    }
}

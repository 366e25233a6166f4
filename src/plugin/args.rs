//! The words after the library's path in plugstack.conf.
#![forbid(unsafe_code)]

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use super::marker::is_runtime;

/// Where the site's configuration is, unless plugstack.conf says otherwise.
pub const CONFIG: &str = "/etc/slurm/spank-oci/oci.conf";
const HELPER: &str = "/usr/bin/spank-oci";
/// The directory below which steps have theirs, unless plugstack.conf says otherwise.
pub const STATE: &str = "/run/spank-oci";

/// `conf=`, `helper=` and `state=`, each an absolute path, and more configurations to
/// choose from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Args {
    /// The site's oci.conf, where no other one is chosen.
    pub config: PathBuf,
    /// `profile=NAME:PATH`: others that users may choose, by their names.
    pub profiles: Vec<(String, PathBuf)>,
    /// `partition=PARTITION:NAME`: the ones for jobs that choose none.
    pub partitions: Vec<(String, String)>,
    /// The helper that takes the task into its container.
    pub helper: PathBuf,
    /// The directory below which steps have theirs; owned by root.
    pub state: PathBuf,
}

/// A word of the plugstack.conf line that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("plugstack.conf: {problem} in argument '{word}': write {usage}", usage = ArgsError::USAGE)]
pub struct ArgsError {
    problem: &'static str,
    word: String,
}

impl ArgsError {
    const USAGE: &str = "[conf=/path/oci.conf] [helper=/path/spank-oci] [state=/run/dir] [profile=NAME:/path/oci.conf]... [partition=PARTITION:NAME]...";
}

/// A configuration that the site does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("--container-runtime: this site has no '{name}'; {known}")]
pub struct UnknownRuntime {
    name: String,
    known: String,
}

impl Args {
    /// Reads the words; the last of a repeated one counts.
    ///
    /// # Errors
    /// The first word with an unknown name, or whose value is no absolute path.
    pub fn parse(words: &[OsString]) -> Result<Self, ArgsError> {
        let mut args = Self {
            config: CONFIG.into(),
            helper: HELPER.into(),
            state: STATE.into(),
            profiles: Vec::new(),
            partitions: Vec::new(),
        };
        let mistake = |problem, word: &OsStr| {
            let word = word.to_string_lossy().into_owned();
            ArgsError { problem, word }
        };
        for word in words {
            args.set(word).map_err(|problem| mistake(problem, word))?;
        }
        let unknown = |(_, name): &&(String, String)| args.profile(name).is_none();
        match args.partitions.iter().find(unknown) {
            Some((partition, name)) => {
                let word = format!("partition={partition}:{name}");
                Err(mistake("no such profile", word.as_ref()))
            }
            None => Ok(args),
        }
    }

    /// The site's oci.conf for a job in this partition that has chosen this one.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn config_for(
        &self,
        chosen: Option<&str>,
        partition: Option<&OsStr>,
    ) -> Result<&Path, UnknownRuntime> {
        if let Some(name) = chosen {
            return self.profile(name).ok_or_else(|| self.unknown(name));
        }
        let of_partition =
            self.partitions.iter().find(|(name, _)| partition == Some(name.as_ref()));
        let profile = of_partition.and_then(|(_, name)| self.profile(name));
        Ok(profile.unwrap_or(&self.config))
    }

    fn profile(&self, name: &str) -> Option<&Path> {
        let mut profiles = self.profiles.iter();
        profiles.find(|(known, _)| known == name).map(|(_, path)| path.as_path())
    }

    fn unknown(&self, name: &str) -> UnknownRuntime {
        let mut known = String::new();
        for (name, _) in &self.profiles {
            known.push_str(if known.is_empty() { "choose one of: " } else { ", " });
            known.push_str(name);
        }
        if known.is_empty() {
            known.push_str("plugstack.conf names none with profile=");
        }
        UnknownRuntime { name: name.to_owned(), known }
    }

    fn set(&mut self, word: &OsStr) -> Result<(), &'static str> {
        let word = word.as_bytes();
        let Some(equals) = word.iter().position(|&byte| byte == b'=') else {
            return Err("no '='");
        };
        let value = &word[equals + 1..];
        match &word[..equals] {
            b"conf" => self.config = absolute(value)?,
            b"helper" => self.helper = absolute(value)?,
            b"state" => self.state = absolute(value)?,
            b"profile" => {
                let (name, path) = pair(value).ok_or("no name")?;
                if !is_runtime(&name) {
                    return Err("no name of letters, digits, '.', '_' and '-'");
                }
                let path = absolute(path)?;
                self.profiles.retain(|(earlier, _)| *earlier != name);
                self.profiles.push((name, path));
            }
            b"partition" => {
                let (partition, name) = pair(value).ok_or("no profile")?;
                let name = String::from_utf8_lossy(name).into_owned();
                self.partitions.push((partition, name));
            }
            _ => return Err("unknown name"),
        }
        Ok(())
    }
}

fn absolute(path: &[u8]) -> Result<PathBuf, &'static str> {
    let path = Path::new(OsStr::from_bytes(path));
    if path.is_absolute() { Ok(path.to_owned()) } else { Err("no absolute path") }
}

/// The words before and after the first colon.
fn pair(value: &[u8]) -> Option<(String, &[u8])> {
    let colon = value.iter().position(|&byte| byte == b':')?;
    Some((std::str::from_utf8(&value[..colon]).ok()?.to_owned(), &value[colon + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Args, String> {
        let words: Vec<_> = words.iter().map(OsString::from).collect();
        Args::parse(&words).map_err(|error| error.to_string())
    }

    #[test]
    fn without_arguments_everything_is_where_the_package_puts_it() {
        let args = parse(&[]).unwrap();
        assert_eq!(args.config, Path::new("/etc/slurm/spank-oci/oci.conf"));
        assert_eq!(args.helper, Path::new("/usr/bin/spank-oci"));
        assert_eq!(args.state, Path::new("/run/spank-oci"));
    }

    #[test]
    fn each_path_can_be_named() {
        let args = parse(&["conf=/a/oci.conf", "helper=/b/h=1", "state=/c"]).unwrap();
        assert_eq!(args.config, Path::new("/a/oci.conf"));
        assert_eq!((args.helper, args.state), ("/b/h=1".into(), "/c".into()));
    }

    #[test]
    fn a_word_that_cannot_be_used_is_quoted() {
        let usage = ArgsError::USAGE;
        for (word, problem) in [
            ("config=/a", "unknown name"),
            ("conf=a", "no absolute path"),
            ("helper=", "no absolute path"),
            ("debug", "no '='"),
            ("profile=/a", "no name"),
            ("profile=a b:/a", "no name of letters, digits, '.', '_' and '-'"),
            ("profile=crun:a", "no absolute path"),
            ("partition=gpu", "no profile"),
            ("partition=gpu:none", "no such profile"),
        ] {
            let expected = format!("plugstack.conf: {problem} in argument '{word}': write {usage}");
            assert_eq!(parse(&["conf=/x", word]), Err(expected));
        }
    }

    #[test]
    fn the_man_page_has_each_argument() {
        let page = include_str!("../../man/spank_oci.8");
        let items = page.lines().filter_map(|line| line.strip_prefix(".It Cm "));
        let documented: Vec<_> = items.filter_map(|item| item.split(' ').next()).collect();
        let words = ArgsError::USAGE.split(['[', '=']).filter(|word| !word.contains(['/', ':']));
        let known: Vec<_> = words.filter(|word| !word.is_empty()).collect();
        assert_eq!(documented, known);
    }

    #[test]
    fn a_job_runs_with_what_it_chooses_else_with_that_of_its_partition() {
        let args = parse(&[
            "conf=/c",
            "profile=runc:/old",
            "partition=gpu:nvidia",
            "profile=nvidia:/n:v",
            "profile=runc:/r",
        ]);
        let args = args.unwrap();
        let config = |chosen: Option<&str>, partition: Option<&str>| {
            let config = args.config_for(chosen, partition.map(OsStr::new));
            config.map(|path| path.display().to_string()).map_err(|error| error.to_string())
        };
        assert_eq!(config(None, None), Ok("/c".into()));
        assert_eq!(config(None, Some("cpu")), Ok("/c".into()));
        assert_eq!(config(None, Some("gpu")), Ok("/n:v".into()));
        assert_eq!(config(Some("runc"), Some("gpu")), Ok("/r".into()));
        let unknown = "--container-runtime: this site has no 'cru'; choose one of: nvidia, runc";
        assert_eq!(config(Some("cru"), None), Err(unknown.into()));
    }

    #[test]
    fn a_site_without_profiles_says_so() {
        let error = parse(&[]).unwrap().config_for(Some("runc"), None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "--container-runtime: this site has no 'runc'; plugstack.conf names none with profile="
        );
    }
}

//! The words after the library's path in plugstack.conf.
#![forbid(unsafe_code)]

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

/// Where the site's configuration is, unless plugstack.conf says otherwise.
pub const CONFIG: &str = "/etc/slurm/spank-oci/oci.conf";
const HELPER: &str = "/usr/bin/spank-oci";
const STATE: &str = "/run/spank-oci";

/// `conf=`, `helper=` and `state=`, each an absolute path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Args {
    /// The site's oci.conf.
    pub config: PathBuf,
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
    const USAGE: &str = "[conf=/path/oci.conf] [helper=/path/spank-oci] [state=/run/dir]";
}

impl Args {
    /// Reads the words; the last of a repeated one counts.
    ///
    /// # Errors
    /// The first word with an unknown name, or whose value is no absolute path.
    pub fn parse(words: &[OsString]) -> Result<Self, ArgsError> {
        let mut args = Self { config: CONFIG.into(), helper: HELPER.into(), state: STATE.into() };
        for word in words {
            args.set(word).map_err(|problem| ArgsError {
                problem,
                word: word.to_string_lossy().into_owned(),
            })?;
        }
        Ok(args)
    }

    fn set(&mut self, word: &OsStr) -> Result<(), &'static str> {
        let word = word.as_bytes();
        let Some(equals) = word.iter().position(|&byte| byte == b'=') else {
            return Err("no '='");
        };
        let path = Path::new(OsStr::from_bytes(&word[equals + 1..]));
        let target = match &word[..equals] {
            b"conf" => &mut self.config,
            b"helper" => &mut self.helper,
            b"state" => &mut self.state,
            _ => return Err("unknown name"),
        };
        if !path.is_absolute() {
            return Err("no absolute path");
        }
        *target = path.to_owned();
        Ok(())
    }
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
        let expected =
            Args { config: "/a/oci.conf".into(), helper: "/b/h=1".into(), state: "/c".into() };
        assert_eq!(args, expected);
    }

    #[test]
    fn a_word_that_cannot_be_used_is_quoted() {
        let usage = ArgsError::USAGE;
        for (word, problem) in [
            ("config=/a", "unknown name"),
            ("conf=a", "no absolute path"),
            ("helper=", "no absolute path"),
            ("debug", "no '='"),
        ] {
            let expected = format!("plugstack.conf: {problem} in argument '{word}': write {usage}");
            assert_eq!(parse(&["conf=/x", word]), Err(expected));
        }
    }
}

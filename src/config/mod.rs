//! oci.conf: text to [`Config`], with everything that is wrong with it.
//!
//! The format is Slurm's own (oci.conf(5) and `parse_config.c` of 26.05), so a file that works
//! there works here. Added to it: every `RunTimeX` may be spelled `OCIRunTimeX`, as older
//! container guides do. Opening files and trusting them is the caller's affair.
//!
//! - `lines`: bytes to logical lines: comments, continuation, backslashes, positions
//! - `entry`: a logical line to key and value, or to `Include`
//! - `keys`: the keys and what their values may be; `draft`: the values so far
//! - `reader`: walks the lines and includes, collects diagnostics
//! - `validity`: which commands must be there together
//! - [`crate::diagnostic`]: a mistake and how it is shown
#![forbid(unsafe_code)]

mod draft;
mod entry;
mod keys;
mod lines;
mod reader;
#[cfg(test)]
mod tests;
mod validity;

use std::ffi::CStr;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use log::LevelFilter;

use crate::diagnostic::{Diagnostic, Place};
use crate::sys::regex::Regex;
use crate::template::{PathTemplate, Template};
pub use keys::{HOOKS, distance};
use reader::Reader;

/// A complete, valid oci.conf.
#[derive(Debug, PartialEq)]
pub struct Config {
    /// The commands that start a container.
    pub operations: Operations,
    /// `RunTimeQuery`: state of a container. Always there with [`Operations::CreateStart`],
    /// unless `ignore_config_json`.
    pub query: Option<Template>,
    /// `RunTimeKill`. Always there unless `ignore_config_json`.
    pub kill: Option<Template>,
    /// `RunTimeDelete`. Always there unless `ignore_config_json`.
    pub delete: Option<Template>,
    /// `CgroupsPath`: what config.json says of the container's control group. Not a part of
    /// Slurm's format.
    pub cgroups_path: Option<PathTemplate>,
    /// `ContainerPath`: the step's spool directory.
    pub container_path: Option<PathTemplate>,
    /// `MountSpoolDir`: where the spool directory is mounted inside the container.
    pub mount_spool_dir: Option<PathTemplate>,
    /// `CreateEnvFile`.
    pub env_file: EnvFile,
    /// `EnvExclude`: variables the container does not get.
    pub env_exclude: Option<EnvExclude>,
    /// `RunTimeEnvExclude`: variables the runtime does not get.
    pub runtime_env_exclude: Option<EnvExclude>,
    /// `DisableHooks`: kinds of OCI hooks removed from config.json.
    pub disable_hooks: Vec<String>,
    /// The `Allow` keys: what else a config.json may ask for.
    pub policy: Policy,
    /// `NoNewPrivileges`: the runtime gains no rights by what it executes.
    pub no_new_privileges: bool,
    /// `DisableCleanup`: leave the generated files, for debugging.
    pub disable_cleanup: bool,
    /// `IgnoreFileConfigJson`: the bundle's config.json is neither needed nor read.
    pub ignore_config_json: bool,
    /// How much is logged, and where.
    pub verbosity: Verbosity,
    /// `SrunPath`: read for scrun's sake, unused by spank-oci.
    pub srun_path: Option<PathBuf>,
    /// `SrunArgs`, one per line of the file: read for scrun's sake, unused by spank-oci.
    pub srun_args: Vec<String>,
}

/// What a user's config.json may ask for; `None` is everything. Not a part of Slurm's format.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// `AllowHooks`: root's directories below which a hook's program is.
    pub hooks: Option<Vec<PathBuf>>,
    /// `AllowDevices`: devices, or directories of them.
    pub devices: Option<Vec<PathBuf>>,
    /// `AllowMounts`: files and directories of the host that may be mounted, with all below.
    pub mounts: Option<Vec<PathBuf>>,
    /// `AllowCapabilities`: names, in capitals.
    pub capabilities: Option<Vec<String>>,
    /// `AllowAnnotations`: how the names of annotations begin.
    pub annotations: Option<Vec<String>>,
}

/// The two ways to start a container.
#[derive(Debug, PartialEq)]
pub enum Operations {
    /// `RunTimeRun`: one command that lasts as long as the container.
    Run {
        /// `RunTimeRun`
        run: Template,
    },
    /// The two operations of the OCI runtime specification.
    CreateStart {
        /// `RunTimeCreate`
        create: Template,
        /// `RunTimeStart`
        start: Template,
    },
}

/// `CreateEnvFile`: the form of the file `%e` names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EnvFile {
    /// No file.
    #[default]
    Disabled,
    /// Each variable ends with a NUL byte.
    Null,
    /// Each variable ends with a newline; variables that contain one are left out.
    Newline,
}

/// `EnvExclude` or `RunTimeEnvExclude`: a POSIX extended regular expression.
pub struct EnvExclude {
    source: String,
    regex: Regex,
}

impl EnvExclude {
    /// Compiles the expression.
    ///
    /// # Errors
    /// The C library's own words about the expression.
    pub fn new(source: &str) -> Result<Self, String> {
        Regex::new(source).map(|regex| Self { source: source.to_owned(), regex })
    }

    /// The expression as written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether a variable, written `NAME=value`, is to be left out.
    pub fn excludes(&self, variable: &CStr) -> bool {
        self.regex.is_match(variable)
    }
}

impl fmt::Debug for EnvExclude {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EnvExclude").field(&self.source).finish()
    }
}

impl PartialEq for EnvExclude {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

/// `StdIODebug`, `SyslogDebug`, `FileDebug` and `DebugFlags`; `None` where the file says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verbosity {
    /// `StdIODebug`: the task's stderr.
    pub stdio: Option<LevelFilter>,
    /// `SyslogDebug`
    pub syslog: Option<LevelFilter>,
    /// `FileDebug`: the log file of slurmd.
    pub file: Option<LevelFilter>,
    /// `DebugFlags`: names as in slurm.conf(5), not checked.
    pub debug_flags: Vec<String>,
}

/// A usable configuration and what is odd about it.
#[derive(Debug, PartialEq)]
pub struct Parsed {
    /// The configuration.
    pub config: Config,
    /// What is odd: warnings, in the order of the file.
    pub warnings: Vec<Diagnostic>,
    /// The `RunTime` commands as they were written.
    pub commands: Vec<Written>,
}

/// A `RunTime` command as it stands in a file, for those who have something to say about
/// one of its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The key, as oci.conf(5) spells it.
    pub key: &'static str,
    /// The file it is in.
    pub file: PathBuf,
    /// Its parts between blanks, quotes aside, and where they are.
    pub words: Vec<(String, Place)>,
}

impl Config {
    /// Parses the text of an oci.conf. `path` is its name in diagnostics and the directory that
    /// relative `Include` names start from; `load` reads the included files.
    ///
    /// # Errors
    /// Everything that is wrong, warnings among it, in the order of the file.
    pub fn parse(
        path: &Path,
        text: &[u8],
        load: &mut dyn FnMut(&Path) -> io::Result<Vec<u8>>,
    ) -> Result<Parsed, Vec<Diagnostic>> {
        let mut reader = Reader::new(load);
        reader.file(path, text, 0);
        validity::check(reader, path)
    }
}

/// A message of the C library or the kernel as part of a sentence.
fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

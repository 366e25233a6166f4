//! The node's Slurm, and whether it loads the plugin.
#![forbid(unsafe_code)]

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use super::{
    ask::{ask, find},
    plugstack::{self, Entry},
    runtimes::changeable,
};
use crate::{
    files,
    plugin::{
        args::{Args, ArgsError},
        native,
        slurm_conf::{self, Answer},
    },
    spank::version::STAMP,
};

/// This program's release.
pub const RELEASE: &str = env!("CARGO_PKG_VERSION");
/// Where slurm.conf is looked for: usually, configless, and in Debian 11.
const CONFIGS: [&str; 3] =
    ["/etc/slurm/slurm.conf", "/run/slurm/conf/slurm.conf", "/etc/slurm-llnl/slurm.conf"];
/// A library is some hundred kilobytes.
const LARGEST: u64 = 64 << 20;

/// What there is of Slurm.
#[derive(Debug)]
pub struct Slurm {
    /// What slurmd, or else srun, says its version is.
    pub version: Option<String>,
    /// Its configuration.
    pub slurm_conf: Option<PathBuf>,
    /// The file that switches Slurm's own containers on.
    pub native: Option<PathBuf>,
    /// Where plugstack.conf should be.
    pub plugstack: PathBuf,
    /// What it says, or why that is not known; `None` if it is not there.
    pub entries: Option<Result<Vec<Entry>, String>>,
    /// The plugin's first line.
    pub ours: Option<Ours>,
    /// Whether srun loads the plugin, or what it says instead; `None` if nobody asked.
    pub loads: Option<Result<(), String>>,
}

/// The plugin's line, and what it names.
#[derive(Debug)]
pub struct Ours {
    /// The line.
    pub entry: Entry,
    /// Its words.
    pub args: Result<Args, ArgsError>,
    /// The library; `None` where Slurm looks for it in directories of its own.
    pub library: Option<Part>,
    /// The helper.
    pub helper: Option<Part>,
}

/// An installed file of this project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Where.
    pub path: PathBuf,
    /// Why others than root could change it, and the remedy.
    pub changeable: Option<(String, String)>,
    /// The release it is of, or why that is not known.
    pub release: Result<String, String>,
}

impl Part {
    /// Whether it is what it should be.
    pub fn is_good(&self) -> bool {
        self.changeable.is_none() && self.release.as_deref() == Ok(RELEASE)
    }
}

/// Looks; `given` names a plugstack.conf that is meant instead of Slurm's.
pub fn look(given: Option<&Path>) -> Slurm {
    let slurm_conf = slurm_conf();
    let usual = plugstack_path(slurm_conf.as_deref());
    let plugstack = given.map_or_else(|| usual.clone(), Path::to_owned);
    let entries = match plugstack::entries(&plugstack, &Disk) {
        Err((path, error)) if path == plugstack && error.kind() == io::ErrorKind::NotFound => None,
        Err((path, error)) => {
            Some(Err(format!("'{}' cannot be read: {}", path.display(), files::cause(&error))))
        }
        Ok(entries) => Some(Ok(entries)),
    };
    let ours = entries.as_ref().and_then(|read| read.as_ref().ok()?.iter().find(|it| it.is_ours()));
    Slurm {
        version: version(),
        native: slurm_conf.as_deref().and_then(native::enabled_by),
        ours: ours.cloned().map(parts),
        loads: (plugstack == usual).then(loads).flatten(),
        slurm_conf,
        plugstack,
        entries,
    }
}

fn slurm_conf() -> Option<PathBuf> {
    let named = env::var_os("SLURM_CONF").map(PathBuf::from);
    named.into_iter().chain(CONFIGS.map(PathBuf::from)).find(|path| path.is_file())
}

/// PlugStackConfig of slurm.conf, or the file beside it.
fn plugstack_path(slurm_conf: Option<&Path>) -> PathBuf {
    let conf = slurm_conf.unwrap_or(Path::new(CONFIGS[0]));
    let text = fs::read_to_string(conf).unwrap_or_default();
    match slurm_conf::answer(&text, "PlugStackConfig") {
        Answer::Is(path) => path.into(),
        Answer::NotSet | Answer::Unknown => conf.with_file_name("plugstack.conf"),
    }
}

fn version() -> Option<String> {
    let asked = ["slurmd", "srun", "scontrol"].into_iter().filter_map(find);
    asked
        .filter_map(|program| ask(&program, &["-V"]).ok())
        .find_map(|answer| answer.success.then(|| answer.first_line().to_owned()))
}

/// srun reads plugstack.conf and loads its plugins before it shows its help.
fn loads() -> Option<Result<(), String>> {
    let answer = ask(&find("srun")?, &["--help"]);
    Some(answer.and_then(|answer| match answer.text.contains("--oci-bundle") {
        true => Ok(()),
        false => {
            let errors = answer.text.lines().filter(|line| line.contains("error:"));
            let errors: Vec<_> = errors.map(str::trim).collect();
            Err(errors.join("\n"))
        }
    }))
}

fn parts(entry: Entry) -> Ours {
    let args = Args::parse(&entry.words);
    let library = entry.plugin.is_absolute().then(|| Part {
        changeable: changeable(&entry.plugin),
        release: release_of_library(&entry.plugin),
        path: entry.plugin.clone(),
    });
    let helper = args.as_ref().ok().map(|args| {
        let changeable = changeable(&args.helper);
        Part {
            // Root executes nothing that others could change.
            release: match &changeable {
                Some(_) => Err("it was not asked".into()),
                None => release_of_helper(&args.helper),
            },
            changeable,
            path: args.helper.clone(),
        }
    });
    Ours { entry, args, library, helper }
}

/// What stands in the library for this purpose.
fn release_of_library(path: &Path) -> Result<String, String> {
    let content = files::read_regular(path, LARGEST).map_err(|error| files::cause(&error))?;
    stamped(&content).ok_or_else(|| "it is no library of spank-oci, or an older one".into())
}

fn stamped(content: &[u8]) -> Option<String> {
    let start = content.windows(STAMP.len()).position(|window| window == STAMP.as_bytes())?;
    let release = content[start + STAMP.len()..].split(|&byte| byte == 0).next()?;
    String::from_utf8(release.to_vec()).ok()
}

fn release_of_helper(path: &Path) -> Result<String, String> {
    let answer = ask(path, &["--version"])?;
    let release = answer.first_line().strip_prefix("spank-oci ");
    release.map(str::to_owned).ok_or_else(|| "it is no helper of spank-oci".into())
}

/// Files as they are.
struct Disk;

impl plugstack::Files for Disk {
    fn read(&self, path: &Path) -> io::Result<String> {
        fs::read_to_string(path)
    }

    fn names(&self, directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_stands_in_the_library() {
        let content = [b"\x7fELF\0\0", STAMP.as_bytes(), b"1.2.3\0more"].concat();
        assert_eq!(stamped(&content), Some("1.2.3".into()));
        assert_eq!(stamped(b"\x7fELF"), None);
        assert_eq!(stamped(STAMP.as_bytes()), Some(String::new()));
    }

    #[test]
    fn plugstack_conf_stands_beside_slurm_conf_unless_that_names_another() {
        let keep = tempfile::tempdir().unwrap();
        let conf = keep.path().join("slurm.conf");
        fs::write(&conf, "ClusterName=x\n").unwrap();
        assert_eq!(plugstack_path(Some(&conf)), keep.path().join("plugstack.conf"));
        fs::write(&conf, "plugstackconfig=/opt/p.conf\n").unwrap();
        assert_eq!(plugstack_path(Some(&conf)), Path::new("/opt/p.conf"));
        assert_eq!(plugstack_path(None), Path::new("/etc/slurm/plugstack.conf"));
    }
}

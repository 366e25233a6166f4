//! The same command without a container, with ours, and with Slurm's own support.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use crate::{
    cluster::{ALICE, Output, path},
    leftovers,
    site::{change, plugstack, site},
};

/// What makes containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum World {
    /// Nothing does: the task runs on the host.
    Host,
    /// This plugin.
    Ours,
    /// Slurm's own support; the plugin is not there.
    Native,
}

/// How a runtime is used.
#[derive(Clone, Copy, Debug)]
pub enum Mode {
    Run,
    CreateStart,
}

/// The site's oci.conf.
#[derive(Clone, Copy, Debug)]
pub enum Site {
    /// The guide's templates for crun.
    Crun(Mode),
    /// Another one.
    Text(&'static str),
    /// None.
    None,
}

impl Site {
    fn text(self) -> Option<String> {
        let command = "crun --rootless=true --root=/run/user/$(id -u)/";
        let id = "%n.%u.%j.%s.%t";
        let start = match self {
            Self::None => return None,
            Self::Text(text) => return Some(text.to_owned()),
            Self::Crun(Mode::Run) => format!("RunTimeRun=\"{command} run --bundle %b {id}\"\n"),
            Self::Crun(Mode::CreateStart) => format!(
                "RunTimeCreate=\"{command} create --bundle %b {id}\"\nRunTimeStart=\"{command} start {id}\"\n"
            ),
        };
        Some(format!(
            "{start}RunTimeQuery=\"{command} state {id}\"\nRunTimeKill=\"{command} kill {id}\"\n\
             RunTimeDelete=\"{command} delete --force {id}\"\n"
        ))
    }
}

impl World {
    /// Looks at this world, with the site's configuration in place. Ours must leave
    /// nothing behind; what Slurm's own support leaves is cleared away.
    pub fn with(&self, site_text: &Site, look: fn(&World) -> String) -> String {
        let text = site_text.text();
        let mut seen = String::new();
        match self {
            Self::Host => seen = look(self),
            Self::Ours => {
                let _restored = change(site(), text.as_deref());
                leftovers::after_once(|| seen = look(self));
            }
            Self::Native => {
                let _no_plugin = change(plugstack(), Some(""));
                let file = path("etc/oci.conf");
                if let Some(text) = text {
                    fs::write(&file, text).unwrap();
                }
                let before = tree(&ALICE.bundle());
                seen = look(self);
                let _ = fs::remove_file(file);
                clear_away(&before);
            }
        }
        seen
    }

    /// srun on the first node, in the container of this world.
    pub fn srun(&self, options: &[&str], command: &[&str]) -> Output {
        let words = [options, command].concat();
        let quoted: Vec<_> = words.iter().map(|word| quote(word)).collect();
        self.shell(&format!("srun -wn1 $WORLD {}", quoted.join(" ")))
    }

    /// The same in another bundle.
    pub fn srun_in(&self, bundle: &str, command: &[&str]) -> Output {
        let container = format!("--container={bundle}");
        ALICE.run(&[&["srun", "-wn1", &container], command].concat())
    }

    /// A script, in which $WORLD is the option that asks for a container.
    pub fn shell(&self, script: &str) -> Output {
        let option = match self {
            Self::Host => String::new(),
            Self::Ours | Self::Native => format!("--container={}", ALICE.bundle()),
        };
        let variable = format!("WORLD={option}");
        // Slurm's own support hangs in some cases; the others are to have their time.
        let seconds = if matches!(self, Self::Native) { "8" } else { "20" };
        ALICE.run(&["env", &variable, "timeout", "--signal=KILL", seconds, "sh", "-c", script])
    }
}

fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Every path below a directory.
pub fn tree(directory: &str) -> BTreeSet<String> {
    let found = Command::new("find").arg(directory).output().unwrap();
    String::from_utf8_lossy(&found.stdout).lines().map(str::to_owned).collect()
}

/// Ends what is left of alice's, and makes her bundle what it was.
fn clear_away(before: &BTreeSet<String>) {
    let _ = Command::new("scancel").args(["--user", ALICE.0]).status();
    let _ = Command::new("pkill").args(["-KILL", "-u", ALICE.0]).status();
    leftovers::nodes_at_rest();
    let runtimes = format!("/run/user/{}", ALICE.id());
    for entry in fs::read_dir(runtimes).unwrap().map(Result::unwrap) {
        let _ = fs::remove_dir_all(entry.path());
    }
    for path in tree(&ALICE.bundle()).difference(before) {
        let path = Path::new(path);
        let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    }
}

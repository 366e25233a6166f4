//! A bundle for the trial: the node's own shell with the libraries it needs, copied, so
//! that no image has to be there, nothing of the host is mounted, and runtimes that know
//! no config.json have a root file system too.
#![forbid(unsafe_code)]

use std::{
    env, fs,
    fs::Permissions,
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use nix::{
    sys::statvfs::{FsFlags, statvfs},
    unistd::{getgid, getuid, mkdtemp},
};
use serde_json::{Value, json};

use crate::{
    doctor::ask::{ask, find},
    files,
};

/// What the containers execute: paths in them, and the node's programs.
const PROGRAMS: [(&str, &str); 2] = [("/bin/sh", "sh"), ("/bin/sleep", "sleep")];
/// What some runtimes expect in an image.
const DIRECTORIES: [&str; 10] =
    ["bin", "dev", "etc", "home", "proc", "root", "run", "sys", "tmp", "var"];
/// As before, files.
const FILES: [(&str, &str); 4] = [
    ("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"),
    ("etc/group", "root:x:0:\n"),
    ("etc/hosts", "127.0.0.1 localhost\n"),
    ("etc/resolv.conf", ""),
];

/// A directory of the user's, removed with everything in it when this goes.
#[derive(Debug)]
pub struct Scratch {
    root: PathBuf,
}

impl Scratch {
    /// Makes it, with a bundle and a spool directory in it.
    ///
    /// # Errors
    /// Why not.
    pub fn new() -> Result<Self, String> {
        let base = base().ok_or("neither /tmp, /var/tmp nor the home lets programs be executed")?;
        let root = mkdtemp(&base.join("spank-oci-doctor.XXXXXX"))
            .map_err(|errno| format!("no directory below '{}': {errno}", base.display()))?;
        let scratch = Self { root };
        scratch
            .fill()
            .map_err(|error| format!("cannot make a bundle: {}", files::cause(&error)))?;
        Ok(scratch)
    }

    /// The step's directory, as the plugin would have made it.
    pub fn spool(&self) -> PathBuf {
        self.root.join("spool")
    }

    /// The bundle.
    pub fn bundle(&self) -> PathBuf {
        self.root.join("bundle")
    }

    /// The root file system in it.
    pub fn rootfs(&self) -> PathBuf {
        self.bundle().join("rootfs")
    }

    /// Makes the bundle one whose command is a script for the shell.
    ///
    /// # Errors
    /// The system refuses.
    pub fn write_config(&self, script: &str) -> io::Result<()> {
        let text = config(script).to_string();
        fs::write(self.bundle().join("config.json"), text)
    }

    fn fill(&self) -> io::Result<()> {
        let rootfs = self.rootfs();
        fs::create_dir_all(&rootfs)?;
        fs::create_dir(self.spool())?;
        for directory in DIRECTORIES {
            fs::create_dir(rootfs.join(directory))?;
        }
        for (name, text) in FILES {
            fs::write(rootfs.join(name), text)?;
        }
        for (place, name) in PROGRAMS {
            let program =
                find(name).ok_or_else(|| io::Error::other(format!("no '{name}' here")))?;
            copy(&program, &inside(&rootfs, place))?;
            for library in libraries(&program) {
                copy(&library, &inside(&rootfs, &library))?;
            }
        }
        self.write_config("true")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// The first directory where the user may write and execute.
fn base() -> Option<PathBuf> {
    let home = env::var_os("HOME").map(PathBuf::from);
    let candidates = ["/tmp", "/var/tmp"].map(PathBuf::from).into_iter().chain(home);
    candidates.into_iter().find(|path| {
        statvfs(path).is_ok_and(|found| !found.flags().contains(FsFlags::ST_NOEXEC))
            && nix::unistd::access(path, nix::unistd::AccessFlags::W_OK).is_ok()
    })
}

fn inside(rootfs: &Path, place: impl AsRef<Path>) -> PathBuf {
    rootfs.join(place.as_ref().strip_prefix("/").unwrap_or(place.as_ref()))
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(directory) = to.parent() {
        fs::create_dir_all(directory)?;
    }
    // Both programs may need the same one.
    if !to.exists() {
        fs::copy(from, to)?;
        fs::set_permissions(to, Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// What a program needs, by ldd(1); nothing where it is linked statically.
fn libraries(program: &Path) -> Vec<PathBuf> {
    let answer = find("ldd").and_then(|ldd| ask(&ldd, &[program.to_str()?]).ok());
    let text = answer.map(|answer| answer.text).unwrap_or_default();
    let paths = text.split_whitespace().filter(|word| word.starts_with('/'));
    paths.map(|word| word.trim_end_matches(':').into()).collect()
}

/// As `runc spec --rootless` makes it, but less: the user is root, all else is the
/// host's or nothing.
fn config(script: &str) -> Value {
    json!({
        "ociVersion": "1.0.2",
        "process": {
            "terminal": false,
            "user": {"uid": 0, "gid": 0},
            "args": ["/bin/sh", "-c", script],
            "env": ["PATH=/bin"],
            "cwd": "/",
            "noNewPrivileges": true,
        },
        "root": {"path": "rootfs"},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {
                "destination": "/dev", "type": "tmpfs", "source": "tmpfs",
                "options": ["nosuid", "strictatime", "mode=755", "size=65536k"],
            },
        ],
        "linux": {
            "uidMappings": [{"containerID": 0, "hostID": getuid().as_raw(), "size": 1}],
            "gidMappings": [{"containerID": 0, "hostID": getgid().as_raw(), "size": 1}],
            "namespaces": [
                {"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}, {"type": "user"},
            ],
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn the_shell_in_the_image_runs_and_everything_vanishes() {
        let scratch = Scratch::new().unwrap();
        let rootfs = scratch.rootfs();
        let mut chroot = Command::new("/usr/sbin/chroot");
        let chroot = chroot.arg(&rootfs).args(["/bin/sh", "-c", "/bin/sleep 0; echo $((3 + 4))"]);
        assert_eq!(chroot.output().unwrap().stdout, b"7\n", "needs root");
        drop(scratch);
        assert!(!rootfs.exists());
    }
}

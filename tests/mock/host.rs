//! The mock host, a site and a user's bundle, in a directory of their own.

use std::{
    env, fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use serde_json::Value;
use tempfile::TempDir;

pub use crate::site::Site;
use crate::user::{self, in_own_mounts, user};

/// How a Slurm lets the helper in front of a task.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// 23.11 and newer.
    Prepends,
    /// Before that.
    Replaces,
    /// A release newer than any that the plugin knows.
    Unknown,
}

pub struct Host {
    directory: TempDir,
    kind: Kind,
    arguments: Vec<String>,
}

impl Host {
    pub fn new(kind: Kind, site: Site) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let host = Self { directory, kind, arguments: Vec::new() };
        fs::set_permissions(host.path(""), fs::Permissions::from_mode(0o755)).unwrap();
        for name in ["runtimes", "user"] {
            fs::create_dir(host.path(name)).unwrap();
            host.give_to_user(&host.path(name));
        }
        let site = site.0.replace("@ROOT@", &host.path("runtimes").display().to_string());
        fs::write(host.path("oci.conf"), site).unwrap();
        // The user may have no access to the directory this was built in.
        fs::copy(env!("CARGO_BIN_EXE_spank-oci"), host.path("spank-oci")).unwrap();
        let (uid, gid) = user();
        let made = Command::new("tests/bundles/make-busybox")
            .arg(host.path("bundle"))
            .args([uid.to_string(), gid.to_string()])
            .status();
        assert!(made.unwrap().success());
        host
    }

    pub fn with_argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// A file of the user's; its path.
    pub fn user_file(&self, name: &str, content: &str, mode: u32) -> String {
        let path = self.path("user").join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        self.give_to_user(&path);
        path.display().to_string()
    }

    pub fn in_container(&self, command: &[&str]) -> Task<'_> {
        let bundle = self.path("bundle").display().to_string();
        Task { container: Some(bundle), ..self.on_host(command) }
    }

    pub fn on_host(&self, command: &[&str]) -> Task<'_> {
        let command = command.iter().map(|&word| word.to_owned()).collect();
        Task { host: self, container: None, command, options: vec![], variables: vec![] }
    }

    /// Changes the bundle's config.json.
    pub fn edit_bundle(&self, edit: impl FnOnce(&mut Value)) {
        let path = self.path("bundle/config.json");
        let mut config = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        edit(&mut config);
        fs::write(path, config.to_string()).unwrap();
    }

    /// Names in the directory where the runtimes keep their state.
    pub fn in_runtimes_directory(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("runtimes")).unwrap().map(Result::unwrap);
        entries.map(|entry| entry.file_name().into_string().unwrap()).collect()
    }

    /// No container, no process of it, no file.
    pub fn assert_nothing_is_left(&self) {
        for name in ["runtimes", "state"] {
            let left: Vec<_> = fs::read_dir(self.path(name))
                .into_iter()
                .flatten()
                .map(|entry| entry.unwrap().path())
                .collect();
            assert!(left.is_empty(), "left behind: {left:?}");
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn give_to_user(&self, path: &Path) {
        user::give(path);
    }
}

pub struct Task<'a> {
    host: &'a Host,
    container: Option<String>,
    command: Vec<String>,
    options: Vec<String>,
    variables: Vec<(String, String)>,
}

/// What a task left when it ended.
pub struct Output {
    pub stdout: String,
    pub stderr: String,
    pub status: Option<i32>,
}

impl Task<'_> {
    pub fn tasks(mut self, count: u32) -> Self {
        self.options.extend(["--tasks".to_owned(), count.to_string()]);
        self
    }

    pub fn batch(mut self) -> Self {
        self.options.push("--batch".to_owned());
        self
    }

    /// Asks with the plugin's own option in place of Slurm's.
    pub fn by_our_option(mut self) -> Self {
        let bundle = self.container.take().unwrap();
        self.options.extend(["--oci-bundle".to_owned(), bundle]);
        self
    }

    pub fn bundle(mut self, bundle: &str) -> Self {
        self.container = Some(bundle.to_owned());
        self
    }

    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn run(self) -> Output {
        self.run_with_input(b"")
    }

    pub fn run_with_input(self, input: &[u8]) -> Output {
        let mut child = self
            .process()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Output {
            stdout: text(output.stdout),
            stderr: without_the_tools(text(output.stderr)),
            status: output.status.code(),
        }
    }

    fn process(&self) -> Command {
        let path = |name: &str| self.host.path(name).display().to_string();
        let (uid, gid) = user();
        let mut process = in_own_mounts();
        process.current_dir(self.host.path("")).envs(self.variables.clone());
        process.args(tool()).arg(program(self.host.kind)).arg("--plugin").arg(library());
        process.args(["--arg", &format!("conf={}", path("oci.conf"))]);
        process.args(["--arg", &format!("helper={}", path("spank-oci"))]);
        process.args(["--arg", &format!("state={}", path("state"))]);
        self.host.arguments.iter().for_each(|word| {
            process.args(["--arg", word]);
        });
        process.args(["--uid", &uid.to_string(), "--gid", &gid.to_string()]);
        if let Some(container) = &self.container {
            process.args(["--container", container]);
        }
        process.args(&self.options).arg("--").args(&self.command);
        process
    }
}

/// What the mock is to be run under, a command with options: `./dev test` says valgrind.
fn tool() -> Vec<String> {
    let command = env::var("MOCK_UNDER").unwrap_or_default();
    command.split_whitespace().map(str::to_owned).collect()
}

/// What a task has told, without what valgrind has to say of itself: it does not know
/// openat2(2), which is then tried in the older way.
fn without_the_tools(text: String) -> String {
    if tool().is_empty() {
        return text;
    }
    let others = text.lines().filter(|line| !line.starts_with("--"));
    others.map(|line| format!("{line}\n")).collect()
}

/// The mock, compiled once for each kind of Slurm.
fn program(kind: Kind) -> &'static Path {
    static PROGRAMS: [OnceLock<PathBuf>; 3] = [const { OnceLock::new() }; 3];
    let (program, name, flags): (_, _, &[&str]) = match kind {
        Kind::Prepends => (&PROGRAMS[0], "mock-host", &[]),
        Kind::Replaces => (&PROGRAMS[1], "mock-host-before-23.11", &["-DNO_PREPEND"]),
        Kind::Unknown => (&PROGRAMS[2], "mock-host-newer", &["-DNEWER"]),
    };
    program.get_or_init(|| {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let compiled = Command::new("cc")
            .args(["-Wall", "-Wextra", "-Werror", "-Iinclude", "-rdynamic"])
            .args(flags)
            .args(["tests/mock/host.c", "-o"])
            .arg(&path)
            .status();
        assert!(compiled.unwrap().success());
        path
    })
}

/// The plugin that Cargo built for this test run.
fn library() -> PathBuf {
    env::current_exe().unwrap().parent().unwrap().join("libspank_oci.so")
}

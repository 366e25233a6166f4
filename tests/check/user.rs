//! An ordinary user's place with a bundle, and the program as that user runs it.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

/// nobody, who has no other ids to map.
const USER: u32 = 65534;

/// A directory that root makes and the user may enter.
pub struct Place {
    keep: tempfile::TempDir,
}

impl Place {
    /// With a bundle made for the user, and the program.
    pub fn new() -> Self {
        assert!(nix::unistd::geteuid().is_root(), "needs root, to become another user");
        let place = Self { keep: tempfile::tempdir().unwrap() };
        fs::set_permissions(place.path(""), Permissions::from_mode(0o755)).unwrap();
        fs::copy(env!("CARGO_BIN_EXE_spank-oci"), place.path("spank-oci")).unwrap();
        let make = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bundles/make-busybox");
        let id = USER.to_string();
        let made = Command::new(make).arg(place.path("bundle")).args([&id, &id]).status();
        assert!(made.unwrap().success());
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.keep.path().join(name)
    }

    /// Writes a file of the user's.
    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
        chown(self.path(name), Some(USER), Some(USER)).unwrap();
    }

    /// Makes a directory of the user's, anew.
    pub fn directory(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        chown(&path, Some(USER), Some(USER)).unwrap();
        path
    }

    /// A command of the user's, in the place.
    pub fn user(&self, words: &[&str]) -> Command {
        let mut command = Command::new("setpriv");
        command.args([&format!("--reuid={USER}"), &format!("--regid={USER}"), "--clear-groups"]);
        command.args(words).current_dir(self.path(""));
        command
    }

    /// The program as the user runs it.
    pub fn program(&self) -> Command {
        self.user(&[self.path("spank-oci").to_str().unwrap()])
    }

    /// What `check` says, without the name of the place, and its exit status.
    pub fn check(&self, arguments: &[&str]) -> (String, i32) {
        let Output { status, stdout, stderr } =
            self.program().arg("check").args(arguments).output().unwrap();
        assert!(stderr.is_empty(), "{}", String::from_utf8_lossy(&stderr));
        let text = String::from_utf8(stdout).unwrap();
        let place = self.path("").display().to_string();
        (text.replace(&place, "PLACE/"), status.code().unwrap())
    }
}

/// The config.json of tests/bundles/make-busybox with some fields changed: a JSON pointer
/// and the new value, null to remove it; `-` is the end of an array.
pub fn changed(place: &Place, changes: &Value) -> String {
    let mut config = original(place);
    for (pointer, value) in changes.as_object().unwrap() {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        match config.pointer_mut(parent).unwrap_or_else(|| panic!("no '{parent}'")) {
            Value::Array(list) => match (name, value) {
                ("-", value) => list.push(value.clone()),
                (index, Value::Null) => {
                    list.remove(index.parse().unwrap());
                }
                (index, value) => list[index.parse::<usize>().unwrap()] = value.clone(),
            },
            Value::Object(map) => {
                map.shift_remove(name);
                if !value.is_null() {
                    map.insert(name.to_owned(), value.clone());
                }
            }
            other => panic!("'{parent}' is {other}"),
        }
    }
    serde_json::to_string_pretty(&config).unwrap() + "\n"
}

fn original(place: &Place) -> Value {
    let made = place.path("bundle/config.json.made");
    if !made.exists() {
        fs::copy(place.path("bundle/config.json"), &made).unwrap();
    }
    serde_json::from_slice(&fs::read(made).unwrap()).unwrap()
}

/// The cases in tests/data/check: the file, and in it each case's name and changes.
pub fn cases() -> Vec<(PathBuf, Vec<(String, Value)>)> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/check");
    let files = fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|it| it == "json")).collect();
    files.sort();
    let read = |path: PathBuf| {
        let cases: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let cases = cases.as_object().unwrap();
        (path, cases.iter().map(|(name, changes)| (name.clone(), changes.clone())).collect())
    };
    files.into_iter().map(read).collect()
}

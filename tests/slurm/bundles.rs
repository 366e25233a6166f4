//! Bundles that differ from the users' busybox bundles in some point.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::cluster::{ALICE, path};

/// alice's bundle with another config.json, until the value is dropped.
pub struct Variant {
    bundle: PathBuf,
}

impl Variant {
    pub fn new(name: &str, edit: impl FnOnce(&mut Value)) -> Self {
        let bundle = path("bundles").join(name);
        let own = Path::new(&ALICE.bundle()).to_owned();
        let mut config: Value =
            serde_json::from_slice(&fs::read(own.join("config.json")).unwrap()).unwrap();
        config["root"]["path"] = own.join("rootfs").display().to_string().into();
        edit(&mut config);
        fs::create_dir(&bundle).unwrap();
        fs::write(bundle.join("config.json"), config.to_string()).unwrap();
        Self { bundle }
    }

    /// Changes its config.json once more.
    pub fn edit(&mut self, edit: impl FnOnce(&mut Value)) {
        let file = self.bundle.join("config.json");
        let mut config = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        edit(&mut config);
        fs::write(file, config.to_string()).unwrap();
    }

    pub fn path(&self) -> String {
        self.bundle.display().to_string()
    }
}

impl Drop for Variant {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.bundle);
    }
}

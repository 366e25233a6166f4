//! Slurm's own OCI support, which must be off: both would nest containers.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};

/// Says so in slurmd's log where an oci.conf stands beside slurm.conf, which is
/// what switches the built-in support on (oci.conf(5), Slurm 21.08 and newer).
pub fn warn_if_enabled(slurm_conf: Option<PathBuf>) {
    let slurm_conf = slurm_conf.unwrap_or_else(|| "/etc/slurm/slurm.conf".into());
    if let Some(native) = enabled_by(&slurm_conf) {
        log::error!(
            "'{}' switches Slurm's built-in containers on, which does not go together with this plugin; move it to where conf= in plugstack.conf says",
            native.display()
        );
    }
}

/// The file that switches it on for this slurm.conf, if there is one.
pub fn enabled_by(slurm_conf: &Path) -> Option<PathBuf> {
    let native = slurm_conf.with_file_name("oci.conf");
    native.exists().then_some(native)
}

#[cfg(test)]
mod tests {
    use super::enabled_by;

    #[test]
    fn an_oci_conf_beside_slurm_conf_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let slurm_conf = directory.path().join("slurm.conf");
        assert_eq!(enabled_by(&slurm_conf), None);
        let native = directory.path().join("oci.conf");
        std::fs::write(&native, "").unwrap();
        assert_eq!(enabled_by(&slurm_conf), Some(native));
    }
}

//! PMIx together with Slurm's own container field.
//!
//! From 23.02 on Slurm puts the PMIx server's sockets into the directory that its
//! built-in containers have. Without Slurm's own oci.conf there is no such
//! directory, and the step fails before any hook in slurmstepd is called (seen
//! with 24.11.5 and 26.05.5). `--oci-bundle` leaves the field alone.
#![forbid(unsafe_code)]

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt,
    path::Path,
};

use super::{
    host::{Context, Host},
    slurm_conf::{self, Answer},
};
use crate::slurm;

/// Tells the user of srun what is about to happen, and the way out.
pub fn warn_if_it_will_fail(host: &impl Host, bundle: &Path) {
    let affected =
        host.context() == Context::Srun && host.release() >= slurm::WITH_PMIX_IN_CONTAINER;
    if affected && is_chosen(host) {
        log::warn!(
            "--container fails together with PMIx in this Slurm, before any task starts; use --oci-bundle={} instead",
            bundle.display()
        );
    }
}

/// Whether srun will start the step with a PMIx plugin (srun(1), `--mpi`).
fn is_chosen(host: &impl Host) -> bool {
    let words = host.command_line();
    let option = mpi_option(&words);
    let by_default = || match slurm_conf::look_up(host, "MpiDefault") {
        Answer::Is(kind) => Some(kind.into()),
        Answer::NotSet | Answer::Unknown => None,
    };
    let kind = option.or_else(|| host.variable("SLURM_MPI_TYPE")).or_else(by_default);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"pmix"))
}

fn mpi_option(words: &[OsString]) -> Option<OsString> {
    let after = |(index, word): (usize, &OsString)| match word.as_bytes() {
        b"--mpi" => words.get(index + 1).cloned(),
        word => word.strip_prefix(b"--mpi=").map(|kind| OsStr::from_bytes(kind).to_owned()),
    };
    words.iter().enumerate().find_map(after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::fake::FakeHost;

    fn chosen(words: &[&str], variables: &[(&str, &str)]) -> bool {
        let mut host = FakeHost::new(Context::Srun).with_variables(variables);
        host.command_line = words.iter().map(OsString::from).collect();
        is_chosen(&host)
    }

    #[test]
    fn the_option_counts_then_the_variable_then_slurm_conf() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("slurm.conf");
        std::fs::write(&file, "# MpiDefault=none\nMPIDefault = pmix_v4 # ours\n").unwrap();
        let conf = ("SLURM_CONF", file.to_str().unwrap());
        assert!(chosen(&["srun", "true"], &[conf]));
        assert!(!chosen(&["srun", "true"], &[conf, ("SLURM_MPI_TYPE", "pmi2")]));
        assert!(chosen(&["srun", "--mpi=pmix", "true"], &[conf, ("SLURM_MPI_TYPE", "pmi2")]));
        assert!(!chosen(&["srun", "--mpi", "none", "true"], &[conf]));
    }
}

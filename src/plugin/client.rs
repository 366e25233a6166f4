//! srun, sbatch and salloc: was a container asked for?
//!
//! Slurm 21.08 and newer set `SLURM_CONTAINER` when `--container` (or
//! `SRUN_CONTAINER` and so on) was given, but also hand down the variable of an
//! outer step. So it is forgotten before Slurm reads its options; what is there
//! afterwards was asked of this very command, and is copied to a variable of our
//! own, whose name begins with `SLURM` because such names survive every form of
//! `--export`.
//!
//! Before Slurm 23.11 srun has one thing more to do, for `--multi-prog`:
//! [`take_program_list`].
#![forbid(unsafe_code)]

use std::{ffi::OsString, path::PathBuf};

use super::{
    Refusal,
    args::Args,
    host::{Context, Host},
    multi_prog,
};

/// Slurm's own variable: the bundle as the user typed it.
pub const CONTAINER: &str = "SLURM_CONTAINER";
/// Ours: the bundle's absolute path, from a client with this plugin to slurmstepd.
pub const MARKER: &str = "SLURM_OCI_BUNDLE";

/// Ours as well, for the batch script: `sbatch --export-file` drops every other
/// variable. Slurm puts the prefix `SLURM_SPANK_` before the name it is given.
pub const BATCH_MARKER: &str = "SLURM_SPANK_OCI_BUNDLE";
const BATCH_MARKER_NAME: &str = "OCI_BUNDLE";

const OUTER: [&str; 5] =
    [CONTAINER, "SLURM_CONTAINER_ID", "SLURM_CONTAINER_TYPE", MARKER, BATCH_MARKER];

/// Forgets the container of the step or allocation this command was started in.
pub fn forget_outer_request(host: &impl Host) {
    for name in OUTER {
        host.unset_variable(name);
    }
}

/// Marks the request of this command, if it has one.
///
/// # Errors
/// plugstack.conf has a mistake, no bundle is named, or a relative path cannot be
/// made absolute.
pub fn mark_request(host: &impl Host, words: &[OsString]) -> Result<(), Refusal> {
    let Some(container) = host.variable(CONTAINER) else { return Ok(()) };
    Args::parse(words)?;
    if container.is_empty() {
        return Err(Refusal::NoBundle);
    }
    let bundle = absolute(container.into())?;
    host.set_variable(MARKER, bundle.as_os_str())?;
    if host.context() == Context::Allocator {
        host.set_job_variable(BATCH_MARKER_NAME, bundle.as_os_str())?;
    }
    Ok(())
}

/// Puts the helper before each program of `srun --multi-prog`, where Slurm lets
/// the node do so for ordinary commands only (before 23.11).
///
/// # Errors
/// The helper's path cannot stand there, or Slurm does not show the command line.
pub fn take_program_list(host: &impl Host, words: &[OsString]) -> Result<(), Refusal> {
    if host.variable(MARKER).is_none() || host.can_prepend() {
        return Ok(());
    }
    let helper = Args::parse(words)?.helper;
    match multi_prog::taken(&host.command()?, &helper)? {
        Some(text) => Ok(host.replace_argument(multi_prog::TEXT, &text)?),
        None => Ok(()),
    }
}

/// The path as seen from the directory the user stands in: tasks start elsewhere
/// with `--chdir`.
fn absolute(bundle: PathBuf) -> Result<PathBuf, Refusal> {
    std::path::absolute(&bundle).map_err(|error| Refusal::RelativeBundle {
        bundle: bundle.display().to_string(),
        cause: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::{fake::FakeHost, host::Front};

    fn srun(variables: &[(&str, &str)]) -> FakeHost {
        FakeHost::new(Context::Srun).with_variables(variables)
    }

    #[test]
    fn a_container_of_an_outer_step_is_forgotten() {
        let host = srun(&[(CONTAINER, "/old"), (MARKER, "/old"), ("SLURM_CONTAINER_ID", "x")]);
        forget_outer_request(&host);
        assert!(host.variables().is_empty());
    }

    #[test]
    fn a_container_of_this_command_is_marked() {
        let host = srun(&[(CONTAINER, "/images/a")]);
        mark_request(&host, &[]).unwrap();
        assert_eq!(host.variable(MARKER), Some("/images/a".into()));
        assert_eq!(host.variable(CONTAINER), Some("/images/a".into()));
    }

    #[test]
    fn a_batch_job_carries_its_container_in_slurms_own_way_too() {
        let host = FakeHost::new(Context::Allocator).with_variables(&[(CONTAINER, "/images/a")]);
        mark_request(&host, &[]).unwrap();
        assert_eq!(host.variable(BATCH_MARKER), Some("/images/a".into()));
        forget_outer_request(&host);
        assert!(host.variables().is_empty());
    }

    #[test]
    fn a_relative_bundle_is_one_below_the_current_directory() {
        let host = srun(&[(CONTAINER, "images/a")]);
        mark_request(&host, &[]).unwrap();
        let expected = std::env::current_dir().unwrap().join("images/a");
        assert_eq!(host.variable(MARKER), Some(expected.into()));
    }

    #[test]
    fn an_empty_bundle_is_refused_before_anything_is_submitted() {
        let refusal = mark_request(&srun(&[(CONTAINER, "")]), &[]).unwrap_err();
        assert_eq!(refusal.to_string(), "--container names no bundle: its value is empty");
    }

    #[test]
    fn without_a_container_nothing_is_marked_and_mistakes_in_plugstack_conf_do_not_matter() {
        let host = srun(&[("SLURM_JOB_NAME", "a")]);
        mark_request(&host, &["nonsense".into()]).unwrap();
        assert_eq!(host.variables().len(), 1);
    }

    #[test]
    fn a_mistake_in_plugstack_conf_stops_a_command_that_wants_a_container() {
        let host = srun(&[(CONTAINER, "/images/a")]);
        assert!(matches!(mark_request(&host, &["nonsense".into()]), Err(Refusal::Args(_))));
    }

    const LIST: &str = "0 echo a\n1-2 cat\n";

    /// srun with `--multi-prog FILE`, on a Slurm before 23.11.
    fn multi_prog_srun(file: &std::path::Path, variables: &[(&str, &str)]) -> FakeHost {
        std::fs::write(file, LIST).unwrap();
        let mut host = srun(variables);
        host.front = Front::Replaced;
        host.command.replace(vec![file.into(), LIST.into()]);
        host
    }

    #[test]
    fn a_program_list_for_a_container_gets_the_helper_once() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let host = multi_prog_srun(file.path(), &[(MARKER, "/images/a")]);
        for _ in 0..2 {
            take_program_list(&host, &["helper=/h".into()]).unwrap();
            assert_eq!(host.command.borrow()[1], "0 /h echo a\n1-2 /h cat\n");
        }
    }

    #[test]
    fn other_program_lists_stay_as_they_are() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let on_the_host = multi_prog_srun(file.path(), &[]);
        let mut newer = multi_prog_srun(file.path(), &[(MARKER, "/images/a")]);
        newer.front = Front::Prepended;
        for host in [on_the_host, newer] {
            take_program_list(&host, &["nonsense".into()]).unwrap();
            assert_eq!(host.command.borrow()[1], LIST);
        }
    }
}

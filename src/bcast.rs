//! `srun --bcast=DIR/`, or without a name: Slurm copies the program to the nodes
//! and asks slurmstepd for `DIR/`. Each slurmd has given its copy a name of its
//! own there, which slurmstepd completes in what it executes. That is the helper
//! here, so the helper completes the user's program.
#![forbid(unsafe_code)]

use std::{ffi::OsString, os::unix::ffi::OsStrExt};

use crate::request::Request;

/// Completes the program of a command where it is a directory's name with `/` at
/// its end. Slurm spells the name of the copy the same in 20.11 to 26.05, and
/// completes any such name, whether or not there was a `--bcast`.
pub fn complete(command: &mut [OsString], request: &Request, node: &str) {
    if let Some(program) = command.first_mut().filter(|name| name.as_bytes().ends_with(b"/")) {
        program.push(format!("slurm_bcast_{}.{}_{node}", request.job, request.step));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Delivery;

    fn completed(command: &[&str]) -> Vec<OsString> {
        let request = Request {
            bundle: "/images/a".into(),
            config: "/etc/oci.conf".into(),
            spool: "/run/spank-oci/7.2.0/spool".into(),
            job: 7,
            step: 2,
            task: 3,
            delivery: Delivery::Task,
            program: None,
        };
        let mut command: Vec<_> = command.iter().map(OsString::from).collect();
        complete(&mut command, &request, "n1");
        command
    }

    #[test]
    fn the_name_of_a_directory_becomes_that_of_the_copy_in_it() {
        assert_eq!(completed(&["/scratch/", "a/"]), ["/scratch/slurm_bcast_7.2_n1", "a/"]);
        assert_eq!(completed(&["/"]), ["/slurm_bcast_7.2_n1"]);
    }

    #[test]
    fn other_commands_stay_as_they_are() {
        for command in [&["/scratch/prog", "a/"] as &[_], &["echo"], &[""], &[]] {
            assert_eq!(completed(command), command);
        }
    }
}

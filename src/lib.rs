//! spank-oci: run the tasks of Slurm jobs inside OCI containers.

pub mod config;
pub mod sys;
pub mod template;

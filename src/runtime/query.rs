//! RunTimeQuery: the process id of a container's first process.
#![forbid(unsafe_code)]

use std::{process::id, time::Duration};

use serde::Deserialize;

use super::{
    RuntimeError,
    process::{self, Spawned},
};
use crate::{env::Entry, template::Command};

/// How long RunTimeQuery may take; it only looks.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is used of a container's state (OCI runtime specification, "State").
#[derive(Deserialize)]
struct State {
    pid: u32,
}

/// The container's first process, as the runtime tells it.
///
/// # Errors
/// The runtime does not tell.
pub fn process_id(query: &Command, env: &[Entry]) -> Result<u32, RuntimeError> {
    let failed = |cause: String| process::failed("RunTimeQuery", query, cause);
    let state = Spawned::asked(query, env, "RunTimeQuery")?.output_within(PATIENCE);
    match serde_json::from_slice(&state.map_err(failed)?) {
        Ok(State { pid: 0 | 1 }) => Err(failed("the container has no process".into())),
        Ok(State { pid }) if pid == id() => Err(failed(format!("process {pid} is no container"))),
        Ok(State { pid }) => Ok(pid),
        Err(error) => Err(failed(format!("its answer is not the state of a container: {error}"))),
    }
}

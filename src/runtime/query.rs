//! RunTimeQuery: the process id of a container's first process.
#![forbid(unsafe_code)]

use std::time::Duration;

use serde::Deserialize;

use super::{RuntimeError, process::Spawned};
use crate::{env::Entry, template::Command};

/// How long RunTimeQuery may take; it only looks.
const PATIENCE: Duration = Duration::from_secs(30);

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
    let state = Spawned::asked(query, env, "RunTimeQuery")?.output_within(PATIENCE);
    let state =
        state.ok_or_else(|| failed("RunTimeQuery", "it reported failure, or took too long"))?;
    match serde_json::from_slice(&state) {
        Ok(State { pid: 0 | 1 }) => Err(failed("RunTimeQuery", "the container has no process")),
        Ok(State { pid }) => Ok(pid),
        Err(error) => {
            let cause = format!("its answer is not the state of a container: {error}");
            Err(failed("RunTimeQuery", &cause))
        }
    }
}

fn failed(operation: &'static str, cause: &str) -> RuntimeError {
    RuntimeError::Operation { operation, cause: cause.to_owned() }
}

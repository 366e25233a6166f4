//! What the library costs each program that loads it.

use std::{path::PathBuf, process::Command};

use crate::{
    Effort,
    result::build,
    rounds::{Case, Samples, take},
    tell,
};

/// Slurm's programs, and the number of their context (include/spank_abi.h).
const PROGRAMS: [(&str, &str); 4] =
    [("srun", "1"), ("slurmstepd", "2"), ("sbatch", "3"), ("slurmd", "4")];

pub fn measure(effort: Effort) -> Samples {
    tell("loading the library");
    let program = build_program();
    let library = build().join("libspank_oci.so");
    let state = tempfile::tempdir().unwrap();
    let state = format!("state={}", state.path().join("none").display());
    let sample = |context: &str| {
        let output = Command::new(&program).arg(&library).args([context, &state]).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "the library was not loaded: {told}");
        String::from_utf8(output.stdout).unwrap().trim().parse::<f64>().unwrap() / 1e6
    };
    let cases = PROGRAMS.map(|(name, context)| Case::new(name, || sample(context)));
    take(&cases, effort.rounds(200))
}

fn build_program() -> PathBuf {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/measure/load.c");
    let program = build().join("../bench/load");
    std::fs::create_dir_all(program.parent().unwrap()).unwrap();
    let mut cc = Command::new("cc");
    cc.args(["-O2", "-Wall", "-Wextra", "-Werror", "-rdynamic", "-o"]).arg(&program).arg(source);
    assert!(cc.arg("-ldl").status().unwrap().success(), "'{source}' cannot be compiled");
    program
}

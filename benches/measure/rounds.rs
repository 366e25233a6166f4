//! Samples in interleaved rounds: each case once a round, the order turned on by one
//! from round to round. What disturbs the machine disturbs all cases alike, and only
//! samples of the same round are compared.

use std::{
    collections::BTreeMap,
    process::{Command, Stdio},
    time::Instant,
};

/// Milliseconds of each case, by round.
pub type Samples = BTreeMap<String, Vec<f64>>;

/// A case: its name, and how one sample of it is taken.
pub struct Case<'a> {
    pub name: String,
    pub sample: Box<dyn Fn() -> f64 + 'a>,
}

impl<'a> Case<'a> {
    pub fn new(name: impl Into<String>, sample: impl Fn() -> f64 + 'a) -> Self {
        Self { name: name.into(), sample: Box::new(sample) }
    }
}

/// Takes this many samples of each case, after one that does not count.
pub fn take(cases: &[Case<'_>], rounds: usize) -> Samples {
    let mut samples = Samples::new();
    for case in cases {
        (case.sample)();
    }
    for round in 0..rounds {
        for index in 0..cases.len() {
            let case = &cases[(index + round) % cases.len()];
            samples.entry(case.name.clone()).or_default().push((case.sample)());
        }
    }
    samples
}

/// Milliseconds from before the start of a command to after its end.
pub fn time(command: &mut Command) -> f64 {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let start = Instant::now();
    let child = command.spawn().unwrap();
    let output = child.wait_with_output().unwrap();
    let elapsed = start.elapsed();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed: {told}");
    elapsed.as_secs_f64() * 1e3
}

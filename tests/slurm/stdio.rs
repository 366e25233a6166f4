//! Standard input and outputs.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::{cluster::ALICE, site::with_each_runtime};

#[test]
fn output_and_errors_of_the_task_arrive_apart() {
    with_each_runtime(|| {
        let output = ALICE.srun_in_bundle(&["sh", "-c", "echo out; echo err >&2"]);
        assert_eq!(output.text(), "out\n");
        assert_eq!(output.messages(), ["err"]);
    });
}

#[test]
fn the_task_runs_in_the_bundle() {
    with_each_runtime(|| {
        let output = ALICE.srun_in_bundle(&["cat", "/etc/os-release"]);
        assert_eq!(output.text(), "NAME=\"busybox bundle\"\nID=busybox\n");
    });
}

#[test]
fn input_arrives_with_its_end() {
    with_each_runtime(|| {
        let container = format!("--container={}", ALICE.bundle());
        let output = ALICE.run_with_input(&["srun", &container, "cat"], b"hi\n");
        assert_eq!(output.text(), "hi\n");
        let nothing = ALICE.run_with_input(&["srun", &container, "wc", "-c"], b"");
        assert_eq!(nothing.text(), "0\n");
    });
}

#[test]
fn fifty_megabytes_pass_through_the_container_unharmed() {
    with_each_runtime(|| {
        let sent = noise(50 << 20);
        let container = format!("--container={}", ALICE.bundle());
        let output = ALICE.run_with_input(&["srun", &container, "cat"], &sent);
        assert_eq!(output.stdout.len(), sent.len(), "{}", output.stderr);
        assert_eq!(digest(&output.stdout), digest(&sent));
    });
}

/// Bytes that look random and are the same each time (xorshift).
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..length / 8).flat_map(|_| next()).collect()
}

fn digest(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

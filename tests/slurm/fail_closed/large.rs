//! Environments and command lines up to what the kernel allows, and beyond.

use super::among_others;
use crate::{
    bundles::Variant,
    cluster::{ALICE, Output},
    leftovers::Marker,
};

/// A script of alice's that asks for a container with a large environment or command.
fn asked(prepare: &str, command: &str) -> Output {
    let marker = Marker::path();
    let script =
        format!("{prepare} srun -wn1 --container=$BUNDLE {command}").replace("MARKER", &marker);
    let output = ALICE.sh(&script);
    Marker::assert_absent(&format!("{command}: {}", output.story()));
    output
}

#[test]
fn an_environment_of_any_size_goes_into_the_container_or_keeps_it_from_starting() {
    among_others(|| {
        // One of 100 kB, which is less than the kernel's limit for one of 128 kB.
        let output = asked(
            "V=$(head -c 100000 /dev/zero | tr '\\0' x); export V; exec",
            "sh -c 'echo ${#V}; touch MARKER 2>/dev/null'",
        );
        assert_eq!(output.any_text(), "100000\n", "{}", output.story());
        // One of 2 MB is refused by the kernel before srun exists.
        let output =
            asked("V=$(head -c 2000000 /dev/zero | tr '\\0' x); export V; exec", "touch MARKER");
        assert_eq!((output.status, output.any_text()), (126, String::new()), "{}", output.story());
        // Of many variables, 5,000: what Slurm 22.05 does with them takes by the square of
        // their number, 84 s for 100,000 without a container. In one they arrived after 119 s
        // by hand; longer than the 120 s that a credential lives, and nothing is started.
        let many = "exec perl -e '$ENV{\"V$_\"} = \"x\" for 1 .. 5000; exec @ARGV'";
        let output = asked(many, "sh -c 'env | grep -c ^V.*=x; touch MARKER 2>/dev/null'");
        assert_eq!(output.any_text(), "5000\n", "{}", output.story());
    });
}

/// 100,000 that only the bundle names: what Slurm has to carry stays small (see above).
/// The helper needs 0.3 s for them, crun 1.8 by the square of their number 18 s.
#[test]
fn a_bundle_of_100000_variables_runs_in_its_container() {
    among_others(|| {
        let bundle = Variant::new("many", |config| {
            let all = config["process"]["env"].as_array_mut().unwrap();
            all.extend((0..100_000).map(|number| format!("V{number}=x").into()));
        });
        let output = ALICE.srun_in(&bundle.path(), &["sh", "-c", &counted(&Marker::path())]);
        Marker::assert_absent(&output.story());
        assert_eq!(output.text(), "100000\n", "{}", output.story());
        assert_eq!(output.messages(), Vec::<String>::new());
    });
}

/// A script that counts them, and would leave a mark on the host.
fn counted(marker: &str) -> String {
    format!("env | grep -c ^V.*=x; touch {marker} 2>/dev/null; true")
}

#[test]
fn a_command_line_of_1_mb_arrives_or_keeps_the_container_from_starting() {
    among_others(|| {
        let output = asked(
            "set --; W=$(head -c 100000 /dev/zero | tr '\\0' x); for i in 1 2 3 4 5 6 7 8 9 10; do set -- \"$@\" $W; done; exec",
            "sh -c 'touch MARKER 2>/dev/null; IFS=; all=\"$*\"; echo $# ${#all}' sh \"$@\"",
        );
        let arrived = output.any_text() == "10 1000000\n";
        assert!(arrived || output.status != 0 && !output.stderr.is_empty(), "{}", output.story());
    });
}

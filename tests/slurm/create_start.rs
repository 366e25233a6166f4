//! RunTimeCreate, RunTimeQuery and RunTimeStart when they go wrong, and how the end
//! of what they made is awaited.

use std::{cell::OnceCell, fs};

use serde_json::json;

use crate::{
    bundles::Variant,
    cluster::{ALICE, Output},
    leftovers::Marker,
    site::{create_start_with, with_site},
};

const RUNTIMES: [&str; 2] = ["crun", "runc"];
/// A container, as the guide's templates call it.
const CONTAINER: &str = "%n.%u.%j.%s.%t";
const ROOT: &str = "--rootless=true --root=/run/user/%U/";

/// With these operations in place of the guide's, the task ends with 125, and the
/// last line says this.
fn assert_refused(runtime: &str, others: &[(&str, &str)], expected: &str) -> Output {
    assert_refused_in(&ALICE.bundle(), runtime, others, expected)
}

fn assert_refused_in(
    bundle: &str,
    runtime: &str,
    others: &[(&str, &str)],
    expected: &str,
) -> Output {
    let seen = OnceCell::new();
    with_site(&create_start_with(runtime, others), || {
        let output = ALICE.srun_in(bundle, &["touch", &Marker::path()]);
        Marker::assert_absent(&output.story());
        let last = output.messages().pop().unwrap_or_default();
        let expected = format!("spank-oci: n1: task 0: {expected}");
        assert!(last.starts_with(&expected), "{runtime}: {}", output.story());
        assert_eq!(output.status, 125, "{runtime}: {}", output.story());
        let _ = seen.set(output);
    });
    seen.into_inner().unwrap()
}

#[test]
fn a_create_that_fails_is_told_with_its_command_and_the_runtimes_own_message() {
    for runtime in RUNTIMES {
        let create = format!("{runtime} {ROOT} create --bundle /nowhere {CONTAINER}");
        let command = format!(
            "RunTimeCreate failed: exit status 1; the command was: {runtime} --rootless=true --root=/run/user/{}/ create --pid-file /run/spank-oci/",
            ALICE.id()
        );
        let output = assert_refused(runtime, &[("RunTimeCreate", &create)], &command);
        assert!(output.stderr.contains(" --bundle /nowhere n1.alice."), "{}", output.story());
        assert!(output.messages().len() > 1, "{}", output.story());
    }
}

#[test]
fn a_container_that_create_has_made_before_it_failed_is_removed() {
    for runtime in RUNTIMES {
        let create = format!("{runtime} {ROOT} create --bundle %b {CONTAINER}; exit 3");
        let expected = "RunTimeCreate failed: exit status 3; the command was: /bin/sh -c ";
        assert_refused(runtime, &[("RunTimeCreate", &create)], expected);
    }
}

#[test]
fn a_container_that_is_half_made_is_removed() {
    // The runtime is killed by a hook of its own, when the container's namespaces
    // are there and its program is not.
    let hook = json!({"path": "/bin/sh", "args": ["sh", "-c", "kill -KILL $PPID"]});
    let bundle = Variant::new("half-made", |config| config["hooks"] = json!({"prestart": [hook]}));
    for runtime in RUNTIMES {
        let expected = "RunTimeCreate failed: killed by signal 9; the command was: ";
        assert_refused_in(&bundle.path(), runtime, &[], expected);
    }
}

/// A RunTimeCreate that executes the runtime by another program, so that nobody knows
/// whether it can leave the process id in a file.
fn create_by_another(runtime: &str) -> String {
    format!("env {runtime} {ROOT} create --bundle %b {CONTAINER}")
}

#[test]
fn the_exit_status_is_the_commands_also_where_the_process_id_is_asked() {
    for runtime in RUNTIMES {
        let others = [("RunTimeCreate", &*create_by_another(runtime))];
        with_site(&create_start_with(runtime, &others), || {
            let output = ALICE.srun_in_bundle(&["sh", "-c", "echo in; exit 7"]);
            let seen = (output.status, output.any_text());
            assert_eq!(seen, (7, "in\n".into()), "{}", output.story());
        });
    }
}

#[test]
fn a_runtime_that_does_not_leave_the_process_id_is_told_and_the_container_removed() {
    for runtime in RUNTIMES {
        let script = format!("#!/bin/sh\nshift 3\nexec {runtime} \"$@\"\n");
        fs::create_dir(ALICE.home("forgetful")).unwrap();
        let program = ALICE.script(&format!("forgetful/{runtime}"), &script);
        // Its first words are those that the helper puts in.
        let create = format!("{program} create {ROOT} create --bundle %b {CONTAINER}");
        let expected = "RunTimeCreate failed: the container's process is not in '/run/spank-oci/";
        let output = assert_refused(runtime, &[("RunTimeCreate", &create)], expected);
        assert!(
            output.stderr.contains("task-0.pid': no such file or directory; the command was: "),
            "{}",
            output.story()
        );
        fs::remove_dir_all(ALICE.home("forgetful")).unwrap();
    }
}

#[test]
fn a_query_without_a_usable_answer_is_told_and_the_container_removed() {
    let (file, answer) = (ALICE.home("answer"), ALICE.home("answer").display().to_string());
    let query = format!("cat {answer}");
    for runtime in RUNTIMES {
        let create = create_by_another(runtime);
        for (text, expected) in [
            (
                "rubbish",
                "its answer is not the state of a container: expected value at line 1 column 1",
            ),
            ("{}", "its answer is not the state of a container: missing field `pid`"),
            (r#"{"pid": 0}"#, "the container has no process"),
            (r#"{"pid": 4194304}"#, "there is no process 4194304, or its end cannot be awaited"),
        ] {
            fs::write(&file, text).unwrap();
            let expected = format!("RunTimeQuery failed: {expected}");
            let others = [("RunTimeCreate", &*create), ("RunTimeQuery", &*query)];
            let output = assert_refused(runtime, &others, &expected);
            let command = format!("; the command was: {query}");
            assert!(output.stderr.contains(&command), "{}", output.story());
            fs::remove_file(&file).unwrap();
        }
        let expected = "RunTimeQuery failed: exit status 1; the command was: false";
        let others = [("RunTimeCreate", &*create), ("RunTimeQuery", "false")];
        assert_refused(runtime, &others, expected);
    }
}

#[test]
fn a_query_that_never_answers_is_given_up() {
    let expected =
        "RunTimeQuery failed: it took longer than 10 s and was killed; the command was: sleep 600";
    let create = create_by_another("crun");
    let others = [("RunTimeCreate", &*create), ("RunTimeQuery", "sleep 600")];
    assert_refused("crun", &others, expected);
}

#[test]
fn a_start_that_fails_is_told_and_the_container_removed() {
    for runtime in RUNTIMES {
        let expected = "RunTimeStart failed: exit status 1; the command was: false";
        assert_refused(runtime, &[("RunTimeStart", "false")], expected);
    }
}

#[test]
fn a_container_that_dies_between_create_and_start_is_told() {
    for runtime in RUNTIMES {
        let start = format!(
            "{runtime} {ROOT} kill {CONTAINER} KILL; sleep 0.2; {runtime} {ROOT} start {CONTAINER}"
        );
        let expected = "RunTimeStart failed: exit status 1; the container had ended before it was started; the command was: /bin/sh -c ";
        assert_refused(runtime, &[("RunTimeStart", &start)], expected);
    }
}

#[test]
fn a_failing_container_leaves_nothing_although_the_site_has_no_kill_and_delete() {
    let text = create_start_with("crun", &[("RunTimeStart", "false")]);
    let lines = text.lines().filter(|line| !line.contains("Kill") && !line.contains("Delete"));
    // The runtime's own files are left; nobody can ask it to forget the container.
    let text: String = lines.map(|line| format!("{line}\n")).collect();
    let root = format!("/run/user/{}", ALICE.id());
    with_site(&text, || {
        let output = ALICE.srun_in_bundle(&["true"]);
        assert_eq!(output.status, 125, "{}", output.story());
        for entry in fs::read_dir(&root).unwrap().flatten() {
            if entry.file_name().to_string_lossy().starts_with("n1.") {
                fs::remove_dir_all(entry.path()).unwrap();
            }
        }
    });
}

#[test]
fn a_container_that_a_daemon_makes_is_awaited_and_signalled_too() {
    let query = format!("cat {}", ALICE.home("answer").display());
    let operations = ["Create", "Start", "Kill", "Delete"].map(|name| format!("RunTime{name}"));
    let mut others: Vec<_> = operations.iter().map(|name| (name.as_str(), "true")).collect();
    others.push(("RunTimeQuery", &query));
    with_site(&create_start_with("crun", &others), || {
        // The shell is the daemon. The batch script's own signals are passed on.
        let output = ALICE.sh(
            ": >answer; sh -c 'trap \"echo told\" USR1; while [ -e answer ]; do sleep 0.05; done' & daemon=$!
             echo \"{\\\"pid\\\": $daemon}\" >answer
             job=$(sbatch --parsable -wn1 --container=$BUNDLE --output=out --wrap true)
             until pgrep -u alice -x spank-oci >/dev/null; do sleep 0.1; done; sleep 0.5
             scancel --batch --signal=USR1 $job; sleep 0.5; squeue --noheader --format=%T
             rm answer; wait $daemon
             while squeue --noheader | grep -q .; do sleep 0.1; done
             scontrol show job $job | grep -o ExitCode=[0-9]*; cat out; rm out",
        );
        let expected = "told\nRUNNING\nExitCode=255\nspank-oci: n1: task 0: the container's exit status is unknown: its runtime keeps it from us\n";
        assert_eq!(output.text(), expected, "{}", output.story());
    });
}

//! The plugin and the helper with real runtimes, on a mock of srun and
//! slurmstepd (host.c): no Slurm needed, and both ways a Slurm has of letting the
//! helper in front of a task.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod explained;
mod host;
mod site;
mod user;

use std::fs;

use host::{Host, Kind, Site};

/// Runs `check` with each runtime on each kind of Slurm.
fn everywhere(check: impl Fn(&Host)) {
    for runtime in ["crun", "runc"] {
        for kind in [Kind::Prepends, Kind::Replaces] {
            let host = Host::new(kind, Site::run_mode(runtime));
            check(&host);
            host.assert_nothing_is_left();
        }
    }
}

#[test]
fn a_task_runs_in_its_bundle_with_input_output_and_status() {
    everywhere(|host| {
        let task =
            host.in_container(&["sh", "-c", "cat; cat /etc/os-release; echo err >&2; exit 7"]);
        let output = task.run_with_input(b"from outside\n");
        assert_eq!(output.stdout, "from outside\nNAME=\"busybox bundle\"\nID=busybox\n");
        // newuidmap may have said that it does not know the test's user.
        assert!(output.stderr.ends_with("err\n"), "{}", output.stderr);
        assert_eq!(output.status, Some(7));
    });
}

#[test]
fn arguments_arrive_unchanged() {
    everywhere(|host| {
        let arguments = ["a b", "it's", "\"q\"", "$(id)", "`id`", "*", "", "-n", "%b", "é", "x\ny"];
        let command = [&["printf", "<%s>"], arguments.as_slice()].concat();
        let output = host.in_container(&command).run();
        let expected: String = arguments.iter().map(|argument| format!("<{argument}>")).collect();
        assert_eq!((output.stdout, output.status), (expected, Some(0)));
    });
}

#[test]
fn a_task_begins_with_no_signal_blocked() {
    everywhere(|host| {
        let output = host.in_container(&["grep", "^SigBlk:", "/proc/self/status"]).run();
        assert_eq!(output.stdout, "SigBlk:\t0000000000000000\n");
    });
}

#[test]
fn a_hundred_thousand_variables_arrive() {
    if std::env::var_os("MOCK_UNDER").is_some() {
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            b"left out: it takes minutes under valgrind\n",
        );
        return;
    }
    // Seconds of a runtime's: crun's are the square of their number.
    for runtime in ["crun", "runc"] {
        let host = Host::new(Kind::Replaces, Site::run_mode(runtime));
        let mut task = host.in_container(&["env"]);
        for number in 0..100_000 {
            task = task.variable(&format!("MANY{number}"), "x");
        }
        let output = task.run();
        let arrived = output.stdout.lines().filter(|line| line.starts_with("MANY")).count();
        assert_eq!(arrived, 100_000, "{}", output.stderr);
        host.assert_nothing_is_left();
    }
}

#[test]
fn each_of_several_tasks_has_a_container_of_its_own() {
    everywhere(|host| {
        let task = host.in_container(&["sh", "-c", "echo $SLURM_PROCID $$"]).tasks(4);
        let mut lines: Vec<_> = task.run().stdout.lines().map(str::to_owned).collect();
        lines.sort();
        assert_eq!(lines, ["0 1", "1 1", "2 1", "3 1"]);
    });
}

#[test]
fn a_batch_script_is_visible_in_the_container_and_cannot_be_changed_there() {
    everywhere(|host| {
        let script = host.user_file("script", "#!/bin/sh\necho $#: \"$2\"\necho x >> $0\n", 0o755);
        let output = host.in_container(&[&script, "one", "two words"]).batch().run();
        assert_eq!(output.stdout, "2: two words\n");
        assert!(output.stderr.contains("Read-only file system"), "{}", output.stderr);
        assert_ne!(output.status, Some(0));
    });
}

#[test]
fn a_container_made_by_create_and_start_has_the_same_status() {
    for runtime in ["crun", "runc"] {
        let host = Host::new(Kind::Prepends, Site::create_start(runtime));
        for status in [0, 7, 255] {
            let output = host.in_container(&["sh", "-c", &format!("cat; exit {status}")]);
            let output = output.run_with_input(b"in");
            assert_eq!((output.stdout.as_str(), output.status), ("in", Some(status)));
        }
        host.assert_nothing_is_left();
    }
}

#[test]
fn a_step_without_a_container_is_left_alone() {
    for kind in [Kind::Prepends, Kind::Replaces] {
        let host = Host::new(kind, Site::run_mode("crun"));
        let variables = host.on_host(&["env"]).run().stdout;
        assert!(variables.contains("SLURM_PROCID=0"), "{variables}");
        assert!(
            !variables.contains("SPANK_OCI") && !variables.contains("SLURM_OCI"),
            "{variables}"
        );
        host.assert_nothing_is_left();
    }
}

#[test]
fn the_plugins_own_option_asks_for_the_same() {
    for kind in [Kind::Prepends, Kind::Replaces] {
        let host = Host::new(kind, Site::run_mode("crun"));
        let output = host.in_container(&["env"]).by_our_option().run();
        assert_eq!(output.status, Some(0), "{}", output.stderr);
        for name in ["SLURM_CONTAINER=", "SPANK_O"] {
            assert!(!output.stdout.contains(name), "{}", output.stdout);
        }
        host.assert_nothing_is_left();
    }
}

#[test]
fn a_slurm_that_nobody_tested_refuses_the_library_as_it_refuses_any_other() {
    let host = Host::new(Kind::Unknown, Site::run_mode("crun"));
    let output = host.on_host(&["true"]).run();
    assert_eq!(output.stderr, "mock-host: Incompatible Slurm plugin version\n");
}

#[test]
fn a_relative_bundle_is_one_below_the_submitters_directory() {
    let host = Host::new(Kind::Prepends, Site::run_mode("crun"));
    let task = host.in_container(&["true"]).bundle("bundle");
    assert_eq!(task.run().status, Some(0));
}

#[test]
fn what_keeps_a_container_from_being_started_is_told_in_one_line_and_nothing_runs() {
    let cases: [(&str, Site, &str); 3] = [
        (
            "no runtime",
            Site::run_mode("no-such-runtime"),
            "cannot execute RunTimeRun: 'no-such-runtime': no such file or directory; install the runtime on this node, or correct oci.conf",
        ),
        (
            "a runtime that is no program",
            Site::run_mode("/etc/passwd"),
            "cannot execute RunTimeRun: '/etc/passwd': permission denied; it must be a program that the user may execute",
        ),
        (
            "create fails",
            Site::create_start("false"),
            "RunTimeCreate failed: exit status 1; the command was: false --rootless=true ",
        ),
    ];
    for (case, site, expected) in cases {
        let host = Host::new(Kind::Replaces, site);
        let marker = host.user_file("marker", "", 0o666);
        fs::remove_file(&marker).unwrap();
        let output = host.in_container(&["touch", &marker]).run();
        let [line] = output.stderr.lines().collect::<Vec<_>>()[..] else {
            panic!("{case}: {}", output.stderr)
        };
        assert!(line.starts_with(&format!("spank-oci: mock: task 0: {expected}")), "{line}");
        assert_eq!(output.status, Some(125), "{case}");
        assert!(!fs::exists(&marker).unwrap(), "{case}: it ran on the host");
        host.assert_nothing_is_left();
    }
}

#[test]
fn hooks_that_the_site_disables_do_not_run_and_others_do() {
    for runtime in ["crun", "runc"] {
        let run = |site: Site| {
            let host = Host::new(Kind::Prepends, site);
            // A hook that fails keeps the container from starting.
            host.edit_bundle(|config| {
                config["hooks"] = serde_json::json!({"prestart": [{"path": "/bin/false"}]});
            });
            let status = host.in_container(&["true"]).run().status;
            host.assert_nothing_is_left();
            status
        };
        assert_ne!(run(Site::run_mode(runtime)), Some(0));
        assert_eq!(run(Site::run_mode(runtime).with("DisableHooks=prestart\n")), Some(0));
    }
}

#[test]
fn the_runtimes_environment_lacks_what_the_site_excludes() {
    let site = Site::from_text(
        "IgnoreFileConfigJson=yes\nRunTimeEnvExclude=^SECRET\nRunTimeRun=\"env\"\n",
    );
    let host = Host::new(Kind::Prepends, site);
    let task = host.in_container(&["true"]).variable("SECRET_KEY", "x").variable("OPEN", "y");
    let variables = task.run().stdout;
    assert!(variables.contains("OPEN=y\n") && !variables.contains("SECRET"), "{variables}");
}

#[test]
fn a_runtime_without_config_json_has_its_delete_command_run_when_it_fails() {
    let site = Site::from_text(
        "IgnoreFileConfigJson=yes\nRunTimeRun=\"false\"\nRunTimeDelete=\"touch @ROOT@/deleted\"\n",
    );
    let host = Host::new(Kind::Prepends, site);
    assert_eq!(host.in_container(&["true"]).run().status, Some(1));
    assert_eq!(host.in_runtimes_directory(), ["deleted"]);
}

#[test]
fn a_mistake_in_plugstack_conf_stops_container_steps_and_no_others() {
    let host = Host::new(Kind::Prepends, Site::run_mode("crun")).with_argument("config=/x");
    assert_eq!(host.on_host(&["echo", "fine"]).run().stdout, "fine\n");
    let output = host.in_container(&["true"]).run();
    assert_eq!(
        output.stderr,
        "srun: error: spank-oci: plugstack.conf: unknown name in argument 'config=/x': write [conf=/path/oci.conf] [helper=/path/spank-oci] [state=/run/dir] [profile=NAME:/path/oci.conf]... [partition=PARTITION:NAME]...\n"
    );
    assert_eq!(output.status, Some(1));
}

#[test]
fn the_runtime_gets_no_descriptor_of_slurms_and_not_the_users_library_path() {
    let site = Site::from_text(
        "IgnoreFileConfigJson=yes\nRunTimeRun=\"sh -c 'ls /proc/self/fd | wc -l; env | grep -c ^LD_; echo $PATH'\"\n",
    );
    let host = Host::new(Kind::Prepends, site);
    let output = host.in_container(&["true"]).variable("LD_LIBRARY_PATH", "/x").run();
    // 0, 1, 2 and the one that lists them.
    assert_eq!(
        output.stdout,
        "4\n0\n/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
    );
}

#[test]
fn the_site_can_have_the_plan_told() {
    let site = Site::run_mode("crun").with("StdIODebug=debug\n");
    let host = Host::new(Kind::Prepends, site);
    let output = host.in_container(&["true"]).run();
    assert!(
        output.stderr.contains("spank-oci: mock: task 0:   RunTimeRun: crun "),
        "{}",
        output.stderr
    );
}

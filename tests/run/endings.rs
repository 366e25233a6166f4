//! Output, exit status, signals, and what is left.

use std::{fs, io::Write, process::Stdio};

use crate::{
    everywhere,
    place::{Place, Running, ended},
    site::Site,
};

/// A signal of which two that come together stay two.
const QUEUED: &str = "40";

/// Tells signals, and ends with 9 by SIGTERM.
const LISTENER: [&str; 3] = [
    "sh",
    "-c",
    "trap 'echo INT' INT; trap 'echo 40' 40; trap 'echo TERM; exit 9' TERM; echo up
     while :; do sleep 0.05; done",
];

#[test]
fn a_command_runs_in_the_bundle_with_input_output_and_status() {
    everywhere(|place| {
        let mut command = place.run(&["sh", "-c", "cat; . /etc/os-release; echo $ID; exit 7"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"from outside\n").unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.stdout, b"from outside\nbusybox\n");
        assert_eq!(output.status.code(), Some(7));
    });
}

#[test]
fn arguments_arrive_unchanged() {
    everywhere(|place| {
        let arguments = ["it's", "$(id)", "", "--help", "%b", "x\ny"];
        let output = ended(place.run(&[&["printf", "<%s>"], arguments.as_slice()].concat()));
        let expected: String = arguments.iter().map(|argument| format!("<{argument}>")).collect();
        assert_eq!((output.stdout, output.status), (expected, 0));
    });
}

#[test]
fn death_by_a_signal_is_shown_as_without_a_container() {
    everywhere(|place| {
        let output = ended(place.run(&["sh", "-c", "sh -c 'kill -KILL $$'; exit $?"]));
        assert_eq!(output.status, 137, "{output:?}");
    });
}

/// Sends signals in one of the two ways.
fn receives_each_once(send: impl Fn(&Running, &str)) {
    everywhere(|place| {
        let mut running = Running::of(place.run(&LISTENER));
        assert_eq!(running.line(), "up\n");
        send(&running, "INT");
        assert_eq!(running.line(), "INT\n");
        send(&running, QUEUED);
        assert_eq!(running.line(), "40\n");
        send(&running, "TERM");
        assert_eq!(running.finish(), ("TERM\n".to_owned(), 9));
    });
}

#[test]
fn the_command_receives_each_signal_for_the_whole_group_once() {
    receives_each_once(Running::signal_group);
}

#[test]
fn the_command_receives_each_signal_for_the_one_process_once() {
    receives_each_once(Running::signal);
}

/// Two signals that come together may be told as one; so it is looked at why there is one.
#[test]
fn the_runtime_leads_a_session_where_signals_for_the_group_do_not_arrive() {
    let place = Place::new(Site::from_text(
        "RunTimeRun=\"sh -c 'read a b c d e f g </proc/$$/stat; echo $$ $e $f'\"\n\
         RunTimeKill=\"true\"\nRunTimeDelete=\"true\"\n",
    ));
    let output = ended(place.run(&["true"]));
    let [pid, group, session] = output.stdout.split_whitespace().collect::<Vec<_>>()[..] else {
        panic!("{output:?}")
    };
    assert_eq!((group, session), (pid, pid));
}

#[test]
fn what_a_killed_command_has_left_goes_with_the_next_one_and_no_other_does() {
    everywhere(|place| {
        let mut living = Running::of(place.run(&LISTENER));
        assert_eq!(living.line(), "up\n");
        let mut killed = Running::of(place.run(&["sh", "-c", "echo up; exec sleep 600"]));
        assert_eq!(killed.line(), "up\n");
        killed.kill();
        assert_eq!(ended(place.run(&["true"])).status, 0);
        // The container is gone, which held the output open.
        assert_eq!(killed.finish(), (String::new(), 137));
        living.signal("INT");
        assert_eq!(living.line(), "INT\n");
        living.signal("TERM");
        assert_eq!(living.finish(), ("TERM\n".to_owned(), 9));
    });
}

#[test]
fn a_script_that_runs_it_survives_what_is_done_for_one_that_was_killed() {
    let place = Place::new(Site::create_start("crun"));
    let script = "./spank-oci run --bundle bundle --conf oci.conf -- sh -c 'echo up; sleep 60' >user/up & \
         until grep -q up user/up; do sleep 0.1; done; kill -KILL $!; wait; rm user/up; \
         setsid ./spank-oci run --bundle bundle --conf oci.conf -- true; echo survived";
    let output = ended(place.by_user(&["setsid", "--wait", "sh", "-c", script]));
    assert_eq!((output.stdout.as_str(), output.status), ("survived\n", 0), "{}", output.stderr);
    place.assert_nothing_is_left();
}

#[test]
fn files_that_the_site_wants_to_see_stay() {
    let place = Place::new(Site::run_mode("crun").with("DisableCleanup=yes\n"));
    let output = ended(place.run(&["true"]));
    assert_eq!(output.status, 0);
    let entries = fs::read_dir(place.path("user")).unwrap();
    let [kept] = &entries.map(|entry| entry.unwrap().path()).collect::<Vec<_>>()[..] else {
        panic!("not one directory: {output:?}")
    };
    assert!(kept.join("task-0/config.json").is_file());
    let told = format!("spank-oci: run: '{}' is kept (DisableCleanup in oci.conf)", kept.display());
    assert!(output.stderr.contains(&told), "{}", output.stderr);
    // Not the next one's to remove.
    place.configure(Site::run_mode("crun"));
    assert_eq!(ended(place.run(&["true"])).status, 0);
    assert!(kept.is_dir());
}

use std::{
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{Child, Command},
};

use super::*;

#[test]
fn a_process_is_read_whatever_its_name_is() {
    let stat = "7 (a) b) S 1 5 3 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 4711 9 9";
    let group = Group { id: 5, session: 3 };
    let expected = Process { pid: 7, ended: false, stopped: false, parent: 1, group, start: 4711 };
    assert_eq!(parse(7, stat), Some(expected));
    assert_eq!(parse(7, "7 (a) S 1"), None);
}

#[test]
fn this_process_is_found_with_its_group() {
    let own = look(process::id()).unwrap();
    assert_eq!(Some(own.group), Group::own());
    assert_eq!(start_time(process::id()), Some(own.start));
}

fn sleep_in_group(group: c_int) -> Child {
    Command::new("sleep").arg("600").process_group(group).spawn().unwrap()
}

#[test]
fn a_group_is_ended_as_a_whole_and_another_with_its_number_is_not() {
    let mut leader = sleep_in_group(0);
    let id = leader.id();
    let mut member = sleep_in_group(id.cast_signed());
    let session = Group::own().unwrap().session;
    Group { id, session: session + 1 }.end();
    assert_eq!(leader.try_wait().unwrap(), None);
    Group { id, session }.end();
    for child in [&mut leader, &mut member] {
        assert_eq!(child.wait().unwrap().signal(), Some(SIGKILL));
    }
}

#[test]
fn processes_are_ended_by_a_whole_word_of_their_command_line_with_what_they_started() {
    let shell = |word: &str| {
        let script = "sleep 600 & wait";
        Command::new("sh").args(["-c", script, word]).process_group(0).spawn().unwrap()
    };
    let word = format!("/run/{}/task-0.pid", process::id());
    let (mut meant, mut other) = (shell(&word), shell(&format!("{word}s")));
    let child = |shell: &Child| loop {
        let found = living(|process| process.parent == shell.id()).next();
        if let Some(process) = found {
            return process.pid;
        }
    };
    let (below_meant, below_other) = (child(&meant), child(&other));
    end_those_with(word.as_ref());
    assert!(has_ended(below_meant) && !has_ended(below_other));
    assert_eq!(meant.wait().unwrap().signal(), Some(SIGKILL));
    assert_eq!(other.try_wait().unwrap(), None);
    Group { id: other.id(), ..Group::own().unwrap() }.end();
    other.wait().unwrap();
}

#[test]
fn the_own_group_is_spared() {
    Group::own().unwrap().end();
}

#[test]
fn only_orphans_are_ended_where_others_of_the_group_have_their_ancestor() {
    // This process stands for slurmstepd.
    let mut member = sleep_in_group(0);
    let group = Group { id: member.id(), ..Group::own().unwrap() };
    // A shell that puts one more into the background and ends.
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "sleep 600 >/dev/null 2>&1 & echo $!"])
        .process_group(member.id().cast_signed());
    let orphan = String::from_utf8(shell.output().unwrap().stdout).unwrap();
    let orphan = orphan.trim().parse().unwrap();
    assert!(!has_ended(orphan));
    group.end_orphans(process::id());
    assert!(has_ended(orphan));
    assert_eq!(member.try_wait().unwrap(), None);
    member.kill().unwrap();
    member.wait().unwrap();
}

//! What the runtime, and the program in the container, have of slurmd and slurmstepd, which
//! are root's: no more than a task without a container has.

use std::{fs, sync::Mutex};

use crate::{
    cluster::{ALICE, restart_slurmd, restart_slurmd_with},
    leftovers,
    site::{with_each_runtime_and_mode, with_site},
};

/// Tells what a process is allowed, owns and has open.
const TELLS: &str = include_str!("../data/slurm/tells");
/// A site whose runtime is the user's command itself, with nothing around it.
const NOTHING_AROUND: &str = "IgnoreFileConfigJson=yes\nRunTimeRun=\"%@\"\n";

/// What the same command of alice's tells without a container and as the runtime.
fn compare(prepare: &str) -> String {
    let tells = ALICE.script("tells", TELLS);
    let seen = Mutex::new(String::new());
    with_site(NOTHING_AROUND, || {
        let outside = ALICE.sh(&format!("{prepare}; srun -wn1 {tells}")).text();
        let runtime = ALICE.sh(&format!("{prepare}; srun -wn1 --container=$BUNDLE {tells}"));
        assert_eq!(runtime.text(), outside, "{prepare}");
        *seen.lock().unwrap() = outside;
    });
    fs::remove_file(tells).unwrap();
    seen.into_inner().unwrap()
}

#[test]
fn a_runtime_has_what_a_task_without_a_container_has_and_nothing_else() {
    let seen = compare(":");
    // What both have is what is meant, too.
    let own = nix::unistd::User::from_name(ALICE.0).unwrap().unwrap();
    let team = nix::unistd::Group::from_name("team").unwrap().unwrap().gid;
    // The kernel keeps them in order.
    let mut groups = [own.gid, team].map(|group| group.as_raw());
    groups.sort_unstable();
    for expected in [
        &format!("Groups: {} {}", groups[0], groups[1]),
        "descriptors: 0 1 2 3 ",
        "CapEff: 0000000000000000",
        "CapPrm: 0000000000000000",
        "CapAmb: 0000000000000000",
        "SigBlk: 0000000000000000",
        "NoNewPrivs: 0",
        "oom_score_adj: 0",
    ] {
        assert!(seen.lines().any(|line| line == expected), "{expected} in\n{seen}");
    }
    // A slurmd that a test has started anew ignores two signals of the C library's own, as
    // all programs do that are started by posix_spawn.
    let ignored = seen.lines().find_map(|line| line.strip_prefix("SigIgn: ")).unwrap();
    assert_eq!(u64::from_str_radix(ignored, 16).unwrap() & 0x7fff_ffff, 0, "{seen}");
}

#[test]
fn what_a_user_sets_for_tasks_holds_for_the_runtime_too() {
    let seen = compare("umask 027; ulimit -Sn 777; ulimit -c 0; ulimit -Ss 4096");
    for expected in ["umask: 0027", "Max open files 777 "] {
        assert!(seen.lines().any(|line| line.starts_with(expected)), "{expected} in\n{seen}");
    }
}

#[test]
fn a_site_can_keep_privileges_from_the_runtime() {
    let tells = ALICE.script("tells", TELLS);
    with_site(&format!("{NOTHING_AROUND}NoNewPrivileges=yes\n"), || {
        let seen = ALICE.srun_in_bundle(&[&tells]).text();
        assert!(seen.contains("NoNewPrivs: 1\n"), "{seen}");
    });
    fs::remove_file(tells).unwrap();
}

#[test]
fn nothing_of_slurmds_environment_is_in_the_container_or_the_runtimes() {
    leftovers::after(|| {
        restart_slurmd_with("SECRET_OF_SLURMD=1 LD_LIBRARY_PATH=/secret");
        let not_there = |seen: String| {
            assert!(!seen.contains("SECRET_OF_SLURMD") && !seen.contains("/secret"), "{seen}");
        };
        not_there(ALICE.srun_in_bundle(&["env"]).text());
        with_site(NOTHING_AROUND, || not_there(ALICE.srun_in_bundle(&["env"]).text()));
        restart_slurmd();
    });
}

#[test]
fn nothing_but_the_three_is_open_in_the_container_and_the_rest_is_as_outside() {
    let script = "umask; cat /proc/self/oom_score_adj; ls /proc/self/fd | wc -l";
    with_each_runtime_and_mode(|| {
        let outside = ALICE.sh(&format!("umask 027; srun -wn1 sh -c '{script}'")).text();
        // The fourth is the one that lists them.
        assert_eq!(outside, "0027\n0\n4\n");
        let inside = ALICE
            .sh(&format!("umask 027; srun -wn1 --container=$BUNDLE busybox sh -c '{script}'"))
            .text();
        // The umask in the container is the runtime's to set (process.user.umask).
        assert_eq!(inside.lines().skip(1).collect::<Vec<_>>(), ["0", "4"], "{inside}");
    });
}

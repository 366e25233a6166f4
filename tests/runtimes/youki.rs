//! youki, which no Debian has: `./dev runtimes` builds it. It believes what is mounted,
//! and starts nothing where that is cgroup v1; so these tests have a Slurm to themselves.

use std::{env, fs, process::Command};

use crate::{
    cluster::{ALICE, leave_out},
    programs::kill_the_helper_of,
    site::with_site,
};

/// Names the program.
const YOUKI: &str = "SPANK_OCI_YOUKI";

/// Runs a check that is to leave nothing behind.
fn with_youki(check: impl Fn()) {
    let Ok(youki) = env::var(YOUKI) else {
        return leave_out("youki", "Debian does not have it: ./dev runtimes");
    };
    keep_to_cgroup_v2();
    let profile = include_str!("../../profiles/youki.conf");
    with_site(&profile.replace("\"youki ", &format!("\"{youki} ")), check);
}

/// Takes cgroup v1 away from this Slurm's nodes.
fn keep_to_cgroup_v2() {
    const SCRIPT: &str = "
        umount --lazy /run/cluster/cgroup/freezer 2>/dev/null
        while umount --recursive --lazy /sys/fs/cgroup 2>/dev/null; do :; done
        exec mount -t cgroup2 none /sys/fs/cgroup";
    let has_v1 = fs::read_to_string("/proc/mounts").unwrap().contains(" cgroup ");
    assert!(!has_v1 || Command::new("sh").args(["-c", SCRIPT]).status().unwrap().success());
}

#[test]
fn input_output_arguments_and_exit_status_are_the_commands() {
    with_youki(|| {
        let container = format!("--container={}", ALICE.bundle());
        let script = "cat; grep ^ID= /etc/os-release; printf '<%s>' \"$@\"; exit 7";
        let command = ["srun", "-wn1", &container, "sh", "-c", script, "sh", "it's", "", "$(id)"];
        let output = ALICE.run_with_input(&command, b"in\n");
        assert_eq!(output.any_text(), "in\nID=busybox\n<it's><><$(id)>");
        assert_eq!(output.status, 7, "{}", output.story());
    });
}

#[test]
fn several_tasks_have_a_container_each() {
    with_youki(|| {
        let container = format!("--container={}", ALICE.bundle());
        let output = ALICE.srun(&["-wn1", "-n6", &container, "sh", "-c", "echo $SLURM_PROCID $$"]);
        let expected: Vec<_> = (0..6).map(|rank| format!("{rank} 1")).collect();
        assert_eq!(output.sorted_lines(), expected);
    });
}

#[test]
fn signals_arrive_and_a_cancelled_step_ends() {
    let script = "trap 'echo user' USR1; trap 'echo asked; exit 3' TERM; echo began; while :; do sleep 0.1; done";
    with_youki(|| {
        let output = ALICE.sh(&format!(
            "srun -wn1 --container={} sh -c \"{script}\" >out & until grep -q began out; do sleep 0.1; done; scancel -s USR1 -u alice; until grep -q user out; do sleep 0.1; done; scancel -u alice; wait $!",
            ALICE.bundle()
        ));
        let told = fs::read_to_string(ALICE.home("out")).unwrap();
        fs::remove_file(ALICE.home("out")).unwrap();
        assert_eq!(told, "began\nuser\nasked\n", "{}", output.story());
        assert_eq!(output.status, 3);
    });
}

#[test]
fn a_container_whose_helper_is_killed_is_ended_by_the_sites_commands() {
    with_youki(|| assert_ne!(kill_the_helper_of(&ALICE.bundle()).status, 0));
}

#[test]
fn a_terminal_is_the_tasks_own() {
    with_youki(|| {
        let output = ALICE.sh(&format!(
            "script --quiet --return --command 'srun -wn1 --pty --container={} tty' /dev/null",
            ALICE.bundle()
        ));
        assert!(output.any_text().contains("/dev/pts/0"), "{}", output.story());
    });
}

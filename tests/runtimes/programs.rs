//! Charliecloud, bubblewrap, Podman and Apptainer by the templates in profiles/.

use std::{fs, path::Path, process::Command, thread::sleep, time::Duration};

use crate::{
    cluster::{ALICE, Output, User, leave_out, path, proctracks},
    site::with_site,
};

/// A program that runs commands in a root file system.
struct Program {
    profile: &'static str,
    name: &'static str,
    /// The command is the first process of a PID namespace: it cannot kill itself.
    is_init: bool,
    /// It passes signals on, or is the command itself.
    passes_signals: bool,
    /// The environment is the job's own, PATH included.
    has_own_path: bool,
}

const PROGRAMS: [Program; 4] = [
    Program {
        profile: "charliecloud",
        name: "ch-run",
        is_init: false,
        passes_signals: true,
        has_own_path: true,
    },
    Program {
        profile: "bubblewrap",
        name: "bwrap",
        is_init: false,
        passes_signals: false,
        has_own_path: false,
    },
    Program {
        profile: "podman",
        name: "podman",
        is_init: true,
        passes_signals: true,
        has_own_path: true,
    },
    Program {
        profile: "apptainer",
        name: "apptainer",
        is_init: false,
        passes_signals: true,
        has_own_path: false,
    },
];

/// Runs a check with each program, which is to leave nothing behind.
fn with_each(check: impl Fn(&Program)) {
    for program in &PROGRAMS {
        if !Path::new("/usr/bin").join(program.name).exists() {
            assert_eq!(program.name, "apptainer", "{} is not installed", program.name);
            leave_out("apptainer", "Debian has it in unstable only: ./dev runtimes");
            continue;
        }
        let profile = concat!(env!("CARGO_MANIFEST_DIR"), "/profiles");
        let profile = fs::read_to_string(format!("{profile}/{}.conf", program.profile)).unwrap();
        // What Apptainer keeps in every home is there before anybody looks.
        let _ = fs::create_dir(ALICE.home(".apptainer"));
        let _ = std::os::unix::fs::chown(ALICE.home(".apptainer"), Some(ALICE.id()), None);
        with_site(&profile, || check(program));
    }
}

/// A copy of the bundle's root file system: Podman leaves mount points in it.
fn rootfs() -> String {
    let copy = path("bundles/image");
    if !copy.exists() {
        let own = format!("{}/rootfs", ALICE.bundle());
        assert!(Command::new("cp").arg("-a").arg(own).arg(&copy).status().unwrap().success());
    }
    copy.display().to_string()
}

fn srun(command: &[&str]) -> Output {
    ALICE.srun_in(&rootfs(), command)
}

#[test]
fn every_argument_arrives_as_it_is() {
    let nasty =
        ["", " ", "it's", "\"", "$HOME", "$(id)", "`id`", "*", "\\", "-x", "--", "%j", "a\nb", "ü"];
    let show = ["sh", "-c", "for word; do printf '<%s>' \"$word\"; done", "sh"];
    let expected: String = nasty.iter().map(|word| format!("<{word}>")).collect();
    with_each(|program| {
        let output = srun(&[&show[..], &nasty].concat());
        assert_eq!(output.text(), expected, "{}", program.name);
        assert_eq!(output.messages(), Vec::<String>::new(), "{}", program.name);
    });
}

#[test]
fn input_output_and_exit_status_are_the_commands() {
    with_each(|program| {
        let container = format!("--container={}", rootfs());
        let command = [
            "srun",
            "-wn1",
            &container,
            "sh",
            "-c",
            "cat; grep ^ID= /etc/os-release; echo x >&2; exit 7",
        ];
        let output = ALICE.run_with_input(&command, b"in\n");
        assert_eq!(output.any_text(), "in\nID=busybox\n", "{}: {}", program.name, output.story());
        assert_eq!(output.messages(), ["x"], "{}", program.name);
        assert_eq!(output.status, 7, "{}", program.name);
        if !program.is_init {
            assert_eq!(srun(&["sh", "-c", "kill -9 $$"]).status, 137, "{}", program.name);
        }
        let output = srun(&["/no/such"]);
        assert!(output.stderr.contains("/no/such"), "{}: {}", program.name, output.story());
        assert_ne!(output.status, 0, "{}", program.name);
    });
}

#[test]
fn the_environment_is_the_jobs_without_what_the_site_excludes() {
    with_each(|program| {
        let output = ALICE.sh(&format!(
            "export MINE=\"a  b'c\" TWO='1\n2' PATH=/usr/bin:/bin:/mine; srun -wn1 --container={} env",
            rootfs()
        ));
        let text = output.text();
        let has = |line: &str| text.lines().any(|other| other == line);
        assert!(has("MINE=a  b'c") && has("SLURM_PROCID=0"), "{}: {text}", program.name);
        assert!(!text.contains("SLURM_CONF="), "{}: {text}", program.name);
        assert_eq!(
            has("PATH=/usr/bin:/bin:/mine"),
            program.has_own_path,
            "{}: {text}",
            program.name
        );
    });
}

#[test]
fn a_step_that_is_cancelled_ends_however_its_processes_are_tracked() {
    let command = "trap 'echo asked; exit 3' TERM; echo began; while :; do sleep 0.1; done";
    for proctrack in proctracks() {
        with_each(|program| {
            let output = ALICE.sh(&format!(
                "srun {proctrack} --container={} sh -c \"{command}\" >out & until grep -q began out; do sleep 0.1; done; scancel -u alice; wait $!",
                rootfs()
            ));
            let out = ALICE.home("out");
            let text = fs::read_to_string(&out).unwrap();
            fs::remove_file(out).unwrap();
            let story = || format!("{} {proctrack}: {text} {}", program.name, output.story());
            assert_ne!(output.status, 0, "{}", story());
            if program.passes_signals {
                assert!(text.contains("asked"), "{}", story());
                assert_eq!(output.status, 3, "{}", story());
            }
        });
    }
}

/// Starts a task in a container and kills its helper.
pub fn kill_the_helper_of(container: &str) -> Output {
    let output = ALICE.sh(&format!(
        "srun -wn1 --container={container} sh -c 'trap : TERM; echo began; while :; do sleep 0.1; done' >out & until grep -q began out; do sleep 0.1; done; pkill -KILL -x spank-oci; wait $!"
    ));
    fs::remove_file(ALICE.home("out")).unwrap();
    output
}

#[test]
fn a_container_whose_helper_is_killed_is_ended_by_the_sites_commands() {
    with_each(|program| {
        assert_ne!(kill_the_helper_of(&rootfs()).status, 0, "{}", program.name);
        assert_none_left(program);
    });
}

/// No process with the image for its root is left.
fn assert_none_left(program: &Program) {
    for _ in 0..50 {
        let User(user) = ALICE;
        let left = Command::new("pgrep").args(["-a", "-u", user]).output().unwrap().stdout;
        if left.is_empty() {
            return;
        }
        sleep(Duration::from_millis(100));
    }
    panic!("{}: a process is left", program.name);
}

#[test]
fn many_tasks_do_not_get_in_each_others_way() {
    with_each(|program| {
        let container = format!("--container={}", rootfs());
        let output = ALICE.srun(&["-N2", "-n8", &container, "sh", "-c", "echo $SLURM_PROCID"]);
        let expected: Vec<_> = (0..8).map(|rank| rank.to_string()).collect();
        assert_eq!(output.sorted_lines(), expected, "{}", program.name);
    });
}

#[test]
fn oci_mode_of_apptainer_is_for_root() {
    if !Path::new("/usr/bin/apptainer").exists() {
        return leave_out("apptainer", "Debian has it in unstable only: ./dev runtimes");
    }
    let output = ALICE.run(&["apptainer", "oci", "run", "--bundle", &ALICE.bundle(), "x"]);
    assert_ne!(output.status, 0);
    assert!(output.everything().contains("root"), "{}", output.story());
}

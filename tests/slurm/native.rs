//! Slurm's own container support beside ours. Each case says what a user expects:
//! what happens without a container, where that can be compared, or a fixed text.
//! Ours must do it. What Slurm's support does is written into the table of
//! docs/native-differences.md, which is made by these tests.

mod table;
mod world;

use std::fs;

use crate::{
    cluster::{ALICE, Output, leave_out, path, release},
    leftovers::{self, Marker},
};
use table::Row;
use world::{Mode, Site, World};

/// One thing to be looked at in each world.
struct Case {
    promise: &'static str,
    site: Site,
    /// What must be seen; `None` for what is seen without a container.
    expected: Option<&'static str>,
    look: fn(&World) -> String,
}

const fn like_without(promise: &'static str, mode: Mode, look: fn(&World) -> String) -> Case {
    Case { promise, site: Site::Crun(mode), expected: None, look }
}

const CASES: &[Case] = &[
    like_without("the exit status is the command's", Mode::Run, status),
    like_without("the exit status is the command's (create/start)", Mode::CreateStart, status),
    like_without("the output arrives (create/start)", Mode::CreateStart, output),
    like_without("standard input arrives with its end", Mode::Run, input),
    like_without("arguments arrive unchanged", Mode::Run, arguments),
    like_without("a command of an absolute path is the image's", Mode::Run, absolute_command),
    like_without("several tasks run on a node", Mode::Run, tasks),
    like_without("each program of --multi-prog runs", Mode::Run, multi_prog),
    like_without("variables of the user and of TaskProlog are there", Mode::Run, variables),
    like_without("the user's limit of open files holds", Mode::Run, limit),
    like_without("a batch script has its arguments", Mode::Run, batch),
    Case {
        promise: "a missing bundle fails the task, and nothing runs on the host",
        site: Site::Crun(Mode::Run),
        expected: Some("failed, nothing ran on the host"),
        look: missing_bundle,
    },
    Case {
        promise: "without oci.conf nothing runs on the host",
        site: Site::None,
        expected: Some("failed, nothing ran on the host"),
        look: mark_the_host,
    },
    Case {
        promise: "a mistake in oci.conf is told to the user",
        site: Site::Text("Nonsense=1\nRunTimeRun=\"crun %q\"\n"),
        expected: Some("told"),
        look: mistake,
    },
    Case {
        promise: "the bundle's path is a path, not a piece of shell",
        site: Site::Text(
            "RunTimeRun=\"cd / && echo bundle: %r\"\nRunTimeQuery=\"true\"\nRunTimeKill=\"true\"\nRunTimeDelete=\"true\"\n",
        ),
        expected: Some("a path"),
        look: odd_path,
    },
    Case {
        promise: "cleanup commands run as the user",
        site: Site::Text(
            "RunTimeRun=\"false\"\nRunTimeQuery=\"id -u >>/run/cluster/uids; echo '{}'\"\nRunTimeKill=\"id -u >>/run/cluster/uids\"\nRunTimeDelete=\"id -u >>/run/cluster/uids\"\n",
        ),
        expected: Some("as the user"),
        look: cleanup_user,
    },
    Case {
        promise: "the bundle stays as it was",
        site: Site::Crun(Mode::Run),
        expected: Some("unchanged"),
        look: bundle_stays,
    },
];

#[test]
fn what_users_expect_is_what_ours_does_and_slurms_own_is_recorded() {
    if release() < (21, 8) {
        return leave_out("the comparison with Slurm's own containers", "20.11 has none");
    }
    let mut rows = Vec::new();
    for case in CASES {
        let expected = match case.expected {
            Some(text) => text.to_owned(),
            None => World::Host.with(&case.site, case.look),
        };
        let ours = World::Ours.with(&case.site, case.look);
        assert_eq!(ours, expected, "{}", case.promise);
        let native = World::Native.with(&case.site, case.look);
        rows.push(Row { promise: case.promise, expected, native });
    }
    table::write(&rows);
}

#[test]
fn slurms_own_support_works_here_so_that_the_comparison_is_fair() {
    if release() < (21, 8) {
        return leave_out("Slurm's own containers", "20.11 has none");
    }
    let os = World::Native.with(&Site::Crun(Mode::Run), |world| {
        world.srun(&[], &["/bin/grep", "^ID=", "/etc/os-release"]).text()
    });
    assert_eq!(os, "ID=busybox\n");
}

fn seen(output: &Output) -> String {
    match output.status {
        // Killed by `timeout`, which then kills itself the same way.
        -1 | 137 => "it does not end".to_owned(),
        status => format!("status {status}, output {:?}", output.any_text()),
    }
}

fn status(world: &World) -> String {
    seen(&world.srun(&[], &["/bin/sh", "-c", "exit 7"]))
}

fn output(world: &World) -> String {
    seen(&world.srun(&[], &["/bin/sh", "-c", "echo out"]))
}

fn input(world: &World) -> String {
    seen(&world.shell("echo in | srun -wn1 $WORLD /bin/cat"))
}

fn arguments(world: &World) -> String {
    seen(
        &world.srun(&[], &["/bin/sh", "-c", "echo \"$@\"", "sh", "it's", "a  b", "$(id)", "\"q\""]),
    )
}

fn absolute_command(world: &World) -> String {
    // On the host without a container /usr/bin/env is there as well.
    seen(&world.srun(&[], &["/bin/echo", "here"]))
}

fn tasks(world: &World) -> String {
    let output = world.srun(&["-n2"], &["/bin/sh", "-c", "echo task"]);
    seen(&output)
}

fn multi_prog(world: &World) -> String {
    ALICE.script("list", "0 /bin/echo first\n1 /bin/echo second\n");
    let output = world.shell("srun -wn1 -n2 --label $WORLD --multi-prog list | sort; rm list");
    seen(&output)
}

fn variables(world: &World) -> String {
    seen(&world.shell("MINE=mine srun -wn1 $WORLD /bin/sh -c 'echo $MINE $FROM_TASK_PROLOG'"))
}

fn limit(world: &World) -> String {
    seen(&world.shell("ulimit -Sn 777; srun -wn1 $WORLD /bin/sh -c 'ulimit -Sn'"))
}

fn batch(world: &World) -> String {
    ALICE.script("job.sh", "#!/bin/sh\necho $#: \"$2\"\n");
    let submit = "sbatch --wait --output=job.out $WORLD job.sh one 'two  words' >/dev/null";
    // Without what slurmstepd has to say, which holds numbers.
    let show = "grep -v -e ^slurmstepd -e '^\\[' job.out; rm -f job.out job.sh";
    seen(&world.shell(&format!("{submit}; {show}")))
}

fn missing_bundle(world: &World) -> String {
    world.marked("/no/such/bundle")
}

fn mark_the_host(world: &World) -> String {
    world.marked(&ALICE.bundle())
}

fn mistake(world: &World) -> String {
    let output = world.srun(&[], &["/bin/true"]);
    if output.stderr.contains("Nonsense") { "told" } else { "only in slurmd's log" }.to_owned()
}

fn odd_path(world: &World) -> String {
    let odd = ALICE.home("$(echo injected)").display().to_string();
    let made = ALICE.run(&["cp", "-r", &ALICE.bundle(), &odd]);
    assert_eq!(made.status, 0, "{}", made.story());
    let output = world.srun_in(&odd, &["/bin/true"]);
    fs::remove_dir_all(&odd).unwrap();
    match output.any_text() {
        text if text.contains(&odd) => "a path".to_owned(),
        text if text.contains("injected") => "a shell evaluates it".to_owned(),
        _ => seen(&output),
    }
}

fn cleanup_user(world: &World) -> String {
    let uids = path("uids");
    fs::write(&uids, "").unwrap();
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(&uids, fs::Permissions::from_mode(0o666)).unwrap();
    world.srun(&[], &["/bin/true"]);
    // Slurm's may still be at it when srun has ended.
    leftovers::nodes_at_rest();
    let written = fs::read_to_string(&uids).unwrap();
    fs::remove_file(uids).unwrap();
    match (written.lines().any(|uid| uid == "0"), written.is_empty()) {
        (true, _) => "as root",
        (_, true) => "not run",
        _ => "as the user",
    }
    .to_owned()
}

fn bundle_stays(world: &World) -> String {
    let before = world::tree(&ALICE.bundle());
    world.srun(&[], &["/bin/true"]);
    let after = world::tree(&ALICE.bundle());
    match after.difference(&before).count() {
        0 => "unchanged".to_owned(),
        _ => "directories for mounts are left in its root".to_owned(),
    }
}

impl World {
    /// Runs a task that leaves a mark where it runs on the host.
    fn marked(&self, bundle: &str) -> String {
        let output = self.srun_in(bundle, &["/usr/bin/touch", &Marker::path()]);
        match (fs::remove_file(Marker::path()), output.status) {
            (Ok(()), _) => "it ran on the host".to_owned(),
            (Err(_), 0) => "nothing ran, and that is a success".to_owned(),
            (Err(_), _) => "failed, nothing ran on the host".to_owned(),
        }
    }
}

//! What is done about what others do to a step, a node or its files: nothing of the
//! step is left, and nothing else is touched.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    cluster::{ALICE, Output, path, root},
    leftovers::{self, Marker},
    site::{change, create_start_with, plugstack, with_each_runtime_and_mode, with_site},
};

/// Starts a container that sleeps, in the background: its job.
pub fn sleeping() -> String {
    let script = "srun -wn1 --container=$BUNDLE sh -c 'echo in; exec sleep 600' >sleeping 2>&1 & echo $! >srun
        until grep -sq in sleeping; do sleep 0.1; done; squeue --noheader --format=%i";
    ALICE.sh(script).text().trim().to_owned()
}

/// Has the one who waits for it give up.
pub fn give_up(job: &str) {
    ALICE.sh(&format!("scancel {job}; kill -KILL $(cat srun); rm -f sleeping srun"));
}

#[test]
fn gc_tells_and_removes_what_nobody_else_has_cleaned_up() {
    with_each_runtime_and_mode(|| {
        let gc = path("bin/spank-oci").display().to_string() + " gc";
        let job = sleeping();
        assert_eq!(
            root(&format!("{gc} --dry-run")),
            format!("step {job}.0.0: running, left alone\n")
        );
        assert_eq!(root(&gc), format!("step {job}.0.0: running, left alone\n"));
        root(
            "processes='^slurmstepd|^[^ ]*/spank-oci '
             # At once: the helper cleans up when it sees that slurmstepd is gone, and the
             # job's end does when srun sees that.
             pkill -STOP -f \"$processes\"; pkill -KILL -x srun; pkill -KILL -f \"$processes\"
             while pgrep -f \"$processes\" >/dev/null; do sleep 0.1; done",
        );
        let content = format!("step {job}.0.0: alice's, 1 container");
        assert_eq!(root(&format!("{gc} --dry-run")), format!("{content}: would be removed\n"));
        assert_eq!(root(&gc), format!("{content}: removed\n"));
        assert_eq!(root(&gc), "no step has anything below '/run/spank-oci'\n");
        // What was killed may need a moment to end.
        let container = ALICE.sh(
            "for n in $(seq 50); do pgrep -u alice -x sleep >/dev/null || break; sleep 0.1; done
             pgrep -u alice -x sleep; ls /run/user/$(id -u)",
        );
        assert_eq!(container.any_text(), "", "{}", container.story());
        give_up(&job);
    });
}

#[test]
fn gc_is_for_root() {
    let helper = path("bin/spank-oci").display().to_string();
    let output = ALICE.run(&[&helper, "gc"]);
    assert_eq!(
        output.stderr,
        "spank-oci: gc needs root, whose directories it looks into; run: sudo spank-oci gc\n"
    );
    assert_eq!(output.status, 1);
}

/// A small file system at a path, until the value is dropped.
struct Mounted(PathBuf);

impl Mounted {
    fn at(place: &Path, options: &str) -> Self {
        fs::create_dir_all(place).unwrap();
        root(&format!("mount -t tmpfs -o {options} tmpfs {}", place.display()));
        Self(place.to_owned())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

/// A task that cannot have a container: what it told.
fn refused() -> Output {
    let output = ALICE.srun_in_bundle(&["touch", &Marker::path()]);
    Marker::assert_absent(&output.story());
    assert_ne!(output.status, 0, "{}", output.story());
    output
}

#[test]
fn a_read_only_state_directory_is_told() {
    leftovers::after(|| {
        let state = path("read-only");
        let _mounted = Mounted::at(&state, "ro,mode=711");
        let line = fs::read_to_string(plugstack()).unwrap();
        let line = format!("{} state={}\n", line.trim(), state.display());
        let _restored = change(plugstack(), Some(&line));
        let output = refused();
        let told = output.told_by_slurmstepd();
        assert!(
            told[0].starts_with(&format!("spank-oci: cannot make directory '{}/", state.display()))
                && told[0].ends_with("': read-only file system"),
            "{}",
            output.story()
        );
        assert_eq!(output.status, 125);
    });
    fs::remove_dir(path("read-only")).unwrap();
}

#[test]
fn a_disk_that_is_full_for_the_runtime_leaves_no_container() {
    with_each_runtime_and_mode(|| {
        let place = PathBuf::from(format!("/run/user/{}", ALICE.id()));
        let _mounted = Mounted::at(&place, &format!("size=8k,mode=700,uid={}", ALICE.id()));
        fs::write(place.join("fill"), vec![0; 4 << 10]).unwrap();
        refused();
        root(&format!("test \"$(ls {})\" = fill", place.display()));
    });
}

#[test]
fn a_user_who_spoils_the_steps_directory_spoils_nothing_else() {
    with_each_runtime_and_mode(|| {
        let job = sleeping();
        ALICE.sh(&format!(
            "mkdir -p keep/deep; cd /run/spank-oci/{job}.0.0/spool
             rm -rf task-0.cleanup; mkdir -p task-0.cleanup/x task-1.cleanup unreadable/x
             echo nonsense >task-2.cleanup; chmod 0 task-2.cleanup unreadable
             ln -s ~/keep link; ln -s ~/keep task-3.cleanup; mkfifo task-4.cleanup",
        ));
        ALICE.sh("pkill -KILL -u alice -x sleep; while pgrep -u alice -x srun; do sleep 0.1; done; rm sleeping srun");
        assert_eq!(leftovers::nodes_at_rest()[0], "idle");
        ALICE.sh("rmdir keep/deep keep").text();
    });
}

/// Everything on the first node ends at once, with its files in memory or without.
fn reboot(lost: &str) {
    let pid = fs::read_to_string(path("n1.pid")).unwrap();
    root(&format!(
        "kill -KILL {}; pkill -KILL -f ^slurmstepd; pkill -KILL -u alice
         while pgrep -u alice >/dev/null; do sleep 0.05; done
         rm -rf {lost}; exec slurmd -N n1",
        pid.trim()
    ));
}

#[test]
fn after_a_reboot_a_requeued_job_finds_its_ids_free() {
    let user = format!("/run/user/{}", ALICE.id());
    let script = "#!/bin/sh\necho life ${SLURM_RESTART_COUNT:-0}\n[ \"$SLURM_RESTART_COUNT\" = 1 ] || exec sleep 600\n";
    let state = "/run/spank-oci/*";
    let everything = format!("{state} {user}/*");
    for (runtime, lost) in [("crun", ""), ("crun", state), ("runc", state), ("runc", &everything)] {
        with_site(&create_start_with(runtime, &[]), || {
            ALICE.script("lives", script);
            let job = ALICE
                .sh("job=$(sbatch --parsable --requeue --open-mode=append -wn1 --container=$BUNDLE --output=out lives)
                     until grep -sq life out; do sleep 0.1; done; echo $job")
                .text();
            reboot(lost);
            root("timeout 30 sh -c 'while [ -n \"$(ls /run/spank-oci)\" ]; do sleep 0.1; done'");
            // The second life may begin when its credential is younger than the first's
            // end, in whole seconds; by itself Slurm lets it wait for minutes.
            let job = job.trim();
            let output = ALICE.sh(&format!(
                "scontrol requeue {job}; until squeue --noheader --format=%T | grep -qx PENDING; do sleep 0.1; done
                 sleep 2; scontrol update jobid={job} starttime=now
                 until [ -z \"$(squeue --noheader)\" ]; do sleep 0.1; done
                 cat out; rm out lives"
            ));
            assert_eq!(output.any_text(), "life 0\nlife 1\n", "{lost}: {}", output.story());
        });
    }
}

/// What slurmd holds: open files, and kilobytes of memory.
fn held_by_slurmd() -> (usize, u64) {
    let pid = fs::read_to_string(path("n1.pid")).unwrap();
    let proc = Path::new("/proc").join(pid.trim());
    let status = fs::read_to_string(proc.join("status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let memory = line.trim().trim_end_matches(" kB").parse().unwrap();
    (fs::read_dir(proc.join("fd")).unwrap().count(), memory)
}

#[test]
fn two_hundred_steps_of_four_containers_leave_nothing() {
    with_site(&create_start_with("crun", &[]), || {
        let steps = |count: u32| {
            let script = format!(
                "#!/bin/sh\nseq {count} | xargs -P8 -I@ srun --overlap -n4 --container=$BUNDLE echo in | grep -c '^in$'\n"
            );
            ALICE.script("steps", &script);
            let output = ALICE.sh("salloc --quiet -wn1 -n32 ./steps");
            assert_eq!(output.any_text().trim(), (4 * count).to_string(), "{}", output.story());
            leftovers::nodes_at_rest();
        };
        // Whatever slurmd keeps for good, it has after these.
        steps(40);
        let (files, memory) = held_by_slurmd();
        steps(200);
        let (files_after, memory_after) = held_by_slurmd();
        assert_eq!(files_after, files, "open files of slurmd");
        assert!(memory_after < memory + 2048, "kB of slurmd: {memory}, then {memory_after}");
        fs::remove_file(ALICE.home("steps")).unwrap();
    });
}

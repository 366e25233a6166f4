//! A container whose memory is used up: the kernel kills a process of it, and the task's
//! end is shown as without a container.

use std::{
    fs,
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use crate::{
    cluster::{ALICE, AS_USER, LINUXPROC, PGID, leave_out, path},
    leftovers,
    site::{self, Mode},
};

/// The most that the container may use, in bytes: enough for a shell.
const LIMIT: &str = "16777216";

const PATIENCE: Duration = Duration::from_secs(30);

/// A group of the memory controller, which this test makes by itself: what Slurm would
/// make for a job differs from machine to machine.
struct Group {
    mounted: PathBuf,
}

impl Group {
    /// The group, or why this machine has none.
    fn make() -> Result<Self, &'static str> {
        let mounted = path("memory");
        fs::create_dir(&mounted).unwrap();
        let options = ["-t", "cgroup", "-o", "memory", "none"];
        let done = Command::new("mount").args(options).arg(&mounted).stderr(Stdio::null()).status();
        if !done.unwrap().success() {
            fs::remove_dir(&mounted).unwrap();
            return Err("this machine has no memory controller of cgroup v1");
        }
        let group = Self { mounted };
        fs::create_dir(group.file("")).unwrap();
        fs::write(group.file("memory.limit_in_bytes"), LIMIT).unwrap();
        Ok(group)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.mounted.join("spank-oci-test").join(name)
    }

    fn take(&self, process: &str) {
        fs::write(self.file("cgroup.procs"), process).unwrap();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(self.file(""));
        let _ = Command::new("umount").arg(&self.mounted).status();
        let _ = fs::remove_dir(&self.mounted);
    }
}

/// The first process of the one container there is, by its number here.
fn first_process() -> Option<String> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let mut statuses = processes.filter_map(|it| fs::read_to_string(it.path().join("status")).ok());
    statuses.find_map(|status| {
        let line = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
        match line.split_whitespace().collect::<Vec<_>>().as_slice() {
            [here, "1"] if status.contains(&format!("Uid:\t{}", ALICE.id())) => {
                Some((*here).to_owned())
            }
            _ => None,
        }
    })
}

fn await_first_process() -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(process) = first_process() {
            return process;
        }
        assert!(Instant::now() < deadline, "there is no container");
        sleep(Duration::from_millis(20));
    }
}

/// What srun says and ends with when this command on a node, which waits for a line
/// first, may use no more memory than the group has.
fn shown(group: &Group, node: &str, command: &str) -> (Vec<String>, Option<i32>) {
    let container = format!("--container={}", ALICE.bundle());
    let script = format!("read line; {command}");
    let mut srun = Command::new(AS_USER)
        .args([ALICE.0, "srun", node, "-n1", &container, "sh", "-c", &script])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    group.take(&await_first_process());
    srun.stdin.as_mut().unwrap().write_all(b"go\n").unwrap();
    let ended = srun.wait_with_output().unwrap();
    let told = String::from_utf8(ended.stderr).unwrap();
    let about_the_task = told.lines().filter_map(|line| line.split_once("task 0: "));
    (about_the_task.map(|(_, end)| end.to_owned()).collect(), ended.status.code())
}

#[test]
fn a_process_that_the_kernel_kills_for_its_memory_ends_as_without_a_container() {
    let group = match Group::make() {
        Ok(group) => group,
        Err(reason) => return leave_out("a container without memory", reason),
    };
    let nodes = [LINUXPROC, PGID];
    let kinds = site::kinds();
    for (kind, node) in kinds.iter().flat_map(|kind| nodes.map(|node| (kind, node))) {
        leftovers::after_once(|| {
            let _site = kind.install();
            let first = match kind.mode {
                // A runtime waits for it.
                Mode::Run if node != LINUXPROC => "Exited with exit code 137",
                _ => "Killed",
            };
            let expected = (vec![first.to_owned()], Some(137));
            assert_eq!(shown(&group, node, "exec tail /dev/zero"), expected, "{kind:?} {node}");
            // The first process lives on, and says how the other one ended.
            let expected = (vec!["Exited with exit code 37".to_owned()], Some(37));
            let command = "tail /dev/zero; exit $(($? - 100))";
            assert_eq!(shown(&group, node, command), expected, "{kind:?} {node}");
        });
    }
}

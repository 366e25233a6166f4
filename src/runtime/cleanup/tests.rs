use std::{
    ffi::OsString,
    os::unix::{net::UnixListener, process::CommandExt},
    process,
};

use super::*;
use crate::runtime::processes::Group;

/// A step's spool with one record, and a directory that it has elsewhere.
struct Spool {
    keep: tempfile::TempDir,
}

impl Spool {
    fn new() -> Self {
        let spool = Self { keep: tempfile::tempdir().unwrap() };
        fs::create_dir_all(spool.path().join("task-0/deep")).unwrap();
        fs::create_dir_all(spool.elsewhere().join("deep")).unwrap();
        spool
    }

    fn path(&self) -> PathBuf {
        self.keep.path().join("spool")
    }

    fn elsewhere(&self) -> PathBuf {
        self.keep.path().join("elsewhere")
    }

    fn record(&self) -> PathBuf {
        self.path().join("task-0.cleanup")
    }

    /// A record whose commands write into a file.
    fn telling(&self) -> Record {
        let log = self.keep.path().join("log").display().to_string();
        Record {
            kill: shell(&format!("echo killed $A >> {log}")),
            delete: shell(&format!("echo deleted >> {log}")),
            env: vec![b"A=1".to_vec()],
            remove: vec![self.elsewhere()],
            keep_files: false,
            group: None,
            runtime_word: None,
            process: None,
        }
    }

    fn write(&self, record: &Record) {
        fs::write(self.record(), record.encode()).unwrap();
    }

    fn told(&self) -> String {
        fs::read_to_string(self.keep.path().join("log")).unwrap_or_default()
    }
}

fn shell(text: &str) -> Vec<OsString> {
    ["/bin/sh", "-c", text].map(OsString::from).into()
}

#[test]
fn a_step_is_cleaned_up_by_its_records_and_its_spool_emptied() {
    let spool = Spool::new();
    let socket = spool.keep.path().join("socket");
    UnixListener::bind(&socket).unwrap();
    spool.write(&Record { remove: vec![spool.elsewhere(), socket.clone()], ..spool.telling() });
    fs::write(spool.path().join("task-1.cleanup"), "nonsense").unwrap();
    step(&spool.path()).unwrap();
    assert_eq!(spool.told(), "killed 1\ndeleted\n");
    assert!(!spool.elsewhere().exists() && !socket.exists());
    assert_eq!(fs::read_dir(spool.path()).unwrap().count(), 0);
}

#[test]
fn after_a_task_its_container_is_ended_and_the_record_stays_for_the_end_of_the_step() {
    let spool = Spool::new();
    spool.write(&spool.telling());
    task(&spool.record(), 1).unwrap();
    assert_eq!(spool.told(), "killed 1\ndeleted\n");
    assert!(spool.record().exists() && spool.elsewhere().exists());
    task(&spool.path().join("task-7.cleanup"), 1).unwrap();
}

#[test]
fn a_cleanup_that_was_interrupted_is_repeated_by_whoever_comes_next() {
    let spool = Spool::new();
    spool.write(&Record { delete: shell("kill -KILL $$"), ..spool.telling() });
    assert_eq!(step(&spool.path()).unwrap_err().kind(), io::ErrorKind::Interrupted);
    assert!(spool.record().exists() && spool.elsewhere().exists());
    // One that fails by itself has nothing left to delete.
    spool.write(&Record { delete: shell("false"), ..spool.telling() });
    step(&spool.path()).unwrap();
    assert!(!spool.record().exists() && !spool.elsewhere().exists());
}

#[test]
fn what_the_helper_had_started_is_killed_before_its_step_is_cleaned_up() {
    let spool = Spool::new();
    let mut runtime = process::Command::new("sleep").arg("600").process_group(0).spawn().unwrap();
    let group = Group { id: runtime.id(), ..Group::own().unwrap() };
    let log = format!("LOG={}", spool.keep.path().join("log").display()).into_bytes();
    // It is not reaped before the end of the test, so it is there as a zombie.
    let ended = format!("grep -q ') Z' /proc/{}/stat && echo gone >> $LOG", runtime.id());
    let record =
        Record { kill: shell(&ended), env: vec![log], group: Some(group), ..spool.telling() };
    spool.write(&record);
    step(&spool.path()).unwrap();
    runtime.wait().unwrap();
    assert_eq!(spool.told(), "gone\ndeleted\n");
}

#[test]
fn a_command_that_names_a_process_is_not_run_once_the_process_is_another() {
    let spool = Spool::new();
    let own = process::id();
    let start = processes::start_time(own).unwrap();
    for (start, expected) in [(start + 1, ""), (start, "killed 1\ndeleted\n")] {
        spool.write(&Record { process: Some((own, start)), ..spool.telling() });
        task(&spool.record(), 1).unwrap();
        assert_eq!(spool.told(), expected);
    }
}

#[test]
fn a_runtime_that_is_making_a_container_comes_to_its_end_first_but_not_later() {
    let spool = Spool::new();
    let log = spool.keep.path().join("log");
    let word = format!("--bundle={}", spool.path().join("task-0").display());
    let making = |seconds: &str| {
        let script = format!("sleep {seconds}; echo made >> {}", log.display());
        process::Command::new("sh").args(["-c", &script, &word]).spawn().unwrap()
    };
    let runtime_word = Some(spool.path().join("task-0").into());
    let record = Record { runtime_word, ..spool.telling() };
    for (seconds, expected) in
        [("0.2", "made\nkilled 1\ndeleted\n"), ("600", "killed 1\ndeleted\n")]
    {
        let mut runtime = making(seconds);
        spool.write(&record);
        task(&spool.record(), 1).unwrap();
        assert_eq!(spool.told(), expected);
        runtime.wait().unwrap();
        fs::remove_file(&log).unwrap();
    }
}

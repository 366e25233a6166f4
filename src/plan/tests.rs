//! Plans for typical sites and tasks, as they are explained, compared with tests/data/plan/*.expected.
//! `UPDATE_EXPECTED=1` writes those files anew.

use std::{fs, io, path::Path};

use super::*;
use crate::{bundle::read, explain::Explanation, request::Delivery, slurm::BATCH_STEP};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/plan");
const BUNDLE: &str = r#"{"ociVersion":"1.0.2","process":{"terminal":true,"args":["sh"],"env":["PATH=/bin","TERM=xterm"],"cwd":"/"},"root":{"path":"rootfs"},"mounts":[{"destination":"/dev","type":"tmpfs","source":"tmpfs"}],"hooks":{"prestart":[{"path":"/bin/true"}]}}"#;

const WINDOW: WindowSize = WindowSize { height: 33, width: 101 };

fn site(text: &str) -> Config {
    let mut no_include = |_: &Path| Err(io::Error::other("no include here"));
    Config::parse(Path::new("oci.conf"), text.as_bytes(), &mut no_include).unwrap().config
}

fn crun(more: &str) -> Config {
    let commands = fs::read_to_string(format!("{DATA}/crun.conf")).unwrap();
    site(&format!("{commands}{more}"))
}

fn inputs() -> Inputs {
    let config = read::parse(Path::new("/b/config.json"), BUNDLE.as_bytes()).unwrap();
    Inputs {
        request: Request {
            bundle: "/images/it's".into(),
            config: "/etc/oci.conf".into(),
            spool: "/run/spank-oci/7.0.0/spool".into(),
            job: 7,
            step: 0,
            task: 3,
            delivery: Delivery::Task,
            program: None,
        },
        bundle: Some(Bundle::new("/images/it's".into(), config)),
        command: vec!["echo".into(), "it's".into(), "$(id)".into()],
        environment: ["PATH=/home/a/bin", "A=1\n2", "SLURM_CONF=/x", "LD_PRELOAD=/y"]
            .map(|entry| entry.as_bytes().to_vec())
            .into(),
        node: "n1".to_owned(),
        uid: 1000,
        user: "alice".to_owned(),
        work_dir: "/home/alice".into(),
        terminal: None,
        open_files: Some((1024, 4096)),
        notes: vec![],
        rootless: None,
        underlay: None,
        own_group: true,
    }
}

fn compare(name: &str, config: &Config, inputs: Inputs) {
    let plan = plan(config, inputs.clone()).unwrap();
    let shown = Explanation::of(&inputs, &plan, inputs.bundle.as_ref()).to_string();
    let path = format!("{DATA}/{name}.expected");
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(&path, &shown).unwrap();
    }
    assert_eq!(shown, fs::read_to_string(path).unwrap_or_default(), "{name}");
}

#[test]
fn a_task_under_crun() {
    compare("crun", &crun(""), inputs());
}

#[test]
fn a_batch_script() {
    let mut inputs = inputs();
    inputs.request.step = BATCH_STEP;
    inputs.command[0] = "/spool/job00007/slurm_script".into();
    compare("batch", &crun(""), inputs);
}

#[test]
fn a_job_that_was_requeued_has_the_traces_of_its_earlier_start_removed() {
    let mut inputs = inputs();
    inputs.environment.push(b"SLURM_RESTART_COUNT=1".to_vec());
    compare("restarted", &crun(""), inputs);
}

#[test]
fn a_terminal() {
    compare("terminal", &crun(""), Inputs { terminal: Some(WINDOW), ..inputs() });
}

#[test]
fn every_key_that_changes_the_plan() {
    let keys = "ContainerPath=/scratch/%u/%j\nMountSpoolDir=/var/run/slurm\nCgroupsPath=/spank-oci/%j.%s.%t\nCreateEnvFile=newline\nDisableHooks=prestart\nDisableCleanup=yes\n";
    compare("keys", &crun(keys), inputs());
}

#[test]
fn an_image_that_cannot_take_all_mount_points_is_put_over_a_root_of_the_tasks_own() {
    let underlay: Option<Look> = Some(|_: &Path, places: &[&Path]| {
        assert_eq!(places, ["/dev", "/var/run/slurm"].map(Path::new));
        Some(Underlay {
            directories: vec!["/".into(), "/run".into()],
            links: vec![("/var/run".into(), "/run".into())],
            mounts: vec!["/run/lock".into(), "/usr".into()],
        })
    });
    let config = crun("MountSpoolDir=/var/run/slurm\n");
    compare("own-root", &config, Inputs { underlay, ..inputs() });
}

#[test]
fn only_a_runtime_without_other_rights_gets_a_bundle_for_its_user() {
    let adapted = |config: &Config| {
        let rootless = Rootless { uid: 1000, gid: 100, limits: Vec::new() };
        plan(config, Inputs { rootless: Some(rootless), ..inputs() }).unwrap().adapted
    };
    let sudo = |word: &str| {
        site(&format!("RunTimeRun=\"{word} runc run %j\"\nRunTimeKill=x\nRunTimeDelete=x\n"))
    };
    assert_eq!(adapted(&crun("")), ["no user namespace: added one, in which you are root"]);
    assert_eq!(adapted(&sudo("env")).len(), 1);
    assert_eq!(adapted(&sudo("/usr/bin/sudo")), Vec::<String>::new());
}

/// For a task whose every process slurmstepd signals.
fn for_everyone() -> Inputs {
    let mut inputs = inputs();
    inputs.request.delivery = Delivery::Everyone;
    inputs
}

#[test]
fn a_runtime_whose_container_receives_signals_by_itself_does_not_wait_for_it() {
    compare("detached", &crun(""), for_everyone());
}

#[test]
fn a_terminal_of_a_container_that_the_runtime_does_not_wait_for() {
    let site = |runtime: &str| {
        site(&format!("RunTimeRun=\"{runtime} run %j\"\nRunTimeKill=x\nRunTimeDelete=x\n"))
    };
    let words = |runtime: &str| {
        let inputs = Inputs { terminal: Some(WINDOW), ..for_everyone() };
        let plan = plan(&site(runtime), inputs).unwrap();
        assert_eq!(
            plan.start.console(),
            Some("/run/spank-oci/7.0.0/spool/task-3.console".as_ref())
        );
        plan.end.remove
    };
    for runtime in ["crun", "/opt/bin/runc --debug", "nvidia-container-runtime"] {
        let removed = ["task-3", "task-3.console", "task-3.pid"];
        let removed = removed.map(|name| Path::new("/run/spank-oci/7.0.0/spool").join(name));
        assert_eq!(words(runtime), removed, "{runtime}");
    }
}

#[test]
fn a_runtime_waits_for_its_container_where_it_cannot_leave_it_to_us_or_need_not() {
    let delete = "RunTimeKill=x\nRunTimeDelete=\"crun delete %j\"\n";
    let waits = |run: &str, delete: &str, inputs: Inputs| {
        let text = format!("RunTimeRun=\"{run}\"\n{delete}");
        matches!(plan(&site(&text), inputs).unwrap().start, Start::Run { .. })
    };
    assert!(!waits("crun run %j", delete, for_everyone()));
    for run in [
        "crun run %j; true",
        "sudo crun run %j",
        "youki run %j",
        "crun start %j",
        "crun run --pid-file=/x %j",
        "runc run -d %j",
    ] {
        assert!(waits(run, delete, for_everyone()), "{run}");
    }
    for delete in ["IgnoreFileConfigJson=yes\n", "RunTimeKill=x\nRunTimeDelete=\"kill %p\"\n"] {
        assert!(waits("crun run %j", delete, for_everyone()), "{delete}");
    }
    let mut script = for_everyone();
    script.request.step = BATCH_STEP;
    assert!(waits("crun run %j", delete, script));
    for delivery in [Delivery::Task, Delivery::Group] {
        let mut inputs = inputs();
        inputs.request.delivery = delivery;
        assert!(waits("crun run %j", delete, inputs));
    }
}

#[test]
fn a_runtime_that_takes_the_command_itself() {
    let config = site(&fs::read_to_string(format!("{DATA}/charliecloud.conf")).unwrap());
    compare("charliecloud", &config, Inputs { bundle: None, ..inputs() });
}

#[test]
fn a_runtime_with_create_and_start() {
    let config = site(&fs::read_to_string(format!("{DATA}/create-start.conf")).unwrap());
    compare("create-start", &config, inputs());
}

#[test]
fn a_terminal_with_create_and_start() {
    let config = site(&fs::read_to_string(format!("{DATA}/create-start.conf")).unwrap());
    compare("terminal-create-start", &config, Inputs { terminal: Some(WINDOW), ..inputs() });
}

#[test]
fn a_terminal_that_create_cannot_be_told_of_is_refused() {
    let refused = |create: &str, spool: &str| {
        let others = "RunTimeQuery=\"crun state\"\nRunTimeStart=\"crun start\"\nRunTimeKill=\"true\"\nRunTimeDelete=\"true\"\n";
        let config = site(&format!("RunTimeCreate=\"{create}\"\n{others}"));
        assert!(plan(&config, inputs()).is_ok(), "a task without a terminal does not suffer");
        let mut inputs = Inputs { terminal: Some(WINDOW), ..inputs() };
        inputs.request.spool = spool.into();
        plan(&config, inputs.clone()).map(|plan| plan.start).map_err(|error| error.to_string())
    };
    let shell = refused("cd / && crun create %j", "/s").unwrap_err();
    assert_eq!(
        shell,
        "the task has a terminal, but RunTimeCreate in oci.conf needs a shell, so '--console-socket' cannot be put into it: 'cd / && crun create '7''; write it without shell syntax, or use RunTimeRun"
    );
    let no_word = refused("create --new %j", "/s").unwrap_err();
    assert_eq!(
        no_word,
        "the task has a terminal, but RunTimeCreate in oci.conf has no word 'create' that '--console-socket' could follow: 'create --new 7'; write the operation as 'create', or use RunTimeRun"
    );
    let spool_of = |length: usize| format!("/{}", "s".repeat(length - "//task-3.console".len()));
    assert!(refused("crun create %j", &spool_of(107)).is_ok());
    let long = refused("crun create %j", &spool_of(108)).unwrap_err();
    assert!(
        long.starts_with("the task has a terminal, but the path of its socket has 108 bytes, more than the 107 that the system allows: '/s")
            && long.ends_with("s/task-3.console'; choose a shorter state= in plugstack.conf"),
        "{long}"
    );
}

#[test]
fn a_site_that_ignores_config_json_has_no_console() {
    let text = fs::read_to_string(format!("{DATA}/create-start.conf")).unwrap();
    let config = site(&format!("IgnoreFileConfigJson=yes\n{text}"));
    let inputs = Inputs { terminal: Some(WINDOW), bundle: None, ..inputs() };
    assert_eq!(plan(&config, inputs.clone()).unwrap().start.console(), None);
}

#[test]
fn what_config_json_cannot_hold_is_named() {
    use std::os::unix::ffi::OsStringExt;
    let latin1 = OsString::from_vec(b"caf\xe9".to_vec());
    let mut with_argument = inputs();
    with_argument.command[1] = latin1.clone();
    let error = plan(&crun(""), with_argument).unwrap_err().to_string();
    assert_eq!(error, "argument 1 'caf\u{fffd}' is not valid UTF-8, which config.json cannot hold");

    let mut with_variable = inputs();
    with_variable.environment.push(b"NAME=caf\xe9".to_vec());
    let notes = plan(&crun(""), with_variable).unwrap().notes;
    assert_eq!(notes, ["not valid UTF-8 and so not passed to the container: NAME"]);
}

#[test]
fn what_is_no_json_is_told() {
    let error = json(&std::collections::BTreeMap::from([(vec![1], 2)])).unwrap_err();
    assert_eq!(error.to_string(), "cannot put config.json into words: key must be a string");
}

#[test]
fn a_container_path_that_is_relative_is_refused() {
    let error = plan(&crun("ContainerPath=oci/%j\n"), inputs()).unwrap_err().to_string();
    assert_eq!(
        error,
        "ContainerPath in oci.conf is 'oci/7/oci-job7-0', which is not an absolute path"
    );
}

#[test]
fn a_step_without_a_command_has_no_plan() {
    let error = plan(&crun(""), Inputs { command: vec![], ..inputs() }).unwrap_err();
    assert_eq!(error.to_string(), "there is no command to run");
}

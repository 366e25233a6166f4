//! How the end of a task is shown: as without a container. Only where a runtime waits
//! for its container, which RunTimeRun does but under proctrack/linuxproc, is a death by
//! signal shown as the status that the runtime makes of it, 128 and the signal's number.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::{Value, json};

use crate::{
    cluster::{ALICE, LINUXPROC, PGID},
    leftovers,
    site::{self, Kind, Mode},
};

/// Runs a step for each of the ends, at the same time, and says of each what srun
/// says and what Slurm remembers.
const ENDS: &str = include_str!("deaths/ends.sh");

/// What is told of each end, by its name.
type Told = BTreeMap<String, String>;

fn told(node: &str, bundle: Option<&str>) -> Told {
    let container = bundle.map(|bundle| format!("--container={bundle}")).unwrap_or_default();
    let variables = [format!("NODE={node}"), format!("CONTAINER={container}")];
    let output = ALICE.run(&["env", &variables[0], &variables[1], "sh", "-c", ENDS]);
    let story = output.text();
    let parts = story.split("== ").skip(1).filter_map(|part| part.split_once('\n'));
    parts.map(|(name, told)| (name.to_owned(), told.to_owned())).collect()
}

/// What is told on a node without a container and in those of each kind.
fn compare(bundle: &str, check: impl Fn(&Kind, &str, &Told, &Told)) {
    // Under proctrack/linuxproc no runtime waits.
    for node in [LINUXPROC, PGID] {
        let mut outside = Told::new();
        leftovers::after_once(|| outside = told(node, None));
        for kind in site::kinds() {
            leftovers::after_once(|| {
                let _site = kind.install();
                check(&kind, node, &told(node, Some(bundle)), &outside);
            });
        }
    }
}

/// A bundle whose command is not the first of a PID namespace, which the kernel
/// spares from its own signals, and whose working directory takes a core file.
fn without_pid_namespace() -> String {
    let bundle = ALICE.home("without-pid-namespace");
    fs::create_dir(&bundle).unwrap();
    let file = Path::new(&ALICE.bundle()).join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let namespaces = config["linux"]["namespaces"].as_array_mut().unwrap();
    namespaces.retain(|namespace| namespace["type"] != "pid");
    for mount in config["mounts"].as_array_mut().unwrap() {
        if mount["destination"] == "/proc" {
            *mount = json!({"destination": "/proc", "type": "none", "source": "/proc", "options": ["rbind"]});
        }
    }
    config["root"]["path"] = json!(Path::new(&ALICE.bundle()).join("rootfs"));
    config["process"]["cwd"] = json!("/dev/shm");
    fs::write(bundle.join("config.json"), config.to_string()).unwrap();
    bundle.display().to_string()
}

/// What is shown of a death in a container, by what is shown without one.
fn shown(kind: &Kind, node: &str, signal: &str, status: u32, outside: &str) -> String {
    match kind.mode {
        Mode::Run if node != LINUXPROC => format!(
            "Exited with exit code {status}\nsrun {status}\nJobState=FAILED\n ExitCode={status}:0\n"
        ),
        // The helper dies of the same signal, but has no memory worth keeping.
        _ => outside.replace(&format!("{signal} (core dumped)"), signal),
    }
}

#[test]
fn an_end_is_shown_as_without_a_container_and_a_runtimes_status_where_it_waits() {
    let bundle = without_pid_namespace();
    compare(&bundle, |kind, node, inside, outside| {
        assert_eq!(inside.len(), 9, "{inside:#?}");
        for (end, told) in inside {
            let expected = match end.as_str() {
                "-TERM" => shown(kind, node, "Terminated", 143, &outside[end]),
                "-KILL" => shown(kind, node, "Killed", 137, &outside[end]),
                "-SEGV" => shown(kind, node, "Segmentation fault", 139, &outside[end]),
                "-40" => shown(kind, node, "Real-time signal 6", 168, &outside[end]),
                _ => outside[end].clone(),
            };
            assert_eq!(*told, expected, "{kind:?} {node} {end}");
        }
    });
    fs::remove_dir_all(bundle).unwrap();
}

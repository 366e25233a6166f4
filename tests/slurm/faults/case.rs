//! One fault: a task is stopped at a stage of its life, somebody is killed, and Slurm
//! sees to the rest.

use std::{
    fs,
    os::unix::fs::chown,
    path::PathBuf,
    thread::{Builder, JoinHandle, sleep},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::json;

use super::{
    processes::Processes,
    stage::{CREATING, DELETING, RUNNING, Stage, Victim},
};
use crate::{
    bundles::Variant,
    cluster::{ALICE, Output},
    leftovers::Marker,
};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(45);

/// A container task that stops at a stage.
pub struct Stopped {
    gate: PathBuf,
    job: String,
    held: Option<u32>,
    slurmstepd: u32,
    srun: JoinHandle<Output>,
    _bundle: Variant,
}

/// Waits until there is something.
fn awaited<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} for {} s", PATIENCE.as_secs());
        sleep(Duration::from_millis(50));
    }
}

fn send_kill(pid: u32) {
    // Who is gone already needs none.
    let _ = kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL);
}

impl Stopped {
    /// Starts a task of alice's, called by a name of its own, and waits until it has
    /// come to the stage.
    pub fn at(stage: Stage, name: &str, options: &'static str) -> Self {
        let gate = ALICE.home(name);
        fs::create_dir(&gate).unwrap();
        chown(&gate, Some(ALICE.id()), None).unwrap();
        let bundle = with_hook(stage, name, &gate);
        let srun = start(stage, name, options, &gate, &bundle.path());
        let held = || fs::read_to_string(gate.join("held")).ok()?.trim().parse().ok();
        let says = || fs::read_to_string(gate.join("out")).ok()?.contains("in\n").then_some(());
        let held = match stage.name {
            RUNNING => {
                awaited(&format!("{name}: no container runs"), says);
                None
            }
            _ => Some(awaited(&format!("{name}: not stopped"), held)),
        };
        let query = format!("squeue --noheader --name={name} --format=%i");
        let job = awaited(&format!("{name}: no job"), || {
            let text = ALICE.sh(&query).any_text();
            (!text.trim().is_empty()).then(|| text.trim().to_owned())
        });
        let slurmstepd =
            awaited(&format!("{name}: no slurmstepd"), || Processes::seen().slurmstepd(&job));
        Self { gate, job, held, slurmstepd, srun, _bundle: bundle }
    }

    /// Kills somebody and lets what is left of the task go on; whether there was
    /// somebody.
    pub fn strike(&self, who: Victim) -> bool {
        let processes = Processes::seen();
        let victim = processes.victim(who, self.slurmstepd, self.held);
        victim.into_iter().for_each(send_kill);
        self.go_on();
        if who == Victim::Slurmstepd {
            self.give_up(processes.helper(self.slurmstepd));
        }
        victim.is_some()
    }

    /// Nobody tells srun that slurmstepd is gone, so its user gives up: in half of the
    /// cases once the helper has noticed, else at once.
    fn give_up(&self, helper: Option<u32>) {
        if let Some(helper) = helper.filter(|helper| helper.is_multiple_of(2)) {
            awaited("the helper is there", || {
                (!fs::exists(format!("/proc/{helper}")).unwrap_or(true)).then_some(())
            });
        }
        ALICE.sh(&format!(
            "scancel {}; pkill -KILL -u alice -f '^srun .*job-name={} '",
            self.job,
            self.name()
        ));
    }

    fn go_on(&self) {
        fs::write(self.gate.join("go"), "").unwrap();
    }

    fn name(&self) -> String {
        self.gate.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Lets the task go on to its end; srun's status, and what the task told.
    pub fn end(self) -> (i32, String) {
        self.go_on();
        let output = self.srun.join().unwrap();
        let told = fs::read_to_string(self.gate.join("out")).unwrap_or_default();
        fs::remove_dir_all(&self.gate).unwrap();
        (output.status, told)
    }
}

/// The bundle with a hook that stops at the stage, if hooks see it.
fn with_hook(stage: Stage, name: &str, gate: &std::path::Path) -> Variant {
    let script = ALICE.home("gate").display().to_string();
    let env = [format!("HOLD={}", stage.name), format!("GATE={}", gate.display())];
    let hook = json!({
        "path": script,
        "args": [script, stage.name],
        "env": [env[0], env[1], "PATH=/usr/bin:/bin"],
    });
    Variant::new(name, |config| match stage.name {
        CREATING => config["hooks"] = json!({ "prestart": [hook] }),
        DELETING => config["hooks"] = json!({ "poststop": [hook] }),
        _ => {}
    })
}

/// The task would leave a mark on the host.
fn start(
    stage: Stage,
    name: &str,
    options: &str,
    gate: &std::path::Path,
    bundle: &str,
) -> JoinHandle<Output> {
    let end = if stage.ends { "exit 3" } else { "exec sleep 600" };
    let gate = gate.display();
    let script = format!(
        "GATE={gate} HOLD={} exec srun {options} --job-name={name} --container={bundle} sh -c 'touch {} 2>/dev/null; echo in; {end}' >{gate}/out 2>&1",
        stage.name,
        Marker::path(),
    );
    Builder::new().spawn(move || ALICE.sh(&script)).unwrap()
}

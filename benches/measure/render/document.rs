//! docs/benchmarks.md.

use std::fmt::Write as _;

use super::{
    Results,
    bars::{self, Bar},
    life::{self, PARTS, Whose},
};
use crate::{
    big::Input,
    nodes::{OURS, PLAIN, RUNTIMES, native},
    result::Slurm,
    rounds::Samples,
    statistics::{median, quantile},
    steps::STEPS,
};

const HEAD: &str = "\
# What a container costs

Made by `./dev bench`, which measures on a throw-away real Slurm and writes this file.
Ratios count: absolute times are those of one machine. All cases of a table were
measured side by side, in interleaved rounds whose order turns; what is compared is of
the same round. In brackets: where the ratio of the medians lies with 95 % certainty, by
drawing the rounds again (bootstrap). A bar is met when the ratio itself meets it.

\"Without the plugin\", \"with the plugin\" and \"Slurm's own\" (`srun --container` with
Slurm's `oci.conf`, without the plugin) are nodes of one cluster on one machine. A time is
that of the whole `srun` of `/bin/true`, allocation included; the bundle has busybox.
\"By hand\" is `crun run` or `runc run` of the same bundle, by the same user, without Slurm.
";

/// What was found where the numbers are not as wished.
const REASONS: &str = "
### What stands behind them

- The library: more of it is the standard library's code for showing backtraces, which
  stable Rust cannot leave out, than our own (`nm --size-sort`). It is that of the compiler
  above, whose linker is LLVM's; with those of Debian 12 it is some kB larger.
- `srun` without a container: each of srun and slurmstepd loads the library (see the bars
  of loading it).
- create/start: the runtime is executed three times instead of once; see below.
- Slurm's own support of 26.05: it adds to a step hardly more than the runtime takes by
  hand, so there is no fifth of it to be saved. The helper is a program of its own for each
  task, of which the kernel's part (executing it, its pages, its end) is the larger one;
  with many tasks on few cores it shows.
- Big inputs: the helper reads config.json, checks it, changes it and writes it, for the
  runtime to read, and it is built to be small.
";

pub fn text(results: &Results) -> String {
    let mut text = HEAD.to_owned();
    text += &machine(results);
    text += "\n## The bars\n\n";
    text += &table(&bars::of_machine(results));
    for slurm in &results.slurms {
        let _ = write!(text, "\n### Slurm {}\n\n{}", slurm.release, table(&bars::of_slurm(slurm)));
    }
    text += REASONS;
    text += "\n## One task\n\n![What a container adds to srun](benchmarks/one-task.svg)\n";
    results.slurms.iter().for_each(|slurm| text += &one_task(slurm));
    text += "\n## Where each millisecond goes\n";
    results.slurms.iter().for_each(|slurm| text += &parts(slurm));
    text += "\n![One task's life](benchmarks/life-run.svg)\n";
    text += "\n![The same by create and start](benchmarks/life-create.svg)\n";
    text += "\n## Many tasks on a node, many steps\n\n";
    text += "![What a container adds for each task](benchmarks/many-tasks.svg)\n";
    results.slurms.iter().for_each(|slurm| text += &many(slurm));
    text += &big(&results.local.big);
    text += &beyond(results);
    text
}

fn machine(results: &Results) -> String {
    let machine = &results.local.machine;
    let mut text = format!(
        "\n| | |\n|---|---|\n| processor | {}, {} cores |\n| kernel | {} |\n| compiler | rustc {} |\n",
        machine.processor, machine.cores, machine.kernel, machine.compiler
    );
    for slurm in &results.slurms {
        let runtimes: Vec<_> = slurm.runtimes.iter().map(|(n, v)| format!("{n} {v}")).collect();
        let rounds = slurm.single[PLAIN].len();
        let _ = writeln!(
            text,
            "| Slurm {} | {}; {}; {rounds} rounds |",
            slurm.release,
            slurm.proctrack,
            runtimes.join(", ")
        );
    }
    text
}

fn table(bars: &[Bar]) -> String {
    let mut text = "| what | bar | measured | met |\n|---|---|---|---|\n".to_owned();
    for Bar { what, limit, measured, met } in bars {
        let met = if *met { "yes" } else { "**no**" };
        let _ = writeln!(text, "| {what} | {limit} | {measured} | {met} |");
    }
    text
}

/// Median, 99th percentile and minimum, by case.
fn cases(samples: &Samples, name: impl Fn(&str) -> String) -> String {
    let mut text = "| ms | median | p99 | least |\n|---|---|---|---|\n".to_owned();
    for (case, ms) in samples {
        let numbers = [median(ms), quantile(ms, 0.99), quantile(ms, 0.0)];
        let [median, p99, least] = numbers.map(|number| format!("{number:.1}"));
        let _ = writeln!(text, "| {} | {median} | {p99} | {least} |", name(case));
    }
    text
}

fn one_task(slurm: &Slurm) -> String {
    let name = |case: &str| match case {
        PLAIN => "no container, without the plugin".to_owned(),
        OURS => "no container, with the plugin".to_owned(),
        other => match RUNTIMES.iter().find(|runtime| native(runtime) == other) {
            Some(runtime) => format!("{runtime}, Slurm's own"),
            None => other
                .replace("ours ", "")
                .replace(" create", ", create/start")
                .replace(" run", ", run"),
        },
    };
    format!("\n### Slurm {}\n\n{}", slurm.release, cases(&slurm.single, name))
}

/// Medians of the parts of a task's life.
fn parts(slurm: &Slurm) -> String {
    let mut text = format!("\n### Slurm {}\n\n", slurm.release);
    if slurm.lives.is_empty() {
        return text + "Not seen: this machine offers no events of the kernel (tracefs).\n";
    }
    text += "Medians, from the kernel's own record of when programs begin and end (run mode):\n\n";
    text += "| ms | whose | crun | runc |\n|---|---|---|---|\n";
    let of = |runtime: &str, of| {
        let lives = slurm.lives.get(&format!("{runtime} run"));
        let number = lives.and_then(|lives| life::middle(lives, of));
        number.map_or("?".to_owned(), |number| format!("{number:.2}"))
    };
    for part in PARTS {
        let [crun, runc] = RUNTIMES.map(|runtime| of(runtime, part.of));
        let _ = writeln!(text, "| {} | {} | {crun} | {runc} |", part.what, part.whose.name());
    }
    let sum = |runtime: &str| -> f64 {
        let lives = slurm.lives.get(&format!("{runtime} run"));
        let ours = PARTS.iter().filter(|part| part.whose == Whose::Ours);
        ours.filter_map(|part| life::middle(lives?, part.of)).sum()
    };
    let [crun, runc] = RUNTIMES.map(sum);
    let _ = writeln!(text, "| **all of spank-oci's own** | | **{crun:.2}** | **{runc:.2}** |");
    text + &create_start(slurm)
}

/// The same for create and start, where the runtime is executed three times.
fn create_start(slurm: &Slurm) -> String {
    let mut text =
        "\nBy create and start, the runtime's commands, each a process to be started, and what\n\
        spank-oci adds before, between and after them:\n\n\
        | ms | create | start | delete | spank-oci |\n|---|---|---|---|---|\n"
            .to_owned();
    for runtime in RUNTIMES {
        let Some(lives) = slurm.lives.get(&format!("{runtime} create")) else { continue };
        let (commands, ours) = life::commands(lives);
        let numbers = commands.into_iter().chain([ours]);
        let numbers: Vec<_> = numbers.map(|ms| format!("{ms:.2}")).collect();
        let _ = writeln!(text, "| {runtime} | {} |", numbers.join(" | "));
    }
    text + "\n`runc delete --force` of runc 1.2 and newer kills first and waits 100 ms, also where\n\
        nothing is left to kill.\n"
}

fn many(slurm: &Slurm) -> String {
    let mut text = format!("\n### Slurm {}\n\n", slurm.release);
    let native = native("crun");
    let ways = [PLAIN, OURS, &native];
    text += "With crun. Wall time of the step, and processor time for each task, in ms:\n\n";
    text += "| tasks | no container | spank-oci | Slurm's own |\n|---|---|---|---|\n";
    for many in &slurm.many {
        let cell = |way: &str| {
            let wall = many.wall.get(way).map(|samples| median(samples));
            let processor = many.processor.get(way).map(|ms| ms / f64::from(many.tasks));
            match (wall, processor) {
                (Some(wall), Some(processor)) => format!("{wall:.0}, {processor:.1}"),
                _ => "cannot".to_owned(),
            }
        };
        let _ = writeln!(text, "| {} | {} |", many.tasks, ways.map(cell).join(" | "));
    }
    let _ = writeln!(
        text,
        "\ncrun by hand takes {:.1} ms of processor time; what is above the step without containers\n\
         and this is the helper's, or in the last column Slurm's.",
        slurm.by_hand
    );
    text += "\nSteps per second in one allocation:\n\n";
    text += "| | no container | spank-oci | Slurm's own |\n|---|---|---|---|\n";
    for steps in &slurm.steps {
        let cell = |way: &str| format!("{:.1}", STEPS as f64 * 1e3 / median(&steps.wall[way]));
        let _ =
            writeln!(text, "| {} at a time | {} |", steps.at_a_time, ways.map(cell).join(" | "));
    }
    text
}

fn big(inputs: &[Input]) -> String {
    let mut text = "\n## Big inputs\n\n\
        The helper with `/bin/true` for a runtime: loading, reading, checking, editing and writing\n\
        config.json. The runtimes: until they have read what the helper writes and find that there is a\n\
        container of that name. Medians in ms.\n\n\
        | config.json | bytes | helper | crun | runc |\n|---|---|---|---|---|\n"
        .to_owned();
    for input in inputs {
        for size in &input.sizes {
            let [helper, crun, runc] =
                ["helper", "crun", "runc"].map(|name| format!("{:.1}", median(&size.wall[name])));
            let name = format!("{} {}", size.entries, input.name);
            let name = name.trim_start_matches("0 ");
            let _ = writeln!(text, "| {name} | {} | {helper} | {crun} | {runc} |", size.bytes);
        }
    }
    text
}

/// 10,000 nodes with 128 tasks each, by arithmetic on what was measured.
fn beyond(results: &Results) -> String {
    const NODES: f64 = 10_000.0;
    const TASKS: f64 = 128.0;
    let Some(slurm) = results.slurms.last() else { return String::new() };
    let messages = |way: &str| slurm.messages.get(way).map_or("?".to_owned(), u64::to_string);
    let memory = slurm.memory.helper["run"];
    let per_task = slurm.many.iter().find(|many| many.tasks == 64).unwrap();
    let processor = |way: &str| per_task.processor[way] / 64.0;
    let added = processor(OURS) - processor(PLAIN);
    let cores = 128.0;
    format!(
        "\n## Beyond this machine\n\n\
         A step of {NODES} nodes with {TASKS} tasks each, by arithmetic on what was measured above.\n\n\
         - **The controller** got {} messages for a job of {} tasks in containers, {} for the same\n  \
           without containers and without the plugin (`sdiag`): none for a task or a node. The plugin\n  \
           sends nothing; what the client knows travels in the step's environment, once per job.\n\
         - **A shared file system**: each task's helper opens `oci.conf` and `config.json` once and\n  \
           reads each in one piece. A node fetches the data once, the other {} opens are answered by\n  \
           its page cache, after a look at the attributes where the file system wants that: at most\n  \
           {:.0} reads of each file in all, as many as nodes. Nothing is written there.\n\
         - **A node** spends {added:.1} ms of processor time for each task's container, most of it in\n  \
           the runtime: {:.0} ms for its {TASKS} tasks on {cores} cores, when these are free. While the\n  \
           tasks run, their helpers hold {:.1} MiB of private memory and do not wake up. Below\n  \
           `/run/spank-oci` there are two directories for the step, a directory and two files for\n  \
           each task.\n",
        messages(OURS),
        crate::controller::TASKS,
        messages(PLAIN),
        TASKS - 1.0,
        NODES,
        added * TASKS / cores,
        memory.private as f64 * TASKS / 1024.0,
    )
}

//! What was promised, beside what was measured.

use super::{Results, life};
use crate::{
    many::Tasks,
    nodes::{OURS, PLAIN, RUNTIMES, native},
    result::Slurm,
    rounds::Samples,
    statistics::{Ratio, differences, median, ratio},
};

/// One promise.
pub struct Bar {
    pub what: String,
    pub limit: String,
    pub measured: String,
    pub met: bool,
}

impl Bar {
    fn ratio(what: String, limit: f64, measured: Ratio) -> Self {
        let Ratio { value, low, high } = measured;
        Self {
            what,
            limit: format!("≤ {limit:.2} ×"),
            measured: format!("{value:.2} × ({low:.2}–{high:.2})"),
            met: value <= limit,
        }
    }

    fn number(what: impl Into<String>, unit: &str, limit: f64, measured: f64) -> Self {
        let shown = |number: f64| match number.fract() == 0.0 {
            true => format!("{number} {unit}"),
            false => format!("{number:.2} {unit}"),
        };
        let (limit_shown, measured_shown) = (shown(limit), shown(measured));
        let met = measured <= limit;
        Self {
            what: what.into(), limit: format!("≤ {limit_shown}"), measured: measured_shown, met
        }
    }
}

/// What a container adds to a step: ms of each round.
pub fn added(samples: &Samples, with: &str, without: &str) -> Vec<f64> {
    differences(&samples[with], &samples[without])
}

/// The bars of one Slurm.
pub fn of_slurm(slurm: &Slurm) -> Vec<Bar> {
    let mut bars = vec![Bar::ratio(
        "srun without a container: with the plugin / without it".to_owned(),
        1.02,
        ratio(&slurm.unused[OURS], &slurm.unused[PLAIN]),
    )];
    for runtime in RUNTIMES {
        bars.extend(of_one_task(slurm, runtime));
    }
    bars.extend(slurm.many.iter().filter(|many| many.tasks >= 16).filter_map(of_tasks));
    bars.extend(of_memory(slurm));
    bars
}

fn of_one_task(slurm: &Slurm, runtime: &str) -> Vec<Bar> {
    let single = &slurm.single;
    let run = added(single, &format!("{OURS} {runtime} run"), OURS);
    let create = added(single, &format!("{OURS} {runtime} create"), OURS);
    let native = added(single, &native(runtime), PLAIN);
    let name = |text: &str| format!("{runtime}: {text}");
    let by_hand = ratio(&run, &single[&format!("{runtime} by hand")]);
    let mut bars = vec![
        Bar::ratio(name("what a container adds / the runtime by hand"), 1.10, by_hand),
        Bar::ratio(
            name("what a container adds / the same of Slurm's own"),
            0.80,
            ratio(&run, &native),
        ),
        Bar::ratio(name("create and start / run"), 1.25, ratio(&create, &run)),
    ];
    if let Some(delay) = life::delay(slurm, &format!("{runtime} create")) {
        let what = name("from the container's end to the helper's, without delete");
        bars.push(Bar::number(what, "ms", 5.0, delay));
    }
    bars
}

fn of_tasks(many: &Tasks) -> Option<Bar> {
    let native = native("crun");
    many.wall.get(&native)?;
    let ratio = ratio(&added(&many.wall, OURS, PLAIN), &added(&many.wall, &native, PLAIN));
    let what =
        format!("{} tasks on a node: what containers add / the same of Slurm's own", many.tasks);
    Some(Bar::ratio(what, 0.95, ratio))
}

fn of_memory(slurm: &Slurm) -> Vec<Bar> {
    let memory = &slurm.memory;
    let mut bars = Vec::new();
    for (way, kib) in &memory.helper {
        let what = format!("memory of the helper while the task runs, {way} (Pss)");
        bars.push(Bar::number(what, "KiB", 1024.0, kib.pss as f64));
    }
    for (way, wake_ups) in &memory.wake_ups {
        let what = format!("wake-ups of the helper in 10 s, {way}");
        bars.push(Bar::number(what, "", 0.0, *wake_ups as f64));
    }
    let growth = memory.slurmstepd["run"].anonymous as f64
        - memory.slurmstepd["no container"].anonymous as f64;
    bars.push(Bar::number(
        "growth of slurmstepd by a container (memory of its own)",
        "KiB",
        0.0,
        growth,
    ));
    bars
}

/// The bars that have nothing to do with Slurm.
pub fn of_machine(results: &Results) -> Vec<Bar> {
    let local = &results.local;
    let [library, helper] = local.sizes.map(|bytes| bytes as f64 / 1e3);
    let mut bars = vec![
        Bar::number("size of the library", "kB", 400.0, library),
        Bar::number("size of the program", "kB", 1500.0, helper),
    ];
    for (program, samples) in &local.load {
        let what = format!("loading the library and its first hook, as {program}");
        bars.push(Bar::number(what, "ms", 0.3, median(samples)));
    }
    let small = &local.big[0].sizes[0].wall;
    let more = |samples: &Samples, name: &str| {
        let usual = median(&small[name]);
        samples[name].iter().map(|ms| ms - usual).collect::<Vec<_>>()
    };
    for input in &local.big[1..] {
        let (smallest, largest) = (&input.sizes[0], &input.sizes[input.sizes.len() - 1]);
        let of = |name: &str| more(&largest.wall, name);
        let what = format!("{} {}: the helper / crun's own reading", largest.entries, input.name);
        bars.push(Bar::ratio(what, 1.0, ratio(&of("helper"), &of("crun"))));
        let what = format!("{}: 4 times as many / as many, of the helper", input.name);
        bars.push(Bar::ratio(what, 5.0, ratio(&of("helper"), &more(&smallest.wall, "helper"))));
    }
    bars
}

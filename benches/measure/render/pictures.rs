//! The pictures of the document.

use super::{
    Results, bars,
    life::typical,
    svg::{Align, Picture, axis},
};
use crate::{
    nodes::{OURS, PLAIN, RUNTIMES, native},
    result::Slurm,
    statistics::median,
    timeline::{Life, Span},
};

const WIDTH: f64 = 760.0;
const LEFT: f64 = 190.0;
const RIGHT: f64 = 60.0;

/// All of them, by their files' names.
pub fn all(results: &Results) -> Vec<(String, String)> {
    let mut pictures = vec![("one-task.svg".to_owned(), one_task(results))];
    if let Some(slurm) = results.slurms.last() {
        pictures.push(("many-tasks.svg".to_owned(), many_tasks(slurm)));
        for (way, name) in [("crun run", "life-run.svg"), ("crun create", "life-create.svg")] {
            let typical = slurm.lives.get(way).and_then(|lives| typical(lives));
            if let Some(life) = typical {
                let title = format!("One task's life: {way}, Slurm {}, ms", slurm.release);
                pictures.push((name.to_owned(), timeline(life, &title)));
            }
        }
    }
    pictures
}

/// What a container adds to srun, as bars.
fn one_task(results: &Results) -> String {
    let mut rows = Vec::new();
    for slurm in &results.slurms {
        for runtime in RUNTIMES {
            let by_hand = median(&slurm.single[&format!("{runtime} by hand")]);
            let of = |with: &str, without: &str| median(&bars::added(&slurm.single, with, without));
            let name = format!("{} {runtime}", slurm.release);
            rows.push((format!("{name} by hand"), "runtime", by_hand));
            let run = of(&format!("{OURS} {runtime} run"), OURS);
            rows.push((format!("{name} run"), "ours", run));
            let create = of(&format!("{OURS} {runtime} create"), OURS);
            rows.push((format!("{name} create/start"), "light", create));
            rows.push((format!("{name} Slurm's own"), "native", of(&native(runtime), PLAIN)));
        }
    }
    let height = 70.0 + rows.len() as f64 * 20.0 + (rows.len() / 4) as f64 * 8.0;
    let mut picture =
        Picture::new(WIDTH, height, "What a container adds to srun, median of all rounds, ms");
    let most = rows.iter().map(|row| row.2).fold(0.0, f64::max);
    let scale = grid(&mut picture, most, height - 24.0);
    for (index, (name, colour, ms)) in rows.iter().enumerate() {
        let y = 36.0 + index as f64 * 20.0 + (index / 4) as f64 * 8.0;
        picture.words(name, (LEFT - 8.0, y + 11.0), Align::End);
        picture.rectangle(colour, [LEFT, y, ms.max(0.0) * scale, 14.0]);
        picture.words(
            &format!("{ms:.1}"),
            (LEFT + ms.max(0.0) * scale + 6.0, y + 11.0),
            Align::Start,
        );
    }
    picture.finish()
}

/// Upright lines at round numbers; how many units of the picture one of the axis has.
fn grid(picture: &mut Picture, most: f64, bottom: f64) -> f64 {
    let (end, step) = axis(most);
    let scale = (WIDTH - LEFT - RIGHT) / end;
    for index in 0..=(end / step).round() as usize {
        let value = index as f64 * step;
        let x = LEFT + value * scale;
        picture.line("grid", &[(x, 30.0), (x, bottom)]);
        picture.words(
            &format!("{}", (value * 100.0).round() / 100.0),
            (x, bottom + 16.0),
            Align::Middle,
        );
    }
    scale
}

/// What containers add to a step for each of its tasks, by their number.
fn many_tasks(slurm: &Slurm) -> String {
    let (height, top, bottom) = (320.0, 60.0, 280.0);
    let title = format!(
        "What a container adds for each task on one node, crun, Slurm {}, ms",
        slurm.release
    );
    let mut picture = Picture::new(WIDTH, height, &title);
    let native = native("crun");
    let per_task = |name: &str| -> Vec<(u32, f64)> {
        let with = slurm.many.iter().filter(|many| many.wall.contains_key(name));
        with.map(|many| {
            let added = median(&bars::added(&many.wall, name, PLAIN));
            (many.tasks, added / f64::from(many.tasks))
        })
        .collect()
    };
    let series = [("ours", OURS), ("native", native.as_str())].map(|(c, name)| (c, per_task(name)));
    let most =
        series.iter().flat_map(|(_, points)| points).map(|point| point.1).fold(0.0, f64::max);
    let (end, step) = axis(most);
    for index in 0..=(end / step).round() as usize {
        let value = index as f64 * step;
        let y = bottom - value / end * (bottom - top);
        picture.line("grid", &[(60.0, y), (WIDTH - 20.0, y)]);
        picture.words(&format!("{}", (value * 100.0).round() / 100.0), (52.0, y + 4.0), Align::End);
    }
    let x = |tasks: u32| 90.0 + f64::from(tasks).log2() / 8.0 * (WIDTH - 150.0);
    for many in &slurm.many {
        picture.words(&many.tasks.to_string(), (x(many.tasks), bottom + 18.0), Align::Middle);
    }
    picture.words("tasks", (WIDTH - 20.0, bottom + 34.0), Align::End);
    for (colour, points) in &series {
        let points: Vec<_> = points
            .iter()
            .map(|&(tasks, ms)| (x(tasks), bottom - ms.max(0.0) / end * (bottom - top)))
            .collect();
        picture.line(colour, &points);
        points.iter().for_each(|&point| picture.dot(colour, point));
    }
    picture.legend(&[("ours", "spank-oci"), ("native", "Slurm's own")], (60.0, 44.0));
    picture.finish()
}

/// Each program of a task's life as a bar from its execution to its end.
fn timeline(life: &Life, title: &str) -> String {
    let create_start = ["create", "start", "delete"];
    let mut rows = vec![("srun", "slurm", life.srun), ("slurmstepd", "slurm", life.slurmstepd)];
    rows.push(("spank-oci (the helper)", "ours", life.helper));
    let names = if life.commands.len() > 1 { &create_start[..] } else { &["run"] };
    let commands = names.iter().zip(&life.commands);
    rows.extend(commands.map(|(name, span)| (*name, "runtime", *span)));
    rows.push(("the task", "task", life.container));
    let height = 90.0 + rows.len() as f64 * 26.0;
    let mut picture = Picture::new(WIDTH, height, title);
    let most = rows.iter().map(|row| row.2.exit).fold(0.0, f64::max);
    let bottom = 36.0 + rows.len() as f64 * 26.0;
    let scale = grid(&mut picture, most, bottom);
    for (index, (name, colour, Span { exec, exit, .. })) in rows.iter().enumerate() {
        let y = 36.0 + index as f64 * 26.0;
        picture.words(name, (LEFT - 8.0, y + 13.0), Align::End);
        picture.rectangle(colour, [LEFT + exec * scale, y, (exit - exec) * scale, 18.0]);
        let place = (LEFT + exit * scale + 6.0, y + 13.0);
        picture.words(&format!("{:.1}", exit - exec), place, Align::Start);
    }
    let legend = [
        ("slurm", "Slurm"),
        ("ours", "spank-oci"),
        ("runtime", "the runtime"),
        ("task", "the task"),
    ];
    picture.legend(&legend, (LEFT, bottom + 40.0));
    picture.finish()
}

//! Pictures for light and dark pages: rectangles, lines and words.

use std::fmt::Write as _;

/// Colours by what they stand for, on a light page and on a dark one.
const COLOURS: [(&str, &str, &str); 7] = [
    ("slurm", "#8c959f", "#6e7681"),
    ("ours", "#1a7f37", "#3fb950"),
    ("light", "#4ac26b", "#2ea043"),
    ("runtime", "#0969da", "#58a6ff"),
    ("native", "#bc4c00", "#f0883e"),
    ("task", "#8250df", "#bc8cff"),
    ("grid", "#d0d7de", "#30363d"),
];

/// Where a word stands relative to its place.
#[derive(Clone, Copy)]
pub enum Align {
    Start,
    Middle,
    End,
}

pub struct Picture {
    width: f64,
    height: f64,
    title: String,
    body: String,
}

impl Picture {
    pub fn new(width: f64, height: f64, title: &str) -> Self {
        Self { width, height, title: title.to_owned(), body: String::new() }
    }

    pub fn rectangle(&mut self, colour: &str, [x, y, width, height]: [f64; 4]) {
        let width = width.max(0.5);
        let _ = writeln!(
            self.body,
            r#"<rect class="{colour}" x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" rx="2"/>"#
        );
    }

    pub fn line(&mut self, colour: &str, points: &[(f64, f64)]) {
        let points: Vec<_> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let points = points.join(" ");
        let _ = writeln!(self.body, r#"<polyline class="line-{colour}" points="{points}"/>"#);
    }

    pub fn dot(&mut self, colour: &str, (x, y): (f64, f64)) {
        let _ =
            writeln!(self.body, r#"<circle class="{colour}" cx="{x:.1}" cy="{y:.1}" r="3.5"/>"#);
    }

    pub fn words(&mut self, text: &str, (x, y): (f64, f64), align: Align) {
        let anchor = match align {
            Align::Start => "start",
            Align::Middle => "middle",
            Align::End => "end",
        };
        let text = escape(text);
        let _ = writeln!(
            self.body,
            r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{text}</text>"#
        );
    }

    /// What the colours mean, in a row.
    pub fn legend(&mut self, entries: &[(&str, &str)], (x, y): (f64, f64)) {
        let mut at = x;
        for (colour, name) in entries {
            self.rectangle(colour, [at, y - 9.0, 11.0, 11.0]);
            self.words(name, (at + 16.0, y), Align::Start);
            at += 34.0 + name.len() as f64 * 6.6;
        }
    }

    pub fn finish(self) -> String {
        let Self { width, height, title, body } = self;
        let rules = |pick: fn(&(&str, &str, &str)) -> String| {
            COLOURS.iter().map(pick).collect::<Vec<_>>().join("")
        };
        let light = rules(|(name, colour, _)| {
            format!(".{name}{{fill:{colour}}}.line-{name}{{stroke:{colour}}}")
        });
        let dark = rules(|(name, _, colour)| {
            format!(".{name}{{fill:{colour}}}.line-{name}{{stroke:{colour}}}")
        });
        let title = escape(&title);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{title}\">\n\
             <style>text{{font:12px sans-serif;fill:#1f2328}}polyline{{fill:none;stroke-width:2}}.line-grid{{stroke-width:1}}{light}\n\
             @media(prefers-color-scheme:dark){{text{{fill:#e6edf3}}.page{{fill:#0d1117}}{dark}}}</style>\n\
             <rect class=\"page\" width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n\
             <text x=\"12\" y=\"20\" font-weight=\"bold\">{title}</text>\n{body}</svg>\n"
        )
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A round number for the end of an axis that is to show `most`, and for its steps.
pub fn axis(most: f64) -> (f64, f64) {
    let power = 10f64.powf(most.max(1e-6).log10().floor());
    let step = [0.1, 0.2, 0.5, 1.0, 2.0].map(|step| step * power);
    let step = step.into_iter().find(|step| most / step <= 6.0).unwrap_or(2.0 * power);
    ((most / step).ceil() * step, step)
}

//! Reports for people and for programs.
#![forbid(unsafe_code)]

use std::io::{self, Write};

use anstyle::Style;
use serde_json::{Value, json};

use super::{Found, Report};
use crate::{
    cli::paint,
    diagnostic::{Diagnostic, Part, Severity},
};

/// Every mistake where it stands, and a line for each thing that was looked at.
pub fn text(reports: &[Report]) -> io::Result<()> {
    let mut out = paint::out();
    for (index, report) in reports.iter().enumerate() {
        let path = report.path.display();
        let style = style(report.found.worst().unwrap_or(Severity::Note));
        match &report.found {
            Found::Diagnostics(list) => {
                for diagnostic in list {
                    writeln!(out, "{}\n", painted(diagnostic))?;
                }
                writeln!(out, "{path}: {style}{}{style:#}", summary(list))?;
            }
            Found::Unusable(error) => writeln!(out, "{style}{error}{style:#}")?,
            Found::Absent => {
                writeln!(out, "{path}: not there, so no site's rules were looked at")?;
            }
        }
        if index + 1 < reports.len() {
            writeln!(out)?;
        }
    }
    Ok(())
}

/// The array that `spank-oci check --help` describes.
pub fn json(reports: &[Report]) -> io::Result<()> {
    let mut all = Vec::new();
    for report in reports {
        match &report.found {
            Found::Diagnostics(list) => all.extend(list.iter().map(object)),
            Found::Unusable(error) => all.push(whole(report, Severity::Error, error.to_string())),
            Found::Absent => {
                let message = "not there, so no site's rules were looked at".to_owned();
                all.push(whole(report, Severity::Note, message));
            }
        }
    }
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, &all)?;
    writeln!(out)
}

fn whole(report: &Report, severity: Severity, message: String) -> Value {
    object(&Diagnostic { severity, file: report.path.clone(), place: None, message, hint: None })
}

fn object(diagnostic: &Diagnostic) -> Value {
    let place = diagnostic.place.as_ref();
    json!({
        "file": diagnostic.file.to_string_lossy(),
        "severity": diagnostic.severity.to_string(),
        "line": place.map(|place| place.line),
        "column": place.map(|place| place.column),
        "length": place.map(|place| place.len),
        "message": diagnostic.message,
        "hint": diagnostic.hint,
    })
}

fn style(severity: Severity) -> Style {
    match severity {
        Severity::Error => paint::ERROR,
        Severity::Warning => paint::WARNING,
        Severity::Note => paint::GOOD,
    }
}

fn painted(diagnostic: &Diagnostic) -> String {
    let paint = |(part, text): (Part, String)| {
        let style = match part {
            Part::Plain => return text,
            Part::Mark(severity) => style(severity),
            Part::Hint => paint::ASIDE,
        };
        format!("{style}{text}{style:#}")
    };
    diagnostic.parts().into_iter().map(paint).collect()
}

fn summary(diagnostics: &[Diagnostic]) -> String {
    let count = |severity| diagnostics.iter().filter(|it| it.severity == severity).count();
    let many = |count: usize, noun: &str| match count {
        1 => format!("1 {noun}"),
        count => format!("{count} {noun}s"),
    };
    let mistakes = match (count(Severity::Error), count(Severity::Warning)) {
        (0, 0) => "no mistakes".to_owned(),
        (errors, warnings) => format!("{}, {}", many(errors, "error"), many(warnings, "warning")),
    };
    match count(Severity::Note) {
        0 => mistakes,
        notes => format!("{mistakes}, {}", many(notes, "note")),
    }
}

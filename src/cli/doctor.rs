//! `spank-oci doctor`: is this node ready for containers?
#![forbid(unsafe_code)]

use std::{
    env,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use anstyle::Style;
use clap::Args;
use nix::unistd::{User, geteuid};
use serde_json::json;

use super::{UNUSABLE, fail, format::Format, paint};
use crate::doctor::{self, Finding, Section, Verdict, Wanted, account::Account, worst};

const EXAMPLES: &str = "\
Examples:
  sudo spank-oci doctor --user alice       look at this node, and run containers as alice
  spank-oci doctor                         the same as yourself
  spank-oci doctor --conf ./oci.conf       try a configuration before it is installed
  spank-oci doctor --strict --format json  for scripts

Each line tells what was looked at: ok, skip (not looked at), warn or FAIL, the last two
with what to do. Slurm need not be installed. Nothing is changed.

Exit status: 0 if nothing failed, 1 if there are warnings and --strict was given, 2 if
something failed.";

/// Look whether this node is ready for containers, and run some
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// Who is to run containers; you, if you are not root [default: $SUDO_USER]
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// The site's configuration [default: what plugstack.conf names]
    #[arg(long, value_name = "FILE")]
    conf: Option<PathBuf>,
    /// Slurm's list of plugins [default: what slurm.conf names]
    #[arg(long, value_name = "FILE")]
    plugstack: Option<PathBuf>,
    /// Run no containers
    #[arg(long)]
    no_containers: bool,
    /// Exit with 1 if there are warnings
    #[arg(long)]
    strict: bool,
    /// For people or for programs; JSON is {"release", "user", "verdict", "sections": [{"title", "findings"}]}
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Looks at everything and tells it.
pub fn run(options: &Options) -> ExitCode {
    let user = match user(options.user.as_deref()) {
        Ok(user) => user,
        Err(cause) => {
            let _ = fail(&cause);
            return ExitCode::from(UNUSABLE);
        }
    };
    let wanted = Wanted {
        user,
        conf: options.conf.as_deref().map(absolute),
        plugstack: options.plugstack.as_deref().map(absolute),
        containers: !options.no_containers,
    };
    let sections = doctor::examine(&wanted);
    let shown = match options.format {
        Format::Text => show(&sections),
        Format::Json => show_json(&wanted, &sections),
    };
    match (shown, worst(&sections)) {
        (Err(_), _) => ExitCode::FAILURE,
        (Ok(()), Verdict::Fail) => ExitCode::from(UNUSABLE),
        (Ok(()), Verdict::Warn) if options.strict => ExitCode::FAILURE,
        (Ok(()), _) => ExitCode::SUCCESS,
    }
}

/// The directory may be another one where it is used.
fn absolute(path: &std::path::Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Who is named, or who has called sudo; others than root can look at themselves only.
fn user(named: Option<&str>) -> Result<Option<Account>, String> {
    let caller = geteuid();
    if !caller.is_root() {
        let own = User::from_uid(caller).ok().flatten().map(Account::from);
        let own = own.ok_or_else(|| format!("there is no user with the id {caller}"))?;
        return match named {
            Some(name) if name != own.name => Err(format!(
                "only root can look at another user; run: sudo spank-oci doctor --user {name}"
            )),
            _ => Ok(Some(own)),
        };
    }
    let of_sudo = env::var("SUDO_USER").ok();
    let Some(name) = named.or(of_sudo.as_deref()) else { return Ok(None) };
    match User::from_name(name) {
        Ok(Some(user)) => Ok(Some(user.into())),
        _ => Err(format!("there is no user '{name}' on this node")),
    }
}

fn show(sections: &[Section]) -> io::Result<()> {
    let mut out = paint::out();
    let findings = || sections.iter().flat_map(|section| &section.findings);
    let width = findings().map(|it| it.subject.chars().count()).max().unwrap_or(0);
    for section in sections {
        paint(&mut out, paint::HEADING, &section.title)?;
        writeln!(out)?;
        for finding in &section.findings {
            line(&mut out, finding, width)?;
        }
        writeln!(out)?;
    }
    let count = |verdict| findings().filter(|it| it.verdict == verdict).count();
    let (fails, warnings) = (count(Verdict::Fail), count(Verdict::Warn));
    let (style, text) = match worst(sections) {
        Verdict::Fail => (paint::ERROR, "not ready"),
        Verdict::Warn => (paint::WARNING, "ready, but"),
        Verdict::Ok | Verdict::Skip => (paint::GOOD, "ready"),
    };
    paint(&mut out, style, text)?;
    writeln!(out, ": {fails} failed, {warnings} warnings, {} not looked at", count(Verdict::Skip))
}

fn line(out: &mut impl Write, finding: &Finding, width: usize) -> io::Result<()> {
    let (style, word) = match finding.verdict {
        Verdict::Ok => (paint::GOOD, "ok"),
        Verdict::Skip => (paint::ASIDE, "skip"),
        Verdict::Warn => (paint::WARNING, "warn"),
        Verdict::Fail => (paint::ERROR, "FAIL"),
    };
    write!(out, "  ")?;
    paint(out, style, &format!("{word:<4}"))?;
    let mut seen = finding.seen.lines();
    writeln!(out, "  {:<width$}  {}", finding.subject, seen.next().unwrap_or_default())?;
    let remedy = finding.remedy.as_ref().map(|remedy| format!("-> {remedy}"));
    for more in seen.chain(remedy.as_deref()) {
        writeln!(out, "        {:width$}  {more}", "")?;
    }
    Ok(())
}

fn paint(out: &mut impl Write, style: Style, text: &str) -> io::Result<()> {
    write!(out, "{style}{text}{style:#}")
}

fn show_json(wanted: &Wanted, sections: &[Section]) -> io::Result<()> {
    let value = json!({
        "release": env!("CARGO_PKG_VERSION"),
        "user": wanted.user.as_ref().map(|user| &user.name),
        "verdict": worst(sections),
        "sections": sections,
    });
    writeln!(io::stdout(), "{value:#}")
}

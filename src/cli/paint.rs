//! Colours, for people at terminals. What is written through [`out`] and [`err`] loses
//! them where there is no terminal, or where `NO_COLOR` or `TERM=dumb` asks for that.
#![forbid(unsafe_code)]

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use clap::builder::Styles;

/// What cannot be.
pub const ERROR: Style = AnsiColor::Red.on_default().bold();
/// What probably should not be.
pub const WARNING: Style = AnsiColor::Yellow.on_default().bold();
/// What is as it should be.
pub const GOOD: Style = AnsiColor::Green.on_default().bold();
/// What stands above other things.
pub const HEADING: Style = Style::new().bold();
/// What can be passed over.
pub const ASIDE: Style = Style::new().dimmed();

/// Colours of `--help`.
pub const HELP: Styles = Styles::styled()
    .header(HEADING)
    .usage(HEADING)
    .literal(AnsiColor::Cyan.on_default())
    .error(ERROR)
    .valid(GOOD)
    .invalid(WARNING);

/// Standard output.
pub fn out() -> AutoStream<std::io::StdoutLock<'static>> {
    anstream::stdout().lock()
}

/// Standard error.
pub fn err() -> AutoStream<std::io::StderrLock<'static>> {
    anstream::stderr().lock()
}

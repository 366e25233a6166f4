//! srun, sbatch and salloc: was a container asked for?
//!
//! Slurm 21.08 and newer set `SLURM_CONTAINER` when `--container` (or
//! `SRUN_CONTAINER` and so on) was given, but also hand down the variable of an
//! outer step. So it is forgotten before Slurm reads its options; what is there
//! afterwards was asked of this very command. Together with our own options it
//! makes a [`Marker`], in a variable whose name begins with `SLURM` because such
//! names survive every form of `--export`.
//!
//! Before Slurm 23.11 srun has one thing more to do, for `--multi-prog`:
//! [`take_program_list`].
#![forbid(unsafe_code)]

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use super::{
    Refusal,
    args::Args,
    host::{Context, Host, HostError, OwnOption},
    marker::{Asked, Marker},
    multi_prog, pmix,
    slurm_conf::{self, Answer},
};
use crate::slurm;

/// Slurm's own variable: the bundle as the user typed it.
pub const CONTAINER: &str = "SLURM_CONTAINER";
/// Ours: the [`Marker`], from a client with this plugin to slurmstepd.
pub const MARKER: &str = "SLURM_OCI_BUNDLE";

/// Ours as well, for the batch script: `sbatch --export-file` drops every other
/// variable. Slurm puts the prefix `SLURM_SPANK_` before the name it is given.
pub const BATCH_MARKER: &str = "SLURM_SPANK_OCI_BUNDLE";
const BATCH_MARKER_NAME: &str = "OCI_BUNDLE";

/// Where Slurm keeps the values of our options for later commands of the job,
/// which would take them for their own (spank(8), `_SLURM_SPANK_OPTION_…`).
pub const OPTIONS: [&str; 6] = [
    "_SLURM_SPANK_OPTION_spank_oci_container",
    "_SLURM_SPANK_OPTION_spank_oci_oci_bundle",
    "_SLURM_SPANK_OPTION_spank_oci_container_runtime",
    "SLURM_SPANK__SLURM_SPANK_OPTION_spank_oci_container",
    "SLURM_SPANK__SLURM_SPANK_OPTION_spank_oci_oci_bundle",
    "SLURM_SPANK__SLURM_SPANK_OPTION_spank_oci_container_runtime",
];
const OUTER: [&str; 5] =
    [CONTAINER, "SLURM_CONTAINER_ID", "SLURM_CONTAINER_TYPE", MARKER, BATCH_MARKER];

/// What this process has learnt: it is one srun, sbatch or salloc.
static CLIENT: Mutex<Client> = Mutex::new(Client { allocation: None, components: Vec::new() });

#[derive(Default)]
struct Client {
    /// The container of the salloc whose interactive step this srun is.
    allocation: Option<Asked>,
    /// What each component of a heterogeneous command asked for; an ordinary
    /// command is one.
    components: Vec<Option<Asked>>,
}

/// Registers our options and forgets the container of the step or allocation this
/// command was started in.
///
/// # Errors
/// Slurm refuses an option.
pub fn begin(host: &impl Host) -> Result<(), HostError> {
    CLIENT.lock().unwrap_or_else(PoisonError::into_inner).begin(host)
}

/// Marks the request of this command, if it has one. srun comes here once for each
/// component of a heterogeneous step, after reading its options.
///
/// # Errors
/// plugstack.conf has a mistake, no bundle is named, two are, or a relative path
/// cannot be made absolute.
pub fn mark_request(host: &impl Host, words: &[OsString]) -> Result<(), Refusal> {
    CLIENT.lock().unwrap_or_else(PoisonError::into_inner).mark_request(host, words)
}

/// Makes our options known, in every program that Slurm may hand them to.
///
/// # Errors
/// Slurm refuses.
pub fn register(host: &impl Host) -> Result<(), HostError> {
    if !has_container(host) {
        host.register(OwnOption::Container)?;
    }
    host.register(OwnOption::OciBundle)?;
    host.register(OwnOption::Runtime)
}

/// Puts the helper before each program of `srun --multi-prog`, where Slurm lets
/// the node do so for ordinary commands only (before 23.11).
///
/// # Errors
/// The helper's path cannot stand there, or Slurm does not show the command line.
pub fn take_program_list(host: &impl Host, words: &[OsString]) -> Result<(), Refusal> {
    if host.variable(MARKER).is_none() || host.can_prepend() {
        return Ok(());
    }
    let helper = Args::parse(words)?.helper;
    match multi_prog::taken(&host.command()?, &helper)? {
        Some(text) => Ok(host.replace_argument(multi_prog::TEXT, &text)?),
        None => Ok(()),
    }
}

impl Client {
    fn begin(&mut self, host: &impl Host) -> Result<(), HostError> {
        let interactive = || host.command_line().iter().any(|word| word == "--interactive");
        if host.context() == Context::Srun && interactive() {
            self.allocation = match host.variable(MARKER).map(|marker| Marker::decode(&marker)) {
                Some(Marker::One(asked)) => Some(asked),
                _ => None,
            };
        }
        OUTER.iter().chain(&OPTIONS).for_each(|name| host.unset_variable(name));
        register(host)
    }

    fn mark_request(&mut self, host: &impl Host, words: &[OsString]) -> Result<(), Refusal> {
        let asked = self.asked(host)?;
        if let Some(asked) = &asked {
            Args::parse(words)?.config_for(asked.runtime.as_deref(), None)?;
        }
        self.components.push(asked);
        let command_line = host.command_line();
        let components = Components::of(&command_line);
        match (host.context(), self.components.last()) {
            (Context::Srun, _) if components.several() => next_component(host),
            (Context::Allocator, Some(Some(asked)))
                if !components.first_asks_for(&asked.bundle) =>
            {
                return Err(Refusal::LaterComponent);
            }
            _ => {}
        }
        let Some(marker) = Marker::of(&self.components) else { return Ok(()) };
        if matches!(marker, Marker::PerComponent(_)) && components.choose_groups() {
            return Err(Refusal::Groups);
        }
        host.set_variable(MARKER, &marker.encode())?;
        if host.context() == Context::Allocator {
            host.set_job_variable(BATCH_MARKER_NAME, &marker.encode())?;
        }
        Ok(())
    }

    /// The container that the options read so far ask for.
    fn asked(&self, host: &impl Host) -> Result<Option<Asked>, Refusal> {
        let runtime = given(host, OwnOption::Runtime);
        let runtime = runtime.map(|name| name.to_string_lossy().into_owned());
        match own_bundle(host)? {
            Some(bundle) => Ok(Some(Asked { bundle, runtime })),
            None if host.option(OwnOption::Runtime).is_some() => Err(Refusal::RuntimeAlone),
            None => Ok(self.allocation.clone()),
        }
    }
}

/// The bundle that this command itself asks for.
fn own_bundle(host: &impl Host) -> Result<Option<PathBuf>, Refusal> {
    if let (false, Some(value)) = (has_container(host), given(host, OwnOption::Container)) {
        host.set_variable(CONTAINER, &value)?;
    }
    let container = host.variable(CONTAINER);
    let container = container.map(|bundle| absolute("--container", bundle)).transpose()?;
    let own = given(host, OwnOption::OciBundle);
    let own = own.map(|bundle| absolute("--oci-bundle", bundle)).transpose()?;
    if container.is_some() || own.is_some() {
        let option = if own.is_some() { "--oci-bundle" } else { "--container" };
        needs_interactive_step(host, option)?;
    }
    if let Some(bundle) = &container {
        pmix::warn_if_it_will_fail(host, bundle);
    }
    match (container, own) {
        (Some(container), Some(own)) if container != own => Err(Refusal::TwoBundles {
            container: container.display().to_string(),
            own: own.display().to_string(),
        }),
        (container, own) => Ok(container.or(own)),
    }
}

fn has_container(host: &impl Host) -> bool {
    host.release() >= slurm::WITH_CONTAINER
}

/// An option's value, or that of its variable, as for Slurm's own options.
fn given(host: &impl Host, option: OwnOption) -> Option<OsString> {
    let suffix = match option {
        OwnOption::Container => "CONTAINER",
        OwnOption::OciBundle => "OCI_BUNDLE",
        OwnOption::Runtime => "CONTAINER_RUNTIME",
    };
    let variable = || host.variable(&format!("{}_{suffix}", program(host)?.to_ascii_uppercase()));
    host.option(option).or_else(variable)
}

/// As Slurm itself does for its option: salloc's shell is in the container as the
/// interactive step, or not at all.
fn needs_interactive_step(host: &impl Host, option: &'static str) -> Result<(), Refusal> {
    if host.context() != Context::Allocator || program(host).as_deref() != Some("salloc") {
        return Ok(());
    }
    match slurm_conf::look_up(host, "LaunchParameters") {
        Answer::Unknown => Ok(()),
        Answer::Is(list) if has(&list, "use_interactive_step") => Ok(()),
        Answer::Is(_) | Answer::NotSet => Err(Refusal::NoInteractiveStep { option }),
    }
}

/// Whether a list in slurm.conf has a word, in upper or lower case.
fn has(list: &str, word: &str) -> bool {
    list.split(',').any(|listed| listed.trim().eq_ignore_ascii_case(word))
}

/// The name of this program.
fn program(host: &impl Host) -> Option<String> {
    let words = host.command_line();
    Some(Path::new(words.first()?).file_name()?.to_str()?.to_owned())
}

/// The path as seen from the directory the user stands in: tasks start elsewhere
/// with `--chdir`.
fn absolute(option: &'static str, bundle: OsString) -> Result<PathBuf, Refusal> {
    if bundle.is_empty() {
        return Err(Refusal::NoBundle { option });
    }
    std::path::absolute(&bundle).map_err(|error| Refusal::RelativeBundle {
        bundle: bundle.to_string_lossy().into_owned(),
        cause: error.to_string(),
    })
}

/// Lets Slurm set its variable anew for the next component, which it does only
/// where there is none. All components have one environment, so the variable
/// would be wrong for some of them anyway.
fn next_component(host: &impl Host) {
    host.unset_variable(CONTAINER);
}

/// The command line of a command that may be heterogeneous: components stand
/// between words ":", also where these are meant for the command itself.
struct Components<'a>(Vec<&'a [OsString]>);

impl<'a> Components<'a> {
    fn of(command_line: &'a [OsString]) -> Self {
        Self(command_line.split(|word| word == ":").collect())
    }

    /// Whether Slurm reads the options more than once.
    fn several(&self) -> bool {
        self.0.len() > 1 || self.choose_groups()
    }

    /// Whether `--het-group`, or `--pack-group` as it was called, is there.
    fn choose_groups(&self) -> bool {
        self.words_begin_with(0.., &["--het", "--pack"])
    }

    /// In sbatch and salloc: whether the bundle that was found is the first
    /// component's. A later one can only have been found if the option stands there.
    fn first_asks_for(&self, bundle: &Path) -> bool {
        let named = |word: &OsString| {
            let value = word.as_bytes().splitn(2, |&byte| byte == b'=').last().unwrap_or_default();
            std::path::absolute(OsStr::from_bytes(value)).is_ok_and(|path| path == bundle)
        };
        let first = self.0.first().copied().unwrap_or_default();
        !self.words_begin_with(1.., &["--conta", "--oci-b"]) || first.iter().any(named)
    }

    fn words_begin_with(&self, range: std::ops::RangeFrom<usize>, names: &[&str]) -> bool {
        let begins =
            |word: &OsStr| names.iter().any(|name| word.as_bytes().starts_with(name.as_bytes()));
        self.0
            .iter()
            .skip(range.start)
            .flat_map(|component| component.iter())
            .any(|word| begins(word))
    }
}

#[cfg(test)]
mod tests;

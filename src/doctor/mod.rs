//! Is this node ready for containers?
//!
//! Files look at the node and give what they see as a value ([`kernel`], [`account`],
//! [`runtimes`], [`slurm`], [`configuration`]); the same ones have pure rules that make
//! [`Finding`]s of such a value, each with what to do. [`trial`] runs containers.
//! Nothing of the node is changed, and nothing here is needed by tasks.
#![forbid(unsafe_code)]

pub mod account;
pub mod ask;
pub mod configuration;
pub mod finding;
pub mod flaws;
pub mod kernel;
pub mod packages;
pub mod plugstack;
pub mod runtimes;
pub mod slurm;
pub mod slurm_rules;
pub mod trial;
pub mod version;

use std::path::{Path, PathBuf};

use account::Account;
use configuration::Read;
pub use finding::{Finding, Section, Verdict, worst};

use crate::{
    config::Config,
    plugin::args::{Args, CONFIG},
};

/// What is to be looked at.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Who is to run containers; `None` if nobody is named.
    pub user: Option<Account>,
    /// The site's oci.conf, instead of those that plugstack.conf names.
    pub conf: Option<PathBuf>,
    /// plugstack.conf, instead of Slurm's.
    pub plugstack: Option<PathBuf>,
    /// Whether to run containers.
    pub containers: bool,
}

/// Looks at everything.
pub fn examine(wanted: &Wanted) -> Vec<Section> {
    let slurm = slurm::look(wanted.plugstack.as_deref());
    let args = slurm.ours.as_ref().and_then(|ours| ours.args.as_ref().ok().cloned());
    let args = args.or_else(|| Args::parse(&[]).ok());
    let helper = slurm.ours.as_ref().and_then(|ours| ours.helper.as_ref());
    let helper = helper.filter(|helper| helper.is_good()).map(|helper| helper.path.as_path());
    let reads = configurations(wanted, args.as_ref());
    let usable: Vec<_> =
        reads.iter().filter_map(|read| Some(&read.content.as_ref().ok()?.1)).collect();
    let programs = runtimes::look(&usable);
    let kernel = kernel::look();
    let namespaces = wanted.user.as_ref().map(trial::namespaces_as);
    let mut configuration: Vec<_> = reads.iter().map(configuration::judge).collect();
    if let Some(args) = &args {
        let found = configuration::state(&args.state);
        configuration.push(configuration::judge_state(&args.state, found));
    }
    vec![
        section("Kernel", kernel::judge(&kernel, &runtimes::in_use(&programs), namespaces)),
        section("Runtimes", runtimes::judge(&programs)),
        section("User", user(wanted, &usable)),
        section("Slurm", slurm_rules::judge(&slurm)),
        section("Configuration", configuration),
        section("Containers", containers(wanted, helper, &reads)),
    ]
}

fn section(title: &str, findings: Vec<Finding>) -> Section {
    Section { title: title.to_owned(), findings }
}

/// The one that is named, or those of plugstack.conf, the usual one first.
fn configurations(wanted: &Wanted, args: Option<&Args>) -> Vec<Read> {
    let of_args = || match args {
        Some(args) => {
            let profiles = args.profiles.iter().map(|(_, path)| path.clone());
            [args.config.clone()].into_iter().chain(profiles).collect()
        }
        None => vec![PathBuf::from(CONFIG)],
    };
    let mut paths = wanted.conf.clone().map_or_else(of_args, |path| vec![path]);
    paths.dedup();
    paths.into_iter().map(configuration::read).collect()
}

const NOBODY: &str = "root has nobody to look at; name a user who runs jobs: --user NAME";

fn user(wanted: &Wanted, configs: &[&Config]) -> Vec<Finding> {
    let Some(account) = &wanted.user else { return vec![Finding::skip("user", NOBODY)] };
    let templates = || configs.iter().flat_map(|config| runtimes::templates(config));
    let names_run = templates().any(|template| template.source().contains("/run/user/"));
    let run_dir_wanted = (!configs.is_empty()).then_some(names_run);
    account::judge(&account::look(account.clone(), run_dir_wanted))
}

/// Containers with each configuration that can be used.
fn containers(wanted: &Wanted, helper: Option<&Path>, reads: &[Read]) -> Vec<Finding> {
    let skip = |seen: &str| vec![Finding::skip("containers", seen)];
    if !wanted.containers {
        return skip("left out, as you asked");
    }
    let Some(account) = &wanted.user else { return skip(NOBODY) };
    let usable: Vec<_> = reads.iter().filter(|read| read.content.is_ok()).collect();
    let tried = |read: &&Read| {
        let mut findings = trial::containers_as(account, helper, &read.path);
        if usable.len() > 1 {
            let path = read.path.display();
            findings.iter_mut().for_each(|it| it.subject = format!("{} ({path})", it.subject));
        }
        findings
    };
    match usable.as_slice() {
        [] => skip("there is no oci.conf that can be used"),
        usable => usable.iter().flat_map(tried).collect(),
    }
}

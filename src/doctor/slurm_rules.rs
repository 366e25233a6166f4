//! What the node's Slurm and its plugstack.conf mean for containers.
#![forbid(unsafe_code)]

use std::path::Path;

use super::{
    finding::Finding,
    plugstack::Entry,
    slurm::{Ours, Part, RELEASE, Slurm},
    version::Version,
};
use crate::{plugin::args::CONFIG, spank::version::serves};

/// What a package puts into plugstack.conf's line.
const LINE: &str = "required /usr/lib/spank-oci/spank_oci.so";

/// What it means.
pub fn judge(slurm: &Slurm) -> Vec<Finding> {
    let mut findings = vec![version(slurm)];
    if slurm.version.is_none() && slurm.slurm_conf.is_none() && slurm.entries.is_none() {
        return findings;
    }
    findings.extend(native(slurm));
    findings.extend(plugstack(slurm));
    findings
}

fn version(slurm: &Slurm) -> Finding {
    const SUBJECT: &str = "Slurm";
    let Some(text) = &slurm.version else {
        return Finding::skip(SUBJECT, "not installed here: there is no slurmd and no srun");
    };
    let release = Version::find(text).map(|version| version.series);
    match release {
        Some(release) if serves(release) => Finding::ok(SUBJECT, text.as_str()),
        Some((year, month)) => Finding::fail(
            SUBJECT,
            format!("{text}; this release of spank-oci is not made for {year:02}.{month:02}"),
            format!(
                "install a newer spank-oci, or build one for this Slurm alone: SLURM_VERSION={year:02}.{month:02} ./dev build"
            ),
        ),
        None => Finding::warn(
            SUBJECT,
            format!("'{text}' names no version"),
            "see that slurmd -V is Slurm's",
        ),
    }
}

fn native(slurm: &Slurm) -> Option<Finding> {
    let native = slurm.native.as_ref()?.display();
    let args = slurm.ours.as_ref().and_then(|ours| ours.args.as_ref().ok());
    let ours = args.map_or(Path::new(CONFIG), |args| &args.config).display();
    Some(Finding::fail(
        "Slurm's own containers",
        format!("'{native}' switches them on, so both would make one"),
        format!("run: mv -n '{native}' '{ours}'; and restart slurmd"),
    ))
}

fn plugstack(slurm: &Slurm) -> Vec<Finding> {
    const SUBJECT: &str = "plugstack.conf";
    let path = slurm.plugstack.display();
    let write = || format!("write this line into it, and restart slurmd: {LINE}");
    let entries = match &slurm.entries {
        None => return vec![Finding::fail(SUBJECT, format!("there is no '{path}'"), write())],
        Some(Err(cause)) => {
            return vec![Finding::fail(
                SUBJECT,
                cause.as_str(),
                "every user must be able to read it: srun does",
            )];
        }
        Some(Ok(entries)) => entries,
    };
    let mut findings = match &slurm.ours {
        None => {
            vec![Finding::fail(SUBJECT, format!("'{path}' has no line of spank_oci.so"), write())]
        }
        Some(ours) => of_line(slurm, ours, entries),
    };
    findings.extend(entries.iter().filter_map(other));
    findings
}

fn of_line(slurm: &Slurm, ours: &Ours, entries: &[Entry]) -> Vec<Finding> {
    let mut findings = vec![line(ours)];
    findings.extend(entries.iter().filter(|entry| entry.is_ours()).skip(1).map(again));
    if let Err(error) = &ours.args {
        let remedy = format!("correct {}", ours.entry.place());
        findings.push(Finding::fail("its words", error.to_string(), remedy));
    }
    findings.push(match &ours.library {
        Some(library) => part("library", library),
        None => Finding::warn(
            "library",
            format!(
                "'{}' has no directory, so Slurm looks for it in PluginDir",
                ours.entry.plugin.display()
            ),
            format!("write the whole path into {}", ours.entry.place()),
        ),
    });
    findings.extend(ours.helper.as_ref().map(|helper| part("helper", helper)));
    findings.push(loads(slurm));
    findings
}

fn line(ours: &Ours) -> Finding {
    const SUBJECT: &str = "plugstack.conf";
    let place = ours.entry.place();
    match ours.entry.required {
        true => Finding::ok(SUBJECT, format!("{place}: required {}", ours.entry.plugin.display())),
        false => Finding::warn(
            SUBJECT,
            format!(
                "{place}: 'optional': if the library is missing or does not load, jobs that ask for a container run on the host"
            ),
            format!("write 'required' for 'optional' in {place}"),
        ),
    }
}

fn again(entry: &Entry) -> Finding {
    Finding::warn(
        "plugstack.conf",
        format!("{}: the plugin's line once more, which Slurm ignores", entry.place()),
        format!("remove {}", entry.place()),
    )
}

fn part(subject: &str, part: &Part) -> Finding {
    let path = part.path.display();
    let install =
        format!("install library and helper from one release, such as this one, {RELEASE}");
    match (&part.release, &part.changeable) {
        // The directory of a missing file may be wanting as well, which helps nobody.
        _ if !part.path.exists() => Finding::fail(
            subject,
            format!("there is no '{path}'"),
            "install it, or correct plugstack.conf",
        ),
        (_, Some((problem, remedy))) => {
            Finding::fail(subject, format!("others could change it: {problem}"), remedy.as_str())
        }
        (Err(cause), None) => Finding::fail(subject, format!("'{path}': {cause}"), install),
        (Ok(release), None) if release != RELEASE => Finding::fail(
            subject,
            format!("'{path}' is of release {release}, this program of {RELEASE}"),
            install,
        ),
        (Ok(release), None) => Finding::ok(subject, format!("{path}, release {release}")),
    }
}

fn loads(slurm: &Slurm) -> Finding {
    const SUBJECT: &str = "loading it";
    match &slurm.loads {
        None => Finding::skip(SUBJECT, "there is no srun here that reads this plugstack.conf"),
        Some(Ok(())) => Finding::ok(SUBJECT, "srun loads it: 'srun --help' has --oci-bundle"),
        Some(Err(errors)) if errors.is_empty() => Finding::fail(
            SUBJECT,
            "'srun --help' has no --oci-bundle, and tells no error",
            "run: SLURM_CONF=... srun -vvv --help; and look for 'spank' in what it says",
        ),
        Some(Err(errors)) => Finding::fail(
            SUBJECT,
            format!("srun does not load it:\n{errors}"),
            "correct what stands above; should the version be the reason, install the release of spank-oci for this Slurm",
        ),
    }
}

fn other(entry: &Entry) -> Option<Finding> {
    let name = entry.other()?;
    Some(Finding::warn(
        name,
        format!(
            "{}: another container plugin; a job that asks both for a container would get one in the other",
            entry.place()
        ),
        format!(
            "remove {} where nobody needs it, or tell users to ask one of them only",
            entry.place()
        ),
    ))
}

#[cfg(test)]
mod tests;

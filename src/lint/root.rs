//! `root`: the image's files.
#![forbid(unsafe_code)]

use std::path::Path;

use super::{Case, finding::Findings, host::Seen};
use crate::bundle::Bundle;

const PATH: &str = "/root/path";

pub(super) fn check(bundle: &Bundle, case: &Case) -> Findings {
    let mut findings = Findings::default();
    let rootfs = bundle.rootfs.display();
    match case.facts.seen(&bundle.rootfs) {
        Some(Seen::Nothing(cause)) => {
            findings
                .error(PATH, format!("cannot use the root file system '{rootfs}': {cause}"))
                .hint("root.path is a directory; if it is relative, it starts from the bundle");
        }
        Some(Seen::Something { directory: false, .. }) => {
            findings
                .error(PATH, format!("the root file system '{rootfs}' is not a directory"))
                .hint("unpack the image, for instance with umoci");
        }
        Some(Seen::Something { executable: false, .. }) => {
            findings
                .error(PATH, format!("you may not enter the root file system '{rootfs}'"))
                .hint(format!("its owner must run: chmod a+x '{rootfs}'"));
        }
        Some(Seen::Something { real, .. }) if real == Path::new("/") => {
            findings
                .error(PATH, "this is the root of the host, into which no runtime can change")
                .hint("name a directory with the files of an image");
        }
        Some(Seen::Something { real, .. }) => outside(&mut findings, bundle, real, case),
        None => {}
    }
    if case.facts.sealed {
        let message = "the image lacks mount points and cannot be written: \
             each task gets a root of its own, with the image's parts mounted";
        findings.note(PATH, message);
    }
    findings
}

fn outside(findings: &mut Findings, bundle: &Bundle, real: &Path, case: &Case) {
    if let Some(Seen::Something { real: dir, .. }) = case.facts.seen(&bundle.dir)
        && !real.starts_with(dir)
    {
        let message =
            format!("the root file system is outside of the bundle, in '{}'", real.display());
        findings.note(PATH, message).hint("it must be on every node of the step, too");
    }
}

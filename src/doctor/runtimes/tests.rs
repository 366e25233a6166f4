use super::*;
use crate::doctor::finding::Verdict::{Fail, Ok as Good, Warn};

fn program(name: &str, version: &str) -> Program {
    Program {
        name: name.into(),
        used: true,
        path: Some(Path::new("/usr/bin").join(name)),
        changeable: None,
        version: Ok(version.into()),
        package: None,
    }
}

fn one(program: Program) -> Finding {
    let mut findings = judge(&[program]);
    assert_eq!(findings.len(), 1, "{findings:?}");
    findings.remove(0)
}

fn config(text: &str) -> Config {
    let none = &mut |_: &Path| Err(std::io::Error::other("no such file"));
    Config::parse(Path::new("oci.conf"), text.as_bytes(), none).unwrap().config
}

#[test]
fn a_runtime_without_known_flaws_is_good() {
    let found = one(program("crun", "crun version 1.28"));
    assert_eq!((found.verdict, found.seen.as_str()), (Good, "crun version 1.28, /usr/bin/crun"));
    let unused = Program { used: false, ..program("podman", "podman version 4.3.1") };
    assert_eq!(one(unused).seen, "podman version 4.3.1, /usr/bin/podman; not used by oci.conf");
}

#[test]
fn a_flaw_is_named_with_the_version_to_install() {
    let found = one(program("crun", "crun version 1.27.1"));
    assert_eq!(found.verdict, Warn);
    assert_eq!(
        found.seen,
        "crun version 1.27.1, /usr/bin/crun\nCVE-2026-47766: an image's link /dev leads to the host"
    );
    assert_eq!(
        found.remedy.as_deref(),
        Some(
            "install crun 1.28 or newer, unless your distribution has put the fixes into this one"
        )
    );
}

#[test]
fn what_the_package_mends_is_no_flaw() {
    let changes = |text: &str| Some(text.to_owned());
    let with = |changes| Program {
        package: Some(Package { name: "crun 1.27.1-1".into(), changes }),
        ..program("crun", "crun version 1.27.1")
    };
    let mended = one(with(changes("* CVE-2026-47766")));
    assert_eq!(mended.verdict, Good);
    assert_eq!(
        mended.seen,
        "crun version 1.27.1, /usr/bin/crun, package crun 1.27.1-1, which mends CVE-2026-47766"
    );
    for (changes, ending) in [
        (
            changes("* New upstream release"),
            "; the changelog of package crun 1.27.1-1 names none of these",
        ),
        (None, ", unless package crun 1.27.1-1 has the fixes: its changelog is not installed"),
    ] {
        let found = one(with(changes));
        assert_eq!(found.remedy, Some(format!("install crun 1.28 or newer{ending}")));
    }
}

#[test]
fn debians_runc_has_what_debian_has_mended_and_the_rest() {
    let package = Package {
        name: "runc 1.1.5+ds1-1+deb12u1".into(),
        changes: Some("  * CVE-2024-21626: several container breakouts\n".into()),
    };
    let runc = Program { package: Some(package), ..program("runc", "runc version 1.1.5+ds1") };
    let found = one(runc);
    assert_eq!(found.verdict, Warn);
    assert!(found.seen.contains(", which mends CVE-2024-21626\n"), "{}", found.seen);
    assert!(!found.seen.contains("CVE-2024-21626:"), "{}", found.seen);
    assert!(found.seen.contains("CVE-2024-45310") && found.seen.contains("CVE-2025-31133"));
    assert!(found.remedy.unwrap().starts_with("install runc 1.3.6 or newer"));
}

#[test]
fn a_runtime_that_is_not_there_fails() {
    let found = one(Program { path: None, ..program("crun", "") });
    assert_eq!(found.verdict, Fail);
    assert_eq!(found.seen, format!("oci.conf executes it, but it is not in {RUNTIME_PATH}"));
    assert_eq!(found.remedy.as_deref(), Some("install it, or correct oci.conf"));
    let none = judge(&[]);
    assert_eq!(none[0].verdict, Fail);
    assert!(none[0].remedy.as_ref().unwrap().contains("apt-get install crun"));
}

#[test]
fn a_runtime_that_others_could_change_fails_where_it_is_used() {
    let changeable =
        Some(("'/usr/bin/crun' has mode 0777".into(), "run: chmod go-w '/usr/bin/crun'".into()));
    let version = Err("not asked, since others could change it".to_owned());
    let crun = Program { changeable, version, ..program("crun", "") };
    let [found, unasked] = judge(std::slice::from_ref(&crun)).try_into().unwrap();
    assert_eq!(
        (found.verdict, found.remedy.as_deref()),
        (Fail, Some("run: chmod go-w '/usr/bin/crun'"))
    );
    assert_eq!(found.seen, "others could change it: '/usr/bin/crun' has mode 0777");
    assert_eq!(
        (unasked.verdict, unasked.remedy.as_deref()),
        (Warn, Some("run: /usr/bin/crun --version"))
    );
    assert_eq!(judge(&[Program { used: false, ..crun }])[0].verdict, Warn);
}

#[test]
fn the_programs_of_all_commands_are_looked_at() {
    let text = "RunTimeRun=\"sudo -n /opt/singularity oci run %b\"\nRunTimeKill=\"crun kill %j\"\nRunTimeDelete=\"env A=b unshare -m runc --root=/x/podman delete %j; true\"\n";
    let config = config(text);
    let names: Vec<_> = templates(&config).flat_map(programs).collect();
    assert_eq!(names, ["sudo", "/opt/singularity", "crun", "/bin/sh", "runc"]);
}

//! `spank-oci doctor` on a node of a real Slurm: nothing fails where all is well, and
//! each thing that is not is found with its remedy.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
};

use serde_json::Value;

use crate::{
    cluster::{ALICE, path},
    leftovers,
    site::{Restored, change, kinds, plugstack, site, with_site},
};

/// Verdict, subject, what was seen, and the remedy.
type Finding = [String; 4];

/// What doctor says, told by JSON.
fn findings(text: &str) -> Vec<Finding> {
    let value: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let sections = value["sections"].as_array().unwrap().clone();
    let findings = sections.iter().flat_map(|section| section["findings"].as_array().unwrap());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let keys = ["verdict", "subject", "seen", "remedy"];
    findings.map(|finding| keys.map(|key| text(&finding[key]))).collect()
}

/// As root, for alice.
fn doctor(arguments: &[&str]) -> Vec<Finding> {
    let mut command = Command::new(path("bin/spank-oci"));
    command.args(["doctor", "--user", "alice", "--format=json"]).args(arguments);
    findings(&String::from_utf8(command.output().unwrap().stdout).unwrap())
}

/// Programs of distributions have the flaws they have.
fn is_of_runtime(finding: &Finding) -> bool {
    ["crun", "runc", "podman", "ch-run", "apptainer"].contains(&finding[1].as_str())
}

/// What is not as it should be, without runtimes' flaws.
fn odd(findings: Vec<Finding>) -> Vec<Finding> {
    findings.into_iter().filter(|it| it[0] != "ok" && !is_of_runtime(it)).collect()
}

/// What is odd about the node when no containers are run.
fn odd_at_a_glance() -> Vec<Finding> {
    let mut list = odd(doctor(&["--no-containers"]));
    list.retain(|it| it[1] != "containers");
    list
}

#[test]
fn nothing_is_odd_where_all_is_well_and_containers_run() {
    for kind in kinds() {
        let _restored = kind.install();
        leftovers::after(|| {
            let list = doctor(&[]);
            assert_eq!(odd(list.clone()), Vec::<Finding>::new(), "{kind:?}");
            let subjects: Vec<_> = list.iter().map(|it| it[1].as_str()).collect();
            for subject in ["loading it", "a task", "its end", "the guide's test"] {
                assert!(subjects.contains(&subject), "{subject}: {subjects:?}");
            }
            assert!(list.iter().all(|it| it[0] != "fail"), "{list:?}");
        });
    }
}

#[test]
fn users_may_look_too() {
    leftovers::after(|| {
        let program = path("bin/spank-oci").display().to_string();
        let told = ALICE.run(&[&program, "doctor", "--format=json"]);
        assert_eq!(odd(findings(&told.text())), Vec::<Finding>::new());
        let other = ALICE.run(&[&program, "doctor", "--user", "bob"]);
        assert_eq!(
            (other.status, other.stderr.as_str()),
            (
                2,
                "spank-oci: only root can look at another user; run: sudo spank-oci doctor --user bob\n"
            )
        );
    });
}

/// Looks with another plugstack.conf.
fn with_plugstack(text: &str) -> Vec<Finding> {
    let _restored = change(plugstack(), Some(text));
    odd_at_a_glance()
}

/// The one that is odd.
fn only(list: Vec<Finding>) -> Finding {
    match <[Finding; 1]>::try_from(list) {
        Ok([finding]) => finding,
        Err(list) => panic!("{list:#?}"),
    }
}

#[test]
fn what_is_wrong_with_plugstack_conf_is_found() {
    let file = plugstack().display().to_string();
    let line = fs::read_to_string(plugstack()).unwrap();

    let optional = only(with_plugstack(&line.replace("required", "optional")));
    assert_eq!(optional[0], "warn");
    assert_eq!(optional[3], format!("write 'required' for 'optional' in {file}:1"));

    // The site's oci.conf is not known without it, so that is missed as well.
    let list = with_plugstack("");
    assert_eq!(list[0][2], format!("'{file}' has no line of spank_oci.so"));
    assert_eq!(
        list[0][3],
        "write this line into it, and restart slurmd: required /usr/lib/spank-oci/spank_oci.so"
    );

    let other = only(with_plugstack(&format!("{line}optional /missing/spank_pyxis.so\n")));
    assert_eq!((other[0].as_str(), other[1].as_str()), ("warn", "pyxis"));
    assert!(other[3].starts_with(&format!("remove {file}:2 ")), "{other:?}");

    let list = with_plugstack(&line.replace("conf=", "config="));
    assert_eq!(list[0][1], "its words");
    assert!(list[0][2].contains("unknown name in argument 'config="), "{list:?}");
    assert_eq!(list[0][3], format!("correct {file}:1"));
}

#[test]
fn a_library_that_slurm_does_not_load_is_found_with_what_slurm_says() {
    let library = path("lib/spank_oci.so");
    let content = fs::read(&library).unwrap();
    // Of another release, and no library any more.
    let broken = Broken { path: &library, content };
    fs::write(&library, b"spank-oci library of release 9.9.9\0").unwrap();
    let list = odd_at_a_glance();
    drop(broken);
    let shown = library.display();
    let release = env!("CARGO_PKG_VERSION");
    assert_eq!(
        list[0],
        [
            "fail",
            "library",
            &format!("'{shown}' is of release 9.9.9, this program of {release}"),
            &format!("install library and helper from one release, such as this one, {release}"),
        ]
    );
    assert_eq!((list[1][0].as_str(), list[1][1].as_str()), ("fail", "loading it"));
    assert!(list[1][2].starts_with("srun does not load it:\nsrun: error: "), "{list:?}");
    assert!(list[1][2].contains("spank_oci.so"), "{list:?}");
}

/// A file that is put back.
struct Broken<'a> {
    path: &'a Path,
    content: Vec<u8>,
}

impl Drop for Broken<'_> {
    fn drop(&mut self) {
        let _ = fs::write(self.path, &self.content);
    }
}

#[test]
fn slurms_own_containers_are_found() {
    let native = path("etc/oci.conf");
    let _restored = Native::new(&native);
    let found = only(odd_at_a_glance());
    assert_eq!((found[0].as_str(), found[1].as_str()), ("fail", "Slurm's own containers"));
    let (native, ours) = (native.display(), site());
    assert_eq!(found[3], format!("run: mv -n '{native}' '{}'; and restart slurmd", ours.display()));
}

/// A file that is removed again.
struct Native<'a>(&'a Path);

impl<'a> Native<'a> {
    fn new(path: &'a Path) -> Self {
        fs::write(path, "").unwrap();
        Self(path)
    }
}

impl Drop for Native<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.0);
    }
}

#[test]
fn a_configuration_that_others_could_change_is_found_and_one_with_mistakes() {
    let file = site().display().to_string();
    let mode = |mode| fs::set_permissions(site(), Permissions::from_mode(mode)).unwrap();
    mode(0o666);
    let found = only(odd_at_a_glance());
    mode(0o644);
    assert_eq!((found[0].as_str(), found[1].as_str()), ("fail", file.as_str()));
    assert_eq!(found[3], format!("run: chmod go-w '{file}'"));

    let text = fs::read_to_string(site()).unwrap();
    let _restored: Restored = change(site(), Some(&format!("{text}Nonsense=1\n")));
    let found = only(odd_at_a_glance());
    assert_eq!((found[0].as_str(), found[2].as_str()), ("fail", "1 mistake"));
    assert_eq!(found[3], format!("run: spank-oci check --conf {file}"));
}

#[test]
fn the_users_run_directory_is_missed_where_oci_conf_names_it() {
    let directory = format!("/run/user/{}", ALICE.id());
    let aside = format!("{directory}.aside");
    fs::rename(&directory, &aside).unwrap();
    let list = odd(doctor(&[]));
    fs::rename(&aside, &directory).unwrap();
    assert_eq!(
        list[0],
        [
            "fail",
            &directory,
            "not there, but oci.conf keeps the runtime's files in it",
            "run: loginctl enable-linger alice; or name another --root= in oci.conf"
        ]
    );
    // And so no container runs, which tells where to look.
    assert_eq!((list[1][0].as_str(), list[1][1].as_str()), ("fail", "a task"), "{list:#?}");
    assert_eq!(list[1][3], "see /run/user above", "{list:#?}");
}

#[test]
fn commands_that_leave_a_container_are_found() {
    let text = fs::read_to_string(site()).unwrap();
    let key = |line: &str| line.split('=').next().unwrap_or_default().to_owned();
    let lines = text.lines().map(|line| match key(line).as_str() {
        key @ ("RunTimeKill" | "RunTimeDelete") => format!("{key}=\"/bin/false %j\"\n"),
        _ => format!("{line}\n"),
    });
    with_site(&lines.collect::<String>(), || {
        let list = odd(doctor(&[]));
        forget_containers();
        let found = only(list);
        assert_eq!((found[0].as_str(), found[1].as_str()), ("fail", "its end"));
        assert!(found[2].starts_with("the runtime still knows the container: crun "), "{found:?}");
        assert!(found[3].starts_with("see that RunTimeKill and RunTimeDelete"), "{found:?}");
    });
}

/// What the site's commands did not do.
fn forget_containers() {
    let root = format!("--root=/run/user/{}/", ALICE.id());
    ALICE.sh(&format!("for id in $(crun {root} list -q); do crun {root} delete --force $id; done"));
}

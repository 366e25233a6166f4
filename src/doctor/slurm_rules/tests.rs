use std::path::PathBuf;

use super::*;
use crate::{
    doctor::finding::Verdict::{self, Fail, Ok as Good, Skip, Warn},
    plugin::args::Args,
};

fn entry(required: bool, plugin: &str) -> Entry {
    Entry {
        file: "/etc/slurm/plugstack.conf".into(),
        line: 3,
        required,
        plugin: plugin.into(),
        words: vec![],
    }
}

fn part_at(path: &str) -> Part {
    Part { path: path.into(), changeable: None, release: Ok(RELEASE.into()) }
}

/// A node that is as it should be; the files are ones that exist everywhere.
fn good() -> Slurm {
    let ours = entry(true, "/usr/lib/spank-oci/spank_oci.so");
    Slurm {
        version: Some("slurm-wlm 22.05.8".into()),
        slurm_conf: Some("/etc/slurm/slurm.conf".into()),
        native: None,
        plugstack: "/etc/slurm/plugstack.conf".into(),
        entries: Some(Ok(vec![ours.clone()])),
        ours: Some(Ours {
            entry: ours,
            args: Args::parse(&[]),
            library: Some(part_at("/bin/sh")),
            helper: Some(part_at("/bin/sh")),
        }),
        loads: Some(Ok(())),
    }
}

fn with_line(change: impl Fn(&mut Ours)) -> Slurm {
    let mut slurm = good();
    slurm.ours.iter_mut().for_each(change);
    slurm
}

/// What is not as it should be: verdict, and what was seen with the remedy.
fn told(slurm: &Slurm) -> Vec<(Verdict, String)> {
    let odd = judge(slurm).into_iter().filter(|it| it.verdict != Good);
    odd.map(|it| {
        let remedy = it.remedy.map(|remedy| format!(" -> {remedy}")).unwrap_or_default();
        (it.verdict, format!("{}: {}{remedy}", it.subject, it.seen))
    })
    .collect()
}

#[test]
fn a_node_that_is_as_it_should_be_has_nothing_odd() {
    assert_eq!(told(&good()), []);
    assert_eq!(judge(&good()).len(), 5);
}

#[test]
fn without_slurm_there_is_one_line() {
    let none =
        Slurm { version: None, slurm_conf: None, entries: None, ours: None, loads: None, ..good() };
    let list = told(&none);
    assert_eq!(list, [(Skip, "Slurm: not installed here: there is no slurmd and no srun".into())]);
    assert_eq!(judge(&none).len(), 1);
}

#[test]
fn a_slurm_that_this_build_does_not_serve_fails() {
    let slurm = Slurm { version: Some("slurm 27.05.1".into()), ..good() };
    assert_eq!(
        told(&slurm),
        [(
            Fail,
            "Slurm: slurm 27.05.1; this release of spank-oci is not made for 27.05 -> install a newer spank-oci, or build one for this Slurm alone: SLURM_VERSION=27.05 ./dev build".into()
        )]
    );
    let odd = told(&Slurm { version: Some("what".into()), ..good() });
    assert_eq!(
        odd,
        [(Warn, "Slurm: 'what' names no version -> see that slurmd -V is Slurm's".into())]
    );
}

#[test]
fn slurms_own_containers_must_be_off() {
    let slurm = Slurm { native: Some("/etc/slurm/oci.conf".into()), ..good() };
    assert_eq!(
        told(&slurm),
        [(
            Fail,
            "Slurm's own containers: '/etc/slurm/oci.conf' switches them on, so both would make one -> run: mv -n '/etc/slurm/oci.conf' '/etc/slurm/spank-oci/oci.conf'; and restart slurmd".into()
        )]
    );
}

#[test]
fn plugstack_conf_must_be_there_with_the_line() {
    let write =
        "write this line into it, and restart slurmd: required /usr/lib/spank-oci/spank_oci.so";
    let missing = Slurm { entries: None, ours: None, ..good() };
    assert_eq!(
        told(&missing),
        [(Fail, format!("plugstack.conf: there is no '/etc/slurm/plugstack.conf' -> {write}"))]
    );
    let empty = Slurm { entries: Some(Ok(vec![])), ours: None, ..good() };
    assert_eq!(
        told(&empty),
        [(
            Fail,
            format!(
                "plugstack.conf: '/etc/slurm/plugstack.conf' has no line of spank_oci.so -> {write}"
            )
        )]
    );
    let cause = "'/etc/slurm/plugstack.conf' cannot be read: permission denied";
    let unreadable = Slurm { entries: Some(Err(cause.into())), ours: None, ..good() };
    assert_eq!(
        told(&unreadable),
        [(
            Fail,
            format!("plugstack.conf: {cause} -> every user must be able to read it: srun does")
        )]
    );
}

#[test]
fn optional_is_told_with_what_it_means() {
    let optional = with_line(|ours| ours.entry.required = false);
    assert_eq!(
        told(&optional),
        [(
            Warn,
            "plugstack.conf: /etc/slurm/plugstack.conf:3: 'optional': if the library is missing or does not load, jobs that ask for a container run on the host -> write 'required' for 'optional' in /etc/slurm/plugstack.conf:3".into()
        )]
    );
}

#[test]
fn a_second_line_and_another_plugin_are_told() {
    let ours = good().ours.unwrap().entry;
    let entries = vec![ours.clone(), ours, entry(true, "/usr/lib/slurm/spank_pyxis.so")];
    let slurm = Slurm { entries: Some(Ok(entries)), ..good() };
    let place = "/etc/slurm/plugstack.conf:3";
    assert_eq!(
        told(&slurm),
        [
            (
                Warn,
                format!(
                    "plugstack.conf: {place}: the plugin's line once more, which Slurm ignores -> remove {place}"
                )
            ),
            (
                Warn,
                format!(
                    "pyxis: {place}: another container plugin; a job that asks both for a container would get one in the other -> remove {place} where nobody needs it, or tell users to ask one of them only"
                )
            ),
        ]
    );
}

#[test]
fn words_that_cannot_be_used_fail() {
    let odd = with_line(|ours| {
        ours.args = Args::parse(&["conf=a".into()]);
        ours.helper = None;
    });
    let [(verdict, text)] = told(&odd).try_into().unwrap();
    assert_eq!(verdict, Fail);
    assert!(
        text.starts_with("its words: plugstack.conf: no absolute path in argument 'conf=a'"),
        "{text}"
    );
    assert!(text.ends_with(" -> correct /etc/slurm/plugstack.conf:3"), "{text}");
}

#[test]
fn library_and_helper_are_there_trusted_and_of_one_release() {
    let install =
        format!("install library and helper from one release, such as this one, {RELEASE}");
    let odd = |part: Part| told(&with_line(|ours| ours.library = Some(part.clone()))).remove(0);
    let good = part_at("/bin/sh");
    assert_eq!(
        odd(Part { path: "/missing/spank_oci.so".into(), ..good.clone() }),
        (
            Fail,
            "library: there is no '/missing/spank_oci.so' -> install it, or correct plugstack.conf"
                .into()
        )
    );
    assert_eq!(
        odd(Part { release: Ok("9.9.9".into()), ..good.clone() }),
        (
            Fail,
            format!(
                "library: '/bin/sh' is of release 9.9.9, this program of {RELEASE} -> {install}"
            )
        )
    );
    let cause = "it is no library of spank-oci, or an older one";
    assert_eq!(
        odd(Part { release: Err(cause.into()), ..good.clone() }),
        (Fail, format!("library: '/bin/sh': {cause} -> {install}"))
    );
    let changeable = Some(("'/bin/sh' has mode 0777".into(), "run: chmod go-w '/bin/sh'".into()));
    assert_eq!(
        odd(Part { changeable, ..good }),
        (
            Fail,
            "library: others could change it: '/bin/sh' has mode 0777 -> run: chmod go-w '/bin/sh'"
                .into()
        )
    );
    let bare = with_line(|ours| {
        ours.library = None;
        ours.entry.plugin = PathBuf::from("spank_oci.so");
    });
    assert_eq!(
        told(&bare),
        [(Warn, "library: 'spank_oci.so' has no directory, so Slurm looks for it in PluginDir -> write the whole path into /etc/slurm/plugstack.conf:3".into())]
    );
}

#[test]
fn what_srun_says_when_it_does_not_load_the_plugin_is_told() {
    let loads = |loads| told(&Slurm { loads, ..good() }).remove(0);
    let version = "srun: error: spank: Incompatible plugin version";
    assert_eq!(
        loads(Some(Err(version.into()))),
        (
            Fail,
            format!(
                "loading it: srun does not load it:\n{version} -> correct what stands above; should the version be the reason, install the release of spank-oci for this Slurm"
            )
        )
    );
    assert_eq!(
        loads(Some(Err(String::new()))),
        (Fail, "loading it: 'srun --help' has no --oci-bundle, and tells no error -> run: SLURM_CONF=... srun -vvv --help; and look for 'spank' in what it says".into())
    );
    assert_eq!(
        loads(None),
        (Skip, "loading it: there is no srun here that reads this plugstack.conf".into())
    );
}

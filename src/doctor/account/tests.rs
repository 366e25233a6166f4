use super::*;
use crate::doctor::finding::Verdict::{self, Fail, Ok as Good, Skip, Warn};

fn good() -> Facts {
    let helper = |name: &str| Some((PathBuf::from("/usr/bin").join(name), true));
    Facts {
        account: Account { name: "alice".into(), uid: 1001, gid: 1001 },
        subordinate: ["alice:100000:65536\n".into(), "1001:100000:65536\n".into()],
        service: None,
        helpers: HELPERS.map(helper),
        run_dir: Some((1001, 0o700)),
        run_dir_wanted: Some(true),
    }
}

/// Verdict, and what was seen with its remedy, of one subject.
fn about(facts: &Facts, subject: &str) -> (Verdict, String) {
    let found = judge(facts).into_iter().find(|it| it.subject == subject).unwrap();
    let remedy = found.remedy.map(|remedy| format!(" -> {remedy}")).unwrap_or_default();
    (found.verdict, found.seen + &remedy)
}

#[test]
fn a_user_with_everything_is_ready() {
    let list = judge(&good());
    assert!(list.iter().all(|it| it.verdict == Good), "{list:?}");
    assert_eq!(about(&good(), "/etc/subuid").1, "65536 ids for alice");
    assert_eq!(about(&good(), "/etc/subgid").1, "65536 ids for alice");
}

#[test]
fn a_user_without_ids_gets_the_first_free_ones() {
    let others = "bob:100000:65536\ncarol:165536:65536\n";
    let facts = Facts { subordinate: [others.into(), String::new()], ..good() };
    let none = "no line for alice: only bundles that map nobody but the user run";
    assert_eq!(
        about(&facts, "/etc/subuid"),
        (Warn, format!("{none} -> run: usermod --add-subuids 231072-296607 alice"))
    );
    assert_eq!(
        about(&facts, "/etc/subgid"),
        (Warn, format!("{none} -> run: usermod --add-subgids 100000-165535 alice"))
    );
}

#[test]
fn too_few_ids_are_told() {
    let facts = Facts { subordinate: ["alice:100000:1000".into(), String::new()], ..good() };
    assert_eq!(
        about(&facts, "/etc/subuid"),
        (
            Warn,
            "1000 ids for alice, fewer than the 65536 that images are made with -> run: usermod --add-subuids 101000-166535 alice".into()
        )
    );
}

#[test]
fn ids_from_a_service_are_not_looked_at() {
    assert_eq!(service("passwd: files\nsubid:   sss\n"), Some("sss".into()));
    assert_eq!(service("subid: files\n"), None);
    let facts = Facts { service: Some("sss".into()), ..good() };
    assert_eq!(
        about(&facts, "/etc/subuid"),
        (Skip, "/etc/nsswitch.conf has 'subid: sss'; 'getsubids alice' tells".into())
    );
}

#[test]
fn the_helpers_must_be_there_and_have_rights() {
    let facts = Facts { helpers: [None, Some(("/usr/bin/newgidmap".into(), false))], ..good() };
    assert_eq!(
        about(&facts, "newuidmap"),
        (
            Warn,
            "not there: only bundles that map nobody but the user run -> run: apt-get install uidmap (Debian, Ubuntu), or: dnf install shadow-utils (Fedora, RHEL)".into()
        )
    );
    assert_eq!(
        about(&facts, "newgidmap"),
        (
            Warn,
            "'/usr/bin/newgidmap' is neither setuid root nor has file capabilities: it maps nobody -> run: chown root '/usr/bin/newgidmap' && chmod u+s '/usr/bin/newgidmap'".into()
        )
    );
}

#[test]
fn the_run_directory_is_needed_where_oci_conf_names_it() {
    let about = |run_dir, run_dir_wanted| {
        about(&Facts { run_dir, run_dir_wanted, ..good() }, "/run/user/1001")
    };
    let linger = "run: loginctl enable-linger alice; or name another --root= in oci.conf";
    assert_eq!(
        about(None, Some(true)),
        (Fail, format!("not there, but oci.conf keeps the runtime's files in it -> {linger}"))
    );
    assert_eq!(
        about(None, None),
        (
            Warn,
            format!(
                "not there, but the guide's oci.conf keeps the runtime's files in it -> {linger}"
            )
        )
    );
    assert_eq!(about(None, Some(false)), (Good, "not needed: oci.conf names no /run/user".into()));
    for (owner, mode, shown) in
        [(0, 0o700, "owner 0 and mode 0700"), (1001, 0o755, "owner 1001 and mode 0755")]
    {
        assert_eq!(
            about(Some((owner, mode)), Some(true)),
            (
                Fail,
                format!(
                    "{shown}: it must be alice's alone -> run: chown alice '/run/user/1001' && chmod 0700 '/run/user/1001'"
                )
            )
        );
    }
}

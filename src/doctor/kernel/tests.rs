use super::*;
use crate::doctor::finding::Verdict::{self, Fail, Ok as Good, Warn};

fn good() -> Kernel {
    Kernel { max_user_namespaces: Some("96365".into()), cgroups: Cgroups::V2, ..Kernel::default() }
}

/// Verdict, what was seen and the remedy for one subject.
fn about(kernel: &Kernel, runtimes: &[&str], subject: &str) -> Option<(Verdict, String)> {
    let runtimes: Vec<_> = runtimes.iter().map(|&name| name.to_owned()).collect();
    let found = judge(kernel, &runtimes, None).into_iter().find(|it| it.subject == subject)?;
    let remedy = found.remedy.map(|remedy| format!(" -> {remedy}")).unwrap_or_default();
    Some((found.verdict, found.seen + &remedy))
}

#[test]
fn a_good_kernel_has_nothing_to_say_about_what_it_lacks() {
    let list = judge(&good(), &["crun".into()], Some(Ok(())));
    let subjects: Vec<_> = list.iter().map(|it| (it.subject.as_str(), it.verdict)).collect();
    assert_eq!(
        subjects,
        [("user namespaces", Good), ("a try at one", Good), ("control groups", Good)]
    );
}

#[test]
fn each_sysctl_that_forbids_user_namespaces_has_its_remedy() {
    let about = |kernel: Kernel| about(&kernel, &[], "user namespaces").unwrap();
    assert_eq!(
        about(Kernel { userns_clone: Some("0".into()), ..good() }),
        (Fail, "kernel.unprivileged_userns_clone is 0: users may not make any -> run: sysctl -w kernel.unprivileged_userns_clone=1; and write 'kernel.unprivileged_userns_clone=1' into /etc/sysctl.d/90-spank-oci.conf".into())
    );
    assert_eq!(
        about(Kernel { max_user_namespaces: Some("0".into()), ..good() }),
        (Fail, "user.max_user_namespaces is 0: nobody may make any -> run: sysctl -w user.max_user_namespaces=15000; and write 'user.max_user_namespaces=15000' into /etc/sysctl.d/90-spank-oci.conf".into())
    );
    assert_eq!(
        about(Kernel { max_user_namespaces: None, ..good() }),
        (Fail, "the kernel has none: there is no user.max_user_namespaces -> boot a kernel with CONFIG_USER_NS=y".into())
    );
    assert_eq!(
        about(Kernel { userns_clone: Some("1".into()), ..good() }),
        (Good, "user.max_user_namespaces is 96365, kernel.unprivileged_userns_clone is 1".into())
    );
}

#[test]
fn a_failed_try_fails_unless_the_runtime_may_have_a_profile_that_this_program_lacks() {
    let restricted = Kernel { apparmor_restricts: Some("1".into()), ..good() };
    for (kernel, verdict) in [(good(), Fail), (restricted, Warn)] {
        let list = judge(&kernel, &[], Some(Err("operation not permitted".into())));
        assert_eq!(list[1].verdict, verdict);
        assert_eq!(list[1].seen, "the user cannot make one: operation not permitted");
    }
}

#[test]
fn apparmors_restriction_is_fine_for_runtimes_with_a_profile() {
    let kernel = Kernel {
        apparmor_restricts: Some("1".into()),
        apparmor_profiles: vec!["crun".into()],
        ..good()
    };
    assert_eq!(about(&kernel, &["crun"], "apparmor").unwrap().0, Good);
    assert_eq!(
        about(&kernel, &["crun", "runc"], "apparmor").unwrap(),
        (Warn, "kernel.apparmor_restrict_unprivileged_userns is 1, and there is no profile in /etc/apparmor.d for runc -> give it one with 'userns,' in it, as those of your distribution, or run: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0".into())
    );
    assert_eq!(about(&good(), &["crun"], "apparmor"), None);
}

#[test]
fn selinux_is_noted() {
    let kernel = Kernel { selinux_enforces: Some(true), ..good() };
    let (verdict, seen) = about(&kernel, &[], "selinux").unwrap();
    assert_eq!(verdict, Good);
    assert!(seen.starts_with("enforcing; ") && seen.contains("ausearch"), "{seen}");
}

#[test]
fn mixed_control_groups_fail_where_crun_is_the_runtime() {
    let hybrid =
        |controllers: &str| Kernel { cgroups: Cgroups::Hybrid(controllers.into()), ..good() };
    let about = |kernel, runtimes: &[&str]| about(&kernel, runtimes, "control groups").unwrap();
    let remedy = " -> boot with systemd.unified_cgroup_hierarchy=1 on the kernel's command line, which leaves version 2 alone";
    assert_eq!(
        about(hybrid("pids"), &["crun"]),
        (
            Fail,
            format!(
                "versions 1 and 2 are mixed (hybrid); version 2 has: pids; crun refuses this{remedy}"
            )
        )
    );
    assert_eq!(
        about(hybrid("pids"), &["runc"]),
        (
            Warn,
            format!(
                "versions 1 and 2 are mixed (hybrid); version 2 has: pids; crun and, from 22.05 on, slurmd refuse this{remedy}"
            )
        )
    );
    assert_eq!(about(hybrid(""), &["crun"]).0, Good);
    assert_eq!(
        about(Kernel { cgroups: Cgroups::None, ..good() }, &[]),
        (Warn, "none are mounted at /sys/fs/cgroup, where runtimes look for them -> run: mount -t cgroup2 none /sys/fs/cgroup".into())
    );
}

#[test]
fn the_mode_is_read_from_the_mounts_on_top() {
    let mode = |mounts: &str| cgroups(mounts, |place| format!("of {place}"));
    let v1 = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw 0 0\n";
    let mixed = format!("{v1}cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n");
    let v2 = "none /sys/fs/cgroup cgroup2 rw 0 0\n";
    assert_eq!(mode(""), Cgroups::None);
    assert_eq!(mode(v1), Cgroups::V1);
    assert_eq!(mode(v2), Cgroups::V2);
    assert_eq!(mode(&mixed), Cgroups::Hybrid("of /sys/fs/cgroup/unified".into()));
    assert_eq!(mode(&(mixed + v2)), Cgroups::V2);
}

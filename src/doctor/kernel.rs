//! What the kernel allows users, and how it is set up for containers.
#![forbid(unsafe_code)]

use std::{fs, path::Path};

use super::finding::Finding;

/// What the kernel says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kernel {
    /// `kernel.unprivileged_userns_clone`, which Debian's kernels have.
    pub userns_clone: Option<String>,
    /// `user.max_user_namespaces`
    pub max_user_namespaces: Option<String>,
    /// `kernel.apparmor_restrict_unprivileged_userns`, from Ubuntu 23.10 on.
    pub apparmor_restricts: Option<String>,
    /// The files below /etc/apparmor.d.
    pub apparmor_profiles: Vec<String>,
    /// Whether SELinux forbids; `None` where there is none.
    pub selinux_enforces: Option<bool>,
    /// How control groups are mounted.
    pub cgroups: Cgroups,
}

/// How control groups are mounted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Cgroups {
    /// Not at all.
    #[default]
    None,
    /// Version 1 alone.
    V1,
    /// Version 2 alone.
    V2,
    /// Both; these controllers are version 2's, usually none.
    Hybrid(String),
}

/// Asks the kernel.
pub fn look() -> Kernel {
    let profiles = fs::read_dir("/etc/apparmor.d").into_iter().flatten().flatten();
    Kernel {
        userns_clone: line("/proc/sys/kernel/unprivileged_userns_clone"),
        max_user_namespaces: line("/proc/sys/user/max_user_namespaces"),
        apparmor_restricts: line("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
        apparmor_profiles: profiles
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect(),
        selinux_enforces: line("/sys/fs/selinux/enforce").map(|value| value == "1"),
        cgroups: cgroups(&fs::read_to_string("/proc/mounts").unwrap_or_default(), |path| {
            line(format!("{path}/cgroup.controllers")).unwrap_or_default()
        }),
    }
}

fn line(path: impl AsRef<Path>) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

/// Reads /proc/mounts; the last mount at /sys/fs/cgroup is the one that counts, with
/// what was mounted below it afterwards.
fn cgroups(mounts: &str, controllers: impl Fn(&str) -> String) -> Cgroups {
    const ROOT: &str = "/sys/fs/cgroup";
    let mounts = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        Some((words.next()?, words.next()?))
    });
    let mounts: Vec<_> = mounts.filter(|(place, _)| place.starts_with(ROOT)).collect();
    let last = mounts.iter().rposition(|(place, _)| *place == ROOT).unwrap_or(0);
    let of_kind = |wanted: &str| mounts[last..].iter().find(|(_, kind)| *kind == wanted);
    match (of_kind("cgroup"), of_kind("cgroup2")) {
        _ if mounts.is_empty() => Cgroups::None,
        (None, None) => Cgroups::None,
        (Some(_), None) => Cgroups::V1,
        (None, Some(_)) => Cgroups::V2,
        (Some(_), Some((place, _))) => Cgroups::Hybrid(controllers(place)),
    }
}

/// What it means for containers that `runtimes` start; `trial` is how making a user
/// namespace as the user went, if that was tried.
pub fn judge(
    kernel: &Kernel,
    runtimes: &[String],
    trial: Option<Result<(), String>>,
) -> Vec<Finding> {
    let mut findings = vec![user_namespaces(kernel)];
    findings.extend(trial.map(|made| tried(kernel, made)));
    findings.extend(apparmor(kernel, runtimes));
    findings.extend(selinux(kernel));
    findings.push(control_groups(&kernel.cgroups, runtimes));
    findings
}

fn user_namespaces(kernel: &Kernel) -> Finding {
    const SUBJECT: &str = "user namespaces";
    let set = |key: &str, value: &str| {
        format!(
            "run: sysctl -w {key}={value}; and write '{key}={value}' into /etc/sysctl.d/90-spank-oci.conf"
        )
    };
    if kernel.userns_clone.as_deref() == Some("0") {
        let key = "kernel.unprivileged_userns_clone";
        return Finding::fail(
            SUBJECT,
            format!("{key} is 0: users may not make any"),
            set(key, "1"),
        );
    }
    match kernel.max_user_namespaces.as_deref() {
        None => Finding::fail(
            SUBJECT,
            "the kernel has none: there is no user.max_user_namespaces",
            "boot a kernel with CONFIG_USER_NS=y",
        ),
        Some("0") => {
            let key = "user.max_user_namespaces";
            Finding::fail(SUBJECT, format!("{key} is 0: nobody may make any"), set(key, "15000"))
        }
        Some(most) => {
            let clone = kernel.userns_clone.as_ref();
            let clone = clone.map(|value| format!(", kernel.unprivileged_userns_clone is {value}"));
            let clone = clone.unwrap_or_default();
            Finding::ok(SUBJECT, format!("user.max_user_namespaces is {most}{clone}"))
        }
    }
}

fn tried(kernel: &Kernel, made: Result<(), String>) -> Finding {
    const SUBJECT: &str = "a try at one";
    match made {
        Ok(()) => Finding::ok(SUBJECT, "the user can make one, and is root in it"),
        // The runtime may have a profile of its own, which this program has not.
        Err(cause) if restricted(kernel) => Finding::warn(
            SUBJECT,
            format!("the user cannot make one: {cause}"),
            "see apparmor below; whether the runtime can is what the containers at the end tell",
        ),
        Err(cause) => Finding::fail(
            SUBJECT,
            format!("the user cannot make one: {cause}"),
            "see the line above; in a container or chroot, doctor tells of that one, not of the node",
        ),
    }
}

fn restricted(kernel: &Kernel) -> bool {
    kernel.apparmor_restricts.as_deref() == Some("1")
}

fn apparmor(kernel: &Kernel, runtimes: &[String]) -> Option<Finding> {
    const SUBJECT: &str = "apparmor";
    const KEY: &str = "kernel.apparmor_restrict_unprivileged_userns";
    if !restricted(kernel) {
        let value = kernel.apparmor_restricts.as_ref()?;
        return Some(Finding::ok(SUBJECT, format!("{KEY} is {value}")));
    }
    let bare = runtimes.iter().filter(|name| !kernel.apparmor_profiles.contains(name));
    let bare: Vec<_> = bare.map(String::as_str).collect();
    Some(match bare.as_slice() {
        [] => Finding::ok(SUBJECT, format!("{KEY} is 1; the runtimes have profiles of their own")),
        names => Finding::warn(
            SUBJECT,
            format!(
                "{KEY} is 1, and there is no profile in /etc/apparmor.d for {}",
                names.join(", ")
            ),
            format!(
                "give it one with 'userns,' in it, as those of your distribution, or run: sysctl -w {KEY}=0"
            ),
        ),
    })
}

fn selinux(kernel: &Kernel) -> Option<Finding> {
    let seen = match kernel.selinux_enforces? {
        true => {
            "enforcing; if a container may not read its bundle, 'ausearch -m avc -ts recent' tells why"
        }
        false => "permissive",
    };
    Some(Finding::ok("selinux", seen))
}

fn control_groups(cgroups: &Cgroups, runtimes: &[String]) -> Finding {
    const SUBJECT: &str = "control groups";
    const REMEDY: &str = "boot with systemd.unified_cgroup_hierarchy=1 on the kernel's command line, which leaves version 2 alone";
    match cgroups {
        Cgroups::V2 => Finding::ok(SUBJECT, "version 2"),
        Cgroups::V1 => Finding::ok(SUBJECT, "version 1"),
        Cgroups::None => Finding::warn(
            SUBJECT,
            "none are mounted at /sys/fs/cgroup, where runtimes look for them",
            "run: mount -t cgroup2 none /sys/fs/cgroup",
        ),
        Cgroups::Hybrid(controllers) if controllers.is_empty() => {
            Finding::ok(SUBJECT, "version 1, and version 2 without controllers (hybrid)")
        }
        Cgroups::Hybrid(controllers) => {
            let seen = format!("versions 1 and 2 are mixed (hybrid); version 2 has: {controllers}");
            match runtimes.iter().any(|name| name == "crun") {
                true => Finding::fail(SUBJECT, format!("{seen}; crun refuses this"), REMEDY),
                false => Finding::warn(
                    SUBJECT,
                    format!("{seen}; crun and, from 22.05 on, slurmd refuse this"),
                    REMEDY,
                ),
            }
        }
    }
}

#[cfg(test)]
mod tests;

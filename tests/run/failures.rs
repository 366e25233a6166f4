//! What keeps a container from being started, and odd places for its files.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, chown},
    path::Path,
};

use nix::unistd::getuid;

use crate::{
    place::{Place, ended},
    site::Site,
    user,
};

/// A runtime that tells where the task's bundle is.
const TELLER: &str = "RunTimeRun=\"echo %b %j %t\"\nRunTimeKill=\"true\"\nRunTimeDelete=\"true\"\n";

#[test]
fn what_keeps_a_container_from_being_started_is_told_in_one_line() {
    let place = Place::new(Site::run_mode("no-such-runtime"));
    let told = |place: &Place, words: &[&str]| {
        let output = ended(place.by_user(&[&["./spank-oci", "run"], words].concat()));
        assert_eq!((output.stdout.as_str(), output.status), ("", 125), "{}", output.stderr);
        place.assert_nothing_is_left();
        output.stderr.replace(place.path("").to_str().unwrap(), "@ROOT@/")
    };
    assert_eq!(
        told(&place, &["--bundle=bundle", "--conf=oci.conf", "--", "true"]),
        "spank-oci: run: cannot execute RunTimeRun: 'no-such-runtime': no such file or directory; install the runtime on this node, or correct oci.conf\n"
    );
    assert_eq!(
        told(&place, &["--bundle=missing", "--conf=oci.conf", "--", "true"]),
        "spank-oci: run: cannot read '@ROOT@/missing/config.json': no such file or directory; the bundle must be on every node of the step\n"
    );
    assert_eq!(
        told(&place, &["--bundle=bundle", "--conf=missing", "--", "true"]),
        "spank-oci: run: cannot read the site's configuration 'missing': no such file or directory; it must be on every node, where plugstack.conf names it with conf=\n"
    );
    place.configure(Site::create_start("false"));
    let create = told(&place, &["--bundle=bundle", "--conf=oci.conf", "--", "true"]);
    let begin = "spank-oci: run: RunTimeCreate failed: exit status 1; the command was: false ";
    assert!(create.starts_with(begin), "{create}");
}

#[test]
fn a_configuration_may_be_the_users_own_but_nobody_elses() {
    let place = Place::new(Site::from_text(TELLER));
    let path = place.path("oci.conf");
    user::give(&path);
    assert_eq!(ended(place.run(&["true"])).status, 0);
    fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
    let refused = ended(place.run(&["true"]));
    assert_eq!(refused.status, 125);
    assert_eq!(
        refused.stderr,
        "spank-oci: run: cannot trust the site's configuration: 'oci.conf' has mode 0666, so others than its owner can write it; run: chmod go-w 'oci.conf'\n"
    );
    if !getuid().is_root() {
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            b"not run: needs root, to make a file another user's\n",
        );
        return;
    }
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    chown(&path, Some(12345), None).unwrap();
    let refused = ended(place.run(&["true"]));
    assert_eq!(
        refused.stderr,
        "spank-oci: run: cannot trust the site's configuration: 'oci.conf' is owned by uid 12345, not by root; run: chown root 'oci.conf'\n"
    );
}

/// Where the task's files are, with the user's runtime directory as it is.
fn directory(place: &Place) -> String {
    let output = ended(place.run(&["true"]));
    assert_eq!((output.stderr.as_str(), output.status), ("", 0));
    let bundle = output.stdout.strip_suffix("/task-0 0 0\n").unwrap().to_owned();
    assert!(!Path::new(&bundle).exists(), "{bundle} is left");
    bundle
}

#[test]
fn the_tasks_files_are_in_the_users_runtime_directory_or_else_in_tmp() {
    let place = Place::new(Site::from_text(TELLER));
    let user = place.path("user");
    let begins = |with: &Path| {
        let directory = directory(&place);
        assert!(
            directory.starts_with(with.join("spank-oci-run.").to_str().unwrap()),
            "{directory}"
        );
    };
    begins(&user);
    // Others could put something else there.
    fs::set_permissions(&user, Permissions::from_mode(0o777)).unwrap();
    begins(Path::new("/tmp"));
    fs::set_permissions(&user, Permissions::from_mode(0o500)).unwrap();
    begins(Path::new("/tmp"));
    if getuid().is_root() {
        fs::set_permissions(&user, Permissions::from_mode(0o755)).unwrap();
        chown(&user, Some(0), None).unwrap();
        begins(Path::new("/tmp"));
    }
    fs::remove_dir(&user).unwrap();
    begins(Path::new("/tmp"));
}

#[test]
fn a_full_runtime_directory_is_named_and_nothing_stays_in_it() {
    if !getuid().is_root() {
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            b"not run: needs root, to mount a file system that is full\n",
        );
        return;
    }
    let place = Place::new(Site::from_text(TELLER));
    let (uid, gid) = user::user();
    let user = place.path("user");
    let user = user.to_str().unwrap();
    let script = format!(
        "mount -t tmpfs -o size=4k,mode=700,uid={uid},gid={gid} none {user}
         head -c 4096 /dev/zero >{user}/full
         setpriv --reuid={uid} --regid={gid} --clear-groups env XDG_RUNTIME_DIR={user} \
             ./spank-oci run --bundle=bundle --conf=oci.conf -- true
         echo $?; ls {user}"
    );
    let mut command = std::process::Command::new("unshare");
    command.args(["--mount", "sh", "-c", &script]).current_dir(place.path(""));
    let output = ended(command);
    assert_eq!(output.stdout, "125\nfull\n");
    let begin = format!("spank-oci: run: cannot write '{user}/spank-oci-run.");
    assert!(output.stderr.starts_with(&begin), "{}", output.stderr);
    assert!(output.stderr.ends_with("': no space left on device\n"), "{}", output.stderr);
}

#[test]
fn root_is_told_that_tasks_are_users() {
    if !getuid().is_root() {
        let _ = std::io::Write::write_all(&mut std::io::stderr(), b"not run: needs root\n");
        return;
    }
    let place = Place::new(Site::from_text(TELLER));
    let mut command = std::process::Command::new(place.path("spank-oci"));
    command.args(["run", "--bundle=bundle", "--conf=oci.conf", "--", "true"]);
    let output = ended({
        command.env_remove("XDG_RUNTIME_DIR").current_dir(place.path(""));
        command
    });
    assert_eq!(output.status, 0);
    assert_eq!(
        output.stderr,
        "spank-oci: run: tasks run as users: what works for root may not work for them\n"
    );
}

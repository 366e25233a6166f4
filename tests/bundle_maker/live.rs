//! What is seen while a bundle is made, and what is left if that is interrupted.

use std::{
    fs,
    io::{Read, Write},
    os::unix::process::ExitStatusExt,
    process::{Child, ChildStdin, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use nix::{
    pty::openpty,
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::place::Place;

/// Writes half of an archive to a program, and waits until it has unpacked some of that.
fn half_make(place: &Place, child: &mut Child) -> ChildStdin {
    place.sh("mkdir closed; touch closed/file; chmod 555 closed; head -c 99999 /dev/zero >rest
        tar -cf a.tar rootfs closed rest; chmod 755 closed");
    let mut input = child.stdin.take().unwrap();
    let archive = fs::read(place.path("a.tar")).unwrap();
    input.write_all(&archive[..archive.len() / 2]).unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    let is_unpacking = || {
        let work = place.names().into_iter().find(|name| name.starts_with(".made."));
        work.is_some_and(|work| place.path(&work).join("bundle/rootfs/rootfs/etc").exists())
    };
    while !is_unpacking() {
        assert!(Instant::now() < deadline, "nothing is unpacked");
        sleep(Duration::from_millis(20));
    }
    input
}

#[test]
fn an_interrupted_one_leaves_nothing_behind() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let place = Place::new();
        let mut child = place.command("-").stdin(Stdio::piped()).spawn().unwrap();
        let _input = half_make(&place, &mut child);
        kill(Pid::from_raw(child.id().cast_signed()), signal).unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.signal(), Some(signal as i32));
        let mut told = String::new();
        child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
        assert_eq!(told, "spank-oci: interrupted; no bundle was made\n");
        assert_eq!(place.names(), ["a.tar", "closed", "rest", "rootfs"]);
    }
}

/// What somebody at a terminal sees.
fn seen(command: &mut Command) -> String {
    let pty = openpty(None, None).unwrap();
    let mut child = command.stderr(pty.slave).spawn().unwrap();
    // The terminal's end comes when nobody holds it any more.
    command.stderr(Stdio::null());
    let mut text = Vec::new();
    let _ = fs::File::from(pty.master).read_to_end(&mut text);
    assert!(child.wait().unwrap().success());
    String::from_utf8(text).unwrap()
}

#[test]
fn somebody_at_a_terminal_sees_how_far_it_is() {
    let place = Place::new();
    place.sh("tar -C rootfs -cf a.tar .");
    let seen = seen(place.command("a.tar").env("TERM", "xterm").env_remove("NO_COLOR"));
    assert!(seen.starts_with("\r\x1b[Kunpacking the archive \x1b[2m0 s"), "{seen:?}");
    assert!(seen.contains("done\x1b[0m unpacking the archive"), "{seen:?}");
}

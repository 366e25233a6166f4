//! A user at a terminal.

use std::{
    fs::File,
    io::{Read, Write},
    process::{Child, Command},
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use nix::pty::{Winsize, openpty};

use crate::{
    everywhere,
    place::{self, Place},
};

/// How long an expected text may take.
const PATIENCE: Duration = Duration::from_secs(60);
const SIZE: Winsize = Winsize { ws_row: 33, ws_col: 101, ws_xpixel: 0, ws_ypixel: 0 };

/// A command on a terminal of its own, and who sits there.
struct Dialogue {
    terminal: File,
    child: Child,
    output: Receiver<Vec<u8>>,
    unread: String,
}

impl Dialogue {
    fn begin(command: &Command) -> Self {
        let pty = openpty(Some(&SIZE), None).unwrap();
        let slave = || pty.slave.try_clone().unwrap();
        let mut session = Command::new("setsid");
        session.arg("--ctty").arg(command.get_program()).args(command.get_args());
        session.current_dir(command.get_current_dir().unwrap());
        let child = session.stdin(slave()).stdout(slave()).stderr(slave()).spawn().unwrap();
        let terminal = File::from(pty.master);
        let mut reader = terminal.try_clone().unwrap();
        let (sender, output) = channel();
        let read = move || {
            let mut buffer = [0; 4096];
            // Fails when the last process on the terminal has ended.
            while let Ok(length @ 1..) = reader.read(&mut buffer) {
                let _ = sender.send(buffer[..length].to_vec());
            }
        };
        std::thread::Builder::new().spawn(read).unwrap();
        Self { terminal, child, output, unread: String::new() }
    }

    fn types(&mut self, text: &str) {
        self.terminal.write_all(text.as_bytes()).unwrap();
    }

    /// Waits for a text, and returns what came before it.
    fn expect(&mut self, text: &str) -> String {
        loop {
            if let Some(place) = self.unread.find(text) {
                let rest = self.unread.split_off(place + text.len());
                return std::mem::replace(&mut self.unread, rest);
            }
            match self.output.recv_timeout(PATIENCE) {
                Ok(bytes) => self.unread.push_str(&String::from_utf8_lossy(&bytes)),
                Err(error) => panic!("no '{text}' ({error}) in: {}", self.unread),
            }
        }
    }

    fn finish(mut self) -> i32 {
        place::status(self.child.wait().unwrap())
    }
}

/// A test that fails leaves nothing that runs: the terminal is hung up.
impl Drop for Dialogue {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = Command::new("kill").args(["-s", "HUP", &self.child.id().to_string()]).status();
        }
    }
}

fn shell(place: &Place) -> Dialogue {
    let mut dialogue = Dialogue::begin(&place.run(&["env", "PS1=next> ", "sh", "-i"]));
    dialogue.expect("next> ");
    dialogue
}

#[test]
fn a_shell_has_job_control_the_windows_size_and_its_own_status() {
    everywhere(|place| {
        let mut dialogue = shell(place);
        dialogue.types("stty size\n");
        dialogue.expect("33 101");
        dialogue.types("echo $((40 + 2)); cat\n");
        dialogue.expect("42");
        dialogue.types("hello\n");
        // Once typed, once by cat, which then is the one to be interrupted.
        dialogue.expect("hello\r\nhello\r\n");
        dialogue.types("\x03");
        dialogue.expect("next> ");
        dialogue.types("exit 3\n");
        assert_eq!(dialogue.finish(), 3);
    });
}

#[test]
fn where_the_output_is_no_terminal_the_container_has_none() {
    everywhere(|place| {
        let script = "./spank-oci run --bundle bundle --conf oci.conf -- \
             sh -c 'if [ -t 1 ]; then echo terminal; else echo none; fi' | od -c; echo done";
        let mut dialogue = Dialogue::begin(&place.by_user(&["sh", "-c", script]));
        let told = dialogue.expect("done");
        assert!(told.contains("n   o   n   e  \\n"), "{told}");
        assert_eq!(dialogue.finish(), 0);
    });
}

#[test]
fn the_terminal_gets_its_mode_back() {
    everywhere(|place| {
        let script = "stty -a >user/before; ./spank-oci run --bundle bundle --conf oci.conf -- \
             sh -c 'exit 5'; echo status $?; stty -a | cmp - user/before && rm user/before; echo done";
        let mut dialogue = Dialogue::begin(&place.by_user(&["sh", "-c", script]));
        dialogue.expect("status 5");
        let told = dialogue.expect("done");
        assert!(!told.contains("differ"), "{told}");
        assert_eq!(dialogue.finish(), 0);
    });
}

#[test]
fn an_interrupt_reaches_a_command_once_that_has_no_terminal() {
    everywhere(|place| {
        let script = "trap : INT; ./spank-oci run --bundle bundle --conf oci.conf -- sh -c 'n=0
             trap \"n=\\$((n + 1)); echo INT \\$n\" INT
             while [ $n -lt 2 ]; do echo after $n; sleep 0.05; done' | (trap '' INT; cat; echo done)";
        let mut dialogue = Dialogue::begin(&place.by_user(&["sh", "-c", script]));
        dialogue.expect("after 0");
        dialogue.types("\x03");
        let mut told: Vec<_> = (0..4).map(|_| dialogue.expect("after 1")).collect();
        dialogue.types("\x03");
        told.push(dialogue.expect("done"));
        let told = told.concat();
        let at = |text| told.find(text).unwrap();
        assert!(at("INT 1") < at("after 1") && at("after 1") < at("INT 2"), "{told}");
        assert_eq!(dialogue.finish(), 0);
    });
}

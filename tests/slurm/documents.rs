//! What commands print in the documents is what they print: each is executed again, `$`
//! as a user and `#` as root. `UPDATE_EXPECTED=1` writes the documents anew.

use std::{fs, path::Path, process::Command};

use crate::{
    cluster::{self, ALICE, leave_out, path},
    leftovers, site,
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const DOCUMENTS: [&str; 3] = ["README.md", "README.zh-CN.md", "docs/troubleshooting.md"];
/// The release whose words the documents have: Debian 12's.
const RELEASE: (u32, u32) = (22, 5);
/// Where the site and the user have their things, and where readers would.
const PLACES: [(&str, &str); 4] = [
    ("/run/cluster/etc/spank-oci", "/etc/slurm/spank-oci"),
    ("/run/cluster/etc", "/etc/slurm"),
    ("/run/cluster/lib/", "/usr/lib/spank-oci/"),
    ("/run/cluster/home", "/home"),
];

/// Where commands look for the site's oci.conf by themselves.
const SITE: &str = "/etc/slurm/spank-oci";
/// What is wrong with the bundle called broken.
const MISTAKES: [(&str, &str); 2] = [("\"rootfs\"", "\"image\""), ("\"ipc\"", "\"network\"")];

/// A bundle in the user's home, a directory of its own.
fn bundle(name: &str, config: &str) {
    let bundle = ALICE.home(name);
    fs::create_dir(&bundle).unwrap();
    fs::write(bundle.join("config.json"), config).unwrap();
    let copy = ["-a", &format!("{}/rootfs", ALICE.bundle())];
    assert!(Command::new("cp").args(copy).arg(bundle).status().unwrap().success());
}

fn prepare() {
    let config = fs::read_to_string(Path::new(&ALICE.bundle()).join("config.json")).unwrap();
    bundle("busybox", &config);
    let broken = MISTAKES.iter().fold(config, |text, (right, wrong)| {
        assert!(text.contains(right), "{text}");
        text.replacen(right, wrong, 1)
    });
    bundle("broken", &broken);
    fs::create_dir_all(SITE).unwrap();
    fs::copy(site::site(), Path::new(SITE).join("oci.conf")).unwrap();
}

/// What a command prints, errors too, for readers.
fn printed(prompt: &str, command: &str) -> String {
    let command = PLACES
        .iter()
        .rev()
        .fold(command.to_owned(), |text, (here, there)| text.replace(there, here));
    let script = format!("exec 2>&1; PATH={}:$PATH; {command}", path("bin").display());
    let text = match prompt {
        "$" => ALICE.sh(&script).any_text(),
        _ => {
            let output = Command::new("sh").args(["-c", &script]).output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        }
    };
    // Slurm has the number of the job, and the node, by chance, and the system the user's.
    let own = format!("/run/user/{}/", ALICE.id());
    let lines = text.lines().filter(|line| !line.starts_with("srun: job "));
    let lines = lines.map(|line| line.replace(" n2: ", " n1: ").replace(&own, "/run/user/1000/"));
    let text: String = lines.map(|line| line + "\n").collect();
    PLACES.iter().fold(text, |text, (here, there)| text.replace(here, there))
}

/// A document with everything printed anew.
fn replayed(text: &str) -> String {
    let (mut anew, mut is_console) = (String::new(), false);
    for line in text.lines() {
        let command = line.split_once(' ').filter(|(prompt, _)| ["$", "#"].contains(prompt));
        if line.starts_with("```") {
            is_console = line == "```console";
        } else if is_console {
            if let Some((prompt, command)) = command {
                anew += &format!("{line}\n{}", printed(prompt, command));
            }
            continue;
        }
        anew += line;
        anew += "\n";
    }
    anew
}

/// The first line that differs is enough to know.
fn assert_same(name: &str, anew: &str, text: &str) {
    for (now, then) in anew.lines().zip(text.lines()) {
        assert_eq!(now, then, "{name}: UPDATE_EXPECTED=1 writes it anew");
    }
    assert_eq!(anew.lines().count(), text.lines().count(), "{name}");
}

#[test]
fn commands_print_what_the_documents_say() {
    if cluster::release() != RELEASE {
        return leave_out("what documents show", "they show it by Slurm 22.05");
    }
    leftovers::after_once(|| {
        prepare();
        for name in DOCUMENTS {
            let file = Path::new(ROOT).join(name);
            let text = fs::read_to_string(&file).unwrap();
            let anew = replayed(&text);
            match std::env::var_os("UPDATE_EXPECTED") {
                Some(_) => fs::write(&file, anew).unwrap(),
                None => assert_same(name, &anew, &text),
            }
        }
        for place in [ALICE.home("busybox"), ALICE.home("broken"), SITE.into()] {
            fs::remove_dir_all(place).unwrap();
        }
    });
}

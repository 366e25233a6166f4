use super::*;
use Program::{Debootstrap, Mmdebstrap, Skopeo, Tar, Umoci, Xz};

fn places() -> Places {
    Places { bundle: "/w/bundle".into(), scratch: "/w/scratch".into() }
}

/// The recipe where these programs are installed.
fn with(programs: &[Program], root: bool, from: Ingredient) -> Result<Vec<Action>, RecipeError> {
    let installed = |program| programs.contains(&program);
    let alice = Rootless { uid: 1000, gid: 1000, limits: Vec::new() };
    let user = (!root).then_some(&alice);
    recipe(from, &places(), &Kitchen { installed: &installed, user })
}

/// What is done, a line each; what config.json says is another test's affair.
fn shown(actions: &[Action]) -> Vec<String> {
    let shown = |action: &Action| match action {
        Action::Run(command) => {
            let args: Vec<_> = command.args.iter().map(|word| word.to_string_lossy()).collect();
            format!("{} {}", command.program.name(), args.join(" "))
        }
        Action::Tidy(rootfs) => format!("tidy {}", rootfs.display()),
        Action::Adopt(unpacked) => format!("adopt {}", unpacked.display()),
        Action::Configure(config) => format!("configure {}", config["root"]["path"]),
        Action::Tell(told) => format!("tell {}", told.join(", ")),
    };
    actions.iter().map(shown).collect()
}

const UNPACK: [&str; 2] = ["tidy /w/scratch/unpacked/rootfs", "adopt /w/scratch/unpacked"];
const EXTRACT: &str = "tar --extract --force-local --no-same-owner --same-permissions --delay-directory-restore --warning=no-timestamp --warning=no-unknown-keyword";
const FINISH: [&str; 2] = ["tidy /w/bundle/rootfs", "configure \"rootfs\""];

#[test]
fn an_image_in_a_layout_is_unpacked_by_umoci() {
    let actions = with(&[Umoci], false, Ingredient::Layout("images".into(), "12".into())).unwrap();
    let umoci = "umoci unpack --rootless --image images:12 /w/scratch/unpacked";
    assert_eq!(shown(&actions), [umoci, UNPACK[0], UNPACK[1]]);
}

#[test]
fn an_image_elsewhere_is_copied_by_skopeo_first() {
    let from = Ingredient::Image("docker://a/b:c".into());
    let actions = with(&[Umoci, Skopeo], false, from).unwrap();
    assert_eq!(
        shown(&actions),
        [
            "skopeo copy docker://a/b:c oci:/w/scratch/image:latest",
            "umoci unpack --rootless --image /w/scratch/image:latest /w/scratch/unpacked",
            UNPACK[0],
            UNPACK[1],
        ]
    );
}

#[test]
fn an_archive_is_unpacked_by_tar() {
    let from = |compression| Ingredient::Archive("/x.tar".into(), compression);
    let to = "--directory=/w/bundle/rootfs --file=/x.tar";
    let actions = with(&[Tar], false, from(None)).unwrap();
    assert_eq!(shown(&actions), [&format!("{EXTRACT} {to}"), FINISH[0], FINISH[1]]);
    let actions = with(&[Tar, Xz], false, from(Some(Xz))).unwrap();
    assert_eq!(shown(&actions)[0], format!("{EXTRACT} --use-compress-program=xz {to}"));
    let reads_input = |actions: &[Action]| match &actions[0] {
        Action::Run(command) => command.reads_input,
        _ => false,
    };
    assert!(!reads_input(&actions));
    assert!(reads_input(&with(&[Tar], false, Ingredient::StandardInput).unwrap()));
}

#[test]
fn a_debian_is_made_by_what_is_there() {
    let from =
        |mirror: Option<&str>| Ingredient::Suite("bookworm".into(), mirror.map(str::to_owned));
    let both = [Mmdebstrap, Debootstrap, Tar];
    let unpacked = format!("{EXTRACT} --directory=/w/bundle/rootfs --file=/w/scratch/root.tar");
    let made = "mmdebstrap --variant=minbase bookworm /w/scratch/root.tar http://m/";
    for root in [true, false] {
        let actions = with(&both, root, from(Some("http://m/"))).unwrap();
        assert_eq!(shown(&actions), [made, &unpacked, FINISH[0], FINISH[1]]);
    }
    let actions = with(&[Debootstrap], true, from(None)).unwrap();
    let made = "debootstrap --variant=minbase bookworm /w/bundle/rootfs";
    assert_eq!(shown(&actions), [made, FINISH[0], FINISH[1]]);
    assert_eq!(with(&[Debootstrap, Tar], false, from(None)), Err(RecipeError::NeedsRoot));
}

#[test]
fn a_directory_stays_where_it_is() {
    let actions = with(&[], false, Ingredient::Rootfs("/images/app".into())).unwrap();
    assert_eq!(shown(&actions), ["configure \"/images/app\""]);
    let bundle = Bundle::new("/b".into(), Object::new());
    let actions = with(&[], false, Ingredient::Bundle(bundle)).unwrap();
    assert_eq!(
        shown(&actions),
        ["configure \"/b/rootfs\"", "tell no user namespace: added one, in which you are root",]
    );
}

#[test]
fn only_what_was_unpacked_here_gets_another_mount_point() {
    let mounts_name_servers = |actions: &[Action]| match actions.last() {
        Some(Action::Configure(config)) => {
            let mounts = config["mounts"].as_array().unwrap();
            mounts.iter().any(|mount| mount["destination"] == "/etc/resolv.conf")
        }
        other => unreachable!("{other:?}"),
    };
    let archive = Ingredient::Archive("x".into(), None);
    assert!(mounts_name_servers(&with(&[Tar], false, archive).unwrap()));
    let rootfs = Ingredient::Rootfs("/images/app".into());
    assert!(!mounts_name_servers(&with(&[], false, rootfs).unwrap()));
}

#[test]
fn what_is_missing_is_told_with_its_package_and_a_way_without() {
    let told = |programs: &[Program], from| with(programs, false, from).unwrap_err().to_string();
    let without = "; without it, unpack the image elsewhere, as with 'podman export', and use --from FILE.tar";
    let missing = |name: &str| {
        format!(
            "'{name}' is not installed here; the package is {name} (Debian, Ubuntu) or {name} (RPM)"
        )
    };
    let image = || Ingredient::Image("docker://a".into());
    assert_eq!(told(&[Umoci], image()), missing("skopeo") + without);
    assert_eq!(told(&[Skopeo], image()), missing("umoci") + without);
    assert_eq!(
        told(&[Tar], Ingredient::Archive("x".into(), Some(Xz))),
        "'xz' is not installed here; the package is xz-utils (Debian, Ubuntu) or xz (RPM)"
    );
    let suite = || Ingredient::Suite("sid".into(), None);
    assert_eq!(told(&[Tar], suite()), missing("mmdebstrap"));
    assert_eq!(
        told(&[Debootstrap], suite()),
        format!("debootstrap needs root, and {}", missing("mmdebstrap"))
    );
}

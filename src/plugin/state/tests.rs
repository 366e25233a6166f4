use super::*;
use nix::unistd::{getegid, geteuid};
use std::{fs, os::unix::fs::PermissionsExt};

const NAME: StepName = StepName { job: 7, step: 0, node_rank: 1, component: 0 };

fn create(base: &Path) -> Result<StepDir, StateError> {
    StepDir::create(base, NAME, geteuid().as_raw(), getegid().as_raw())
}

fn base() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let base = directory.path().join("spank-oci");
    (directory, base)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_step_gets_a_private_directory_below_a_base_nobody_can_list() {
    let (_keep, base) = base();
    let dir = create(&base).unwrap();
    assert_eq!(dir.spool(), base.join("7.0.1/spool"));
    assert_eq!(mode(&base), 0o711);
    assert_eq!(mode(&base.join("7.0.1")), 0o711);
    assert_eq!(mode(&dir.spool()), 0o700);
    assert_eq!(dir.owner().unwrap(), Some((geteuid().as_raw(), getegid().as_raw())));
}

#[test]
fn a_directorys_name_tells_its_step_and_others_are_not_ours() {
    for name in [NAME, StepName { component: 2, ..NAME }] {
        assert_eq!(name.to_string().parse(), Ok(name));
    }
    for name in ["7.0", "7.0.1.0", "07.0.1", "7.0.1.2.3", "7.0.x", ""] {
        assert_eq!(name.parse::<StepName>(), Err(()), "{name}");
    }
}

#[test]
fn an_empty_step_directory_is_removed_and_one_in_use_is_not() {
    let (_keep, base) = base();
    let dir = create(&base).unwrap();
    fs::write(dir.spool().join("file"), "").unwrap();
    assert!(dir.holds("file") && !dir.holds("other"));
    assert_eq!(dir.remove().unwrap(), Removal::NotEmpty);
    fs::remove_file(dir.spool().join("file")).unwrap();
    assert_eq!(dir.remove().unwrap(), Removal::Done);
    assert_eq!(dir.remove().unwrap(), Removal::Done);
    assert_eq!(fs::read_dir(&base).unwrap().count(), 0);
}

#[test]
fn the_directory_of_a_living_step_is_not_abandoned() {
    let (_keep, base) = base();
    let dir = create(&base).unwrap();
    assert!(StepDir::abandoned(&base, NAME).unwrap().is_none());
    drop(dir);
    let abandoned = StepDir::abandoned(&base, NAME).unwrap().unwrap();
    assert_eq!(abandoned.remove().unwrap(), Removal::Done);
    assert!(StepDir::abandoned(&base, NAME).unwrap().is_none());
}

#[test]
fn a_directory_that_is_there_already_is_not_taken_over() {
    let (_keep, base) = base();
    let _dir = create(&base).unwrap();
    let error = create(&base).unwrap_err().to_string();
    assert_eq!(
        error,
        format!("cannot make directory '{}': file exists", base.join("7.0.1").display())
    );
}

#[test]
fn a_base_that_others_may_write_is_refused_with_the_remedy() {
    let (_keep, base) = base();
    fs::create_dir(&base).unwrap();
    fs::set_permissions(&base, fs::Permissions::from_mode(0o777)).unwrap();
    let error = create(&base).unwrap_err().to_string();
    let shown = base.display();
    let uid = geteuid();
    assert_eq!(
        error,
        format!(
            "cannot use directory '{shown}': owner {uid} and mode 0777, but it must be root's and writable by root only; run: chown root '{shown}' && chmod 0711 '{shown}'"
        )
    );
}

#[test]
fn a_link_in_place_of_the_base_is_not_followed() {
    let (keep, base) = base();
    let target = keep.path().join("target");
    fs::create_dir(&target).unwrap();
    std::os::unix::fs::symlink(&target, &base).unwrap();
    assert!(create(&base).is_err());
    assert_eq!(fs::read_dir(&target).unwrap().count(), 0);
}

#[test]
fn a_base_in_a_directory_that_others_may_write_is_neither_made_nor_looked_into() {
    let keep = tempfile::tempdir().unwrap();
    fs::set_permissions(keep.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let (base, shown) = (keep.path().join("spank-oci"), keep.path().display());
    let expected = format!(
        "cannot use directory '{shown}/spank-oci': '{shown}' has mode 0777, so others than its owner can write it; run: chmod go-w '{shown}'"
    );
    assert_eq!(create(&base).unwrap_err().to_string(), expected);
    assert!(!base.exists());
    fs::create_dir(&base).unwrap();
    assert_eq!(steps(&base).unwrap_err().to_string(), expected);
    assert_eq!(StepDir::abandoned(&base, NAME).unwrap_err().to_string(), expected);
}

#[test]
fn nothing_is_taken_for_a_step_in_a_base_that_others_may_write() {
    let (_keep, base) = base();
    drop(create(&base).unwrap());
    fs::set_permissions(&base, fs::Permissions::from_mode(0o777)).unwrap();
    let expected = format!("cannot use directory '{}': owner ", base.display());
    let told = [
        steps(&base).unwrap_err().to_string(),
        StepDir::abandoned(&base, NAME).unwrap_err().to_string(),
    ];
    assert!(told.iter().all(|text| text.starts_with(&expected)), "{told:?}");
}

#[test]
fn only_names_of_steps_are_listed() {
    let (_keep, base) = base();
    let _dir = create(&base).unwrap();
    for name in ["7", "7.0", "7.0.1.0", "7.0.1.2.3", "7.0.x", "07.0.1", "+7.0.1", "other"] {
        fs::create_dir(base.join(name)).unwrap();
    }
    assert_eq!(steps(&base).unwrap(), [NAME]);
    assert_eq!(steps(&base.join("missing")).unwrap(), []);
}

//! What Slurm and the library see of each other: the restated header against
//! Slurm's, and the library's symbols.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeSet,
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use object::{Object, ObjectSymbol};

/// Where libslurm-dev puts Slurm's headers; SLURM_INCLUDE_DIR names another place.
fn slurm_headers() -> PathBuf {
    env::var_os("SLURM_INCLUDE_DIR").map_or_else(|| "/usr/include".into(), PathBuf::from)
}

#[test]
fn every_value_layout_and_signature_we_restate_is_slurms_own() {
    let headers = slurm_headers();
    assert!(
        headers.join("slurm/spank.h").is_file(),
        "Slurm's headers are not in '{}': install libslurm-dev, or name their place in SLURM_INCLUDE_DIR",
        headers.display()
    );
    let output = Command::new("cc")
        .args(["-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-Iinclude", "-isystem"])
        .arg(headers)
        .arg("tests/abi/compare.c")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The plugin that Cargo built for this test run.
fn library() -> Result<PathBuf, Box<dyn Error>> {
    let deps = env::current_exe()?.parent().ok_or("the test has no directory")?.to_owned();
    Ok(deps.join("libspank_oci.so"))
}

fn symbols(path: &Path, wanted: impl Fn(&dyn Fn() -> (bool, bool)) -> bool) -> BTreeSet<String> {
    let data = fs::read(path).unwrap();
    let file = object::File::parse(data.as_slice()).unwrap();
    let matching = file
        .dynamic_symbols()
        .filter(|symbol| wanted(&|| (symbol.is_definition(), symbol.is_weak())));
    matching.map(|symbol| symbol.name().unwrap().to_owned()).collect()
}

#[test]
fn the_library_exports_what_slurm_looks_for_and_nothing_else() {
    let exported = symbols(&library().unwrap(), |is| is().0);
    let expected = [
        "plugin_name",
        "plugin_type",
        "plugin_version",
        "spank_plugin_version",
        "slurm_spank_init_failure_mode",
        "slurm_spank_init",
        "slurm_spank_init_post_opt",
        "slurm_spank_local_user_init",
        "slurm_spank_task_init",
        "slurm_spank_task_exit",
        "slurm_spank_exit",
        "slurm_spank_job_epilog",
        "slurm_spank_slurmd_exit",
    ];
    assert_eq!(exported, expected.map(str::to_owned).into());
}

#[test]
fn what_an_older_slurm_lacks_does_not_keep_the_library_from_being_loaded() {
    let of_slurm = |name: &String| name.starts_with("spank_") || name.starts_with("slurm_");
    let library = library().unwrap();
    let strong = symbols(&library, |is| is() == (false, false));
    let weak = symbols(&library, |is| is() == (false, true));
    assert_eq!(strong.into_iter().filter(of_slurm).collect::<Vec<_>>(), Vec::<String>::new());
    assert!(
        weak.contains("spank_prepend_task_argv") && weak.contains("spank_get_item"),
        "{weak:?}"
    );
}

//! Every file of `tests/data/oci.conf/{good,bad}` beside its `.expected` file.
//!
//! `UPDATE_EXPECTED=1 cargo test` rewrites the expected files: read the difference before you
//! commit it, these messages are the interface.

use std::fs;

use super::*;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/oci.conf");

/// Includes are read from `include/` beside the folders, whatever directory they name.
fn load(path: &Path) -> io::Result<Vec<u8>> {
    let name = path.file_name().unwrap_or_default();
    fs::read(Path::new(DATA).join("include").join(name))
}

fn parse(name: &str, text: impl AsRef<[u8]>) -> Result<Parsed, Vec<Diagnostic>> {
    Config::parse(Path::new(name), text.as_ref(), &mut load)
}

fn rendered(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(|diagnostic| format!("{diagnostic}\n\n")).collect()
}

fn compare(folder: &str) {
    let update = std::env::var_os("UPDATE_EXPECTED").is_some();
    let mut files: Vec<PathBuf> =
        fs::read_dir(Path::new(DATA).join(folder)).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "conf"));
    files.sort();
    assert!(!files.is_empty());
    let mut wrong = Vec::new();
    for path in files {
        let name = path.file_name().unwrap().to_str().unwrap();
        let result = match parse(name, fs::read(&path).unwrap()) {
            Ok(parsed) => ("good", format!("{}{:#?}\n", rendered(&parsed.warnings), parsed.config)),
            Err(diagnostics) => ("bad", rendered(&diagnostics)),
        };
        let expected = path.with_extension("expected");
        if update {
            fs::write(&expected, &result.1).unwrap();
        }
        let expected = fs::read_to_string(&expected).unwrap_or_default();
        if result.0 != folder || result.1 != expected {
            wrong.push(format!("{}:\n{}", path.display(), result.1));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn good_files() {
    compare("good");
}

#[test]
fn bad_files() {
    compare("bad");
}

/// A file that is valid but for the lines given.
fn with(lines: &str) -> String {
    format!("RunTimeRun=\"crun run %b\"\nRunTimeKill=\"crun kill\"\nRunTimeDelete=crun\n{lines}\n")
}

fn config(lines: &str) -> Config {
    parse("oci.conf", with(lines)).map_err(|d| rendered(&d)).unwrap().config
}

fn messages(text: &str) -> Vec<String> {
    let diagnostics = match parse("oci.conf", text) {
        Ok(parsed) => parsed.warnings,
        Err(diagnostics) => diagnostics,
    };
    diagnostics.into_iter().map(|diagnostic| diagnostic.message).collect()
}

#[test]
fn values_of_create_env_file() {
    for (value, expected) in [
        ("null", EnvFile::Null),
        ("TRUE", EnvFile::Null),
        ("y", EnvFile::Null),
        ("Yes", EnvFile::Null),
        ("1", EnvFile::Null),
        ("NewLine", EnvFile::Newline),
        ("Disabled", EnvFile::Disabled),
        ("false", EnvFile::Disabled),
        ("N", EnvFile::Disabled),
        ("no", EnvFile::Disabled),
        ("0", EnvFile::Disabled),
    ] {
        assert_eq!(config(&format!("CreateEnvFile={value}")).env_file, expected, "{value}");
    }
}

#[test]
fn keys_in_any_case_and_spelling() {
    let plain = config("DisableCleanup=yes");
    assert!(plain.disable_cleanup);
    for line in ["disablecleanup = UP", "  DISABLECLEANUP=1", "DisableCleanup=\"true\" # why"] {
        assert_eq!(config(line), plain, "{line}");
    }
    let oci = with("").replace("RunTime", "OCIRunTime");
    assert_eq!(parse("oci.conf", oci).unwrap().config, config(""));
}

#[test]
fn the_last_value_wins_and_srun_args_grow() {
    let config = config("FileDebug=info\nFileDebug=debug\nSrunArgs=--a\nSrunArgs+=\"-b c\"");
    assert_eq!(config.verbosity.file, Some(LevelFilter::Debug));
    assert_eq!(config.srun_args, ["--a", "-b c"]);
}

#[test]
fn excludes() {
    let exclude = config("EnvExclude=\"^(SLURM_CONF|SLURM_CONF_SERVER)=\"").env_exclude.unwrap();
    assert!(exclude.excludes(c"SLURM_CONF=/x") && !exclude.excludes(c"SLURM_JOB_ID=1"));
}

#[test]
fn windows_line_ends_and_tabs_are_blanks() {
    assert_eq!(parse("oci.conf", with("").replace('\n', "\t\r\n")).unwrap().config, config(""));
}

#[test]
fn files_that_are_no_text() {
    let at = |text: &[u8]| rendered(&parse("oci.conf", text).unwrap_err());
    assert!(
        at(b"# \xc3\xa9\nKey=\"\xff\"\n").starts_with("oci.conf:2:6: error: this is not UTF-8")
    );
    assert!(at(b"a\0b").starts_with("oci.conf:1:2: error: a NUL byte"));
    let big = vec![b'\n'; (1 << 20) + 1];
    assert_eq!(at(&big), "oci.conf: error: the file has 1048577 bytes, more than 1 MiB\n\n");
}

#[test]
fn include_names() {
    let mut asked = Vec::new();
    let mut load = |path: &Path| {
        asked.push(path.to_owned());
        Err(io::Error::from_raw_os_error(libc::EACCES))
    };
    let text = "Include more.conf\nINCLUDE\t/abs/x.conf\n";
    let diagnostics = Config::parse(Path::new("/etc/oci.conf"), text.as_bytes(), &mut load);
    assert!(
        rendered(&diagnostics.unwrap_err())
            .contains("cannot read '/abs/x.conf': permission denied")
    );
    assert_eq!(asked, [Path::new("/etc/more.conf"), Path::new("/abs/x.conf")]);
}

#[test]
fn files_that_include_each_other_end() {
    let text = "Include a\n".repeat(9);
    let mut load = |_: &Path| Ok(text.as_bytes().to_vec());
    let diagnostics = Config::parse(Path::new("a"), text.as_bytes(), &mut load).unwrap_err();
    assert_eq!(diagnostics[0].message, "too many files include each other");
}

#[test]
fn of_very_many_mistakes_some_are_told() {
    let one_line = format!("RunTimeRun=\"{}\"", "%q".repeat(20_000));
    for text in ["x\n".repeat(20_000), one_line] {
        let told = parse("oci.conf", &text).unwrap_err();
        assert!((100..110).contains(&told.len()), "{}", told.len());
    }
    let warnings = "RunTimeRun=a\nRunTimeKill=a\nRunTimeDelete=a\n".repeat(200);
    assert_eq!(parse("oci.conf", &warnings).unwrap().warnings.len(), 100);
    let error = format!("{warnings}x\n");
    assert_eq!(messages(&error).last().unwrap(), "unknown key 'x'");
}

#[test]
fn a_mistyped_command_is_not_missing_too() {
    let text = with("").replace("RunTimeKill", "RunTimeKil");
    assert_eq!(messages(&text), ["unknown key 'RunTimeKil'"]);
}

#[test]
fn no_text_panics() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let text = "(RunTimeRun|Include|SrunArgs|EnvExclude|DisableHooks)?[ =\"\\\\#%b\n\té+a,]{0,40}";
    let result = runner.run(&text, |text| {
        let _ = parse("oci.conf", &text).map_err(|diagnostics| rendered(&diagnostics));
        Ok(())
    });
    result.unwrap();
}

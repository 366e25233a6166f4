use super::*;
use proptest::prelude::*;

fn bundle(text: &str) -> Bundle {
    let config = super::super::read::parse(Path::new("/b/config.json"), text.as_bytes()).unwrap();
    Bundle::new("/images/b".into(), config)
}

fn edit(args: &[&str]) -> Edit {
    let args = args.iter().map(|&arg| arg.to_owned()).collect();
    Edit { args, env: vec!["A=1".to_owned()], ..Edit::default() }
}

fn edited_text(text: &str, edit: Edit) -> String {
    serde_json::to_string(&edited(bundle(text), edit).0).unwrap()
}

#[test]
fn command_environment_terminal_and_rootfs_are_replaced_in_place() {
    let text = r#"{"ociVersion":"1.0.2","process":{"terminal":true,"user":{"uid":0},"args":["sh"],"env":["X=2"],"cwd":"/w"},"root":{"path":"rootfs","readonly":true},"hostname":"b"}"#;
    assert_eq!(
        edited_text(text, edit(&["echo", "it's"])),
        r#"{"ociVersion":"1.0.2","process":{"terminal":false,"user":{"uid":0},"args":["echo","it's"],"env":["A=1"],"cwd":"/w"},"root":{"path":"/images/b/rootfs","readonly":true},"hostname":"b"}"#
    );
}

#[test]
fn a_terminal_has_the_size_of_its_window_if_that_is_known() {
    let edited = |terminal: Option<(u16, u16)>| {
        let text = r#"{"process":{"terminal":true,"consoleSize":{"height":1,"width":2}}}"#;
        let terminal = terminal.map(|(height, width)| WindowSize { height, width });
        let (config, _) = edited(bundle(text), Edit { terminal, ..Edit::default() });
        let process = &config["process"];
        (process["terminal"].clone(), process["consoleSize"].to_string())
    };
    let of_the_bundle = || r#"{"height":1,"width":2}"#.to_owned();
    let given = r#"{"height":33,"width":101}"#.to_owned();
    assert_eq!(edited(Some((33, 101))), (json!(true), given));
    assert_eq!(edited(Some((0, 0))), (json!(true), of_the_bundle()));
    assert_eq!(edited(None), (json!(false), of_the_bundle()));
}

#[test]
fn an_absolute_rootfs_stays_and_a_missing_one_is_rootfs() {
    assert!(edited_text(r#"{"root":{"path":"/x"}}"#, edit(&[])).contains(r#""path":"/x""#));
    assert!(edited_text("{}", edit(&[])).contains(r#""path":"/images/b/rootfs""#));
}

#[test]
fn a_relative_source_of_a_bind_mount_is_one_in_the_bundle() {
    let mount = |source: &str, option: &str| {
        format!(
            r#"{{"mounts":[{{"destination":"/m","source":"{source}","options":["{option}"]}}]}}"#
        )
    };
    for (source, option, expected) in [
        ("data/x", "bind", "/images/b/data/x"),
        ("data", "rbind", "/images/b/data"),
        ("/data", "bind", "/data"),
        ("proc", "ro", "proc"),
    ] {
        let (config, _) = edited(bundle(&mount(source, option)), edit(&[]));
        assert_eq!(config["mounts"][0]["source"], expected);
    }
}

#[test]
fn unknown_fields_and_numbers_of_any_size_are_kept() {
    let text = r#"{"x-site":{"b":1,"a":[1.0,1e3,18446744073709551616,-0]},"process":{"cwd":"/","future":null}}"#;
    let result = edited_text(text, edit(&["true"]));
    assert!(
        result.contains(r#""x-site":{"b":1,"a":[1.0,1e+3,18446744073709551616,-0]}"#),
        "{result}"
    );
    assert!(result.contains(r#""process":{"cwd":"/","future":null,"#), "{result}");
}

#[test]
fn a_batch_script_is_mounted_read_only_and_its_arguments_stay() {
    let mut edit = edit(&["/spool/job1/slurm_script", "a b"]);
    edit.script = Some("/tmp/slurm/startup".into());
    let (config, _) = edited(bundle("{}"), edit);
    let mount = json!({"destination": "/tmp/slurm/startup", "type": "none", "source": "/spool/job1/slurm_script", "options": ["bind", "ro"]});
    assert_eq!(config["mounts"], json!([mount]));
    assert_eq!(config["process"]["args"], json!(["/tmp/slurm/startup", "a b"]));
}

#[test]
fn a_batch_script_goes_where_it_leaves_no_trace() {
    let place = |mounts: Value| {
        let text = json!({ "mounts": mounts }).to_string();
        script_place(&bundle(&text).config, None)
    };
    let tmpfs = |destination: &str| json!({"destination": destination, "type": "tmpfs", "options": ["nosuid"]});
    let bind = |destination: &str| json!({"destination": destination, "type": "bind"});
    let read_only = json!({"destination": "/dev", "type": "tmpfs", "options": ["ro"]});
    assert_eq!(place(json!([bind("/etc"), tmpfs("/dev")])), "/dev/slurm-batch-script");
    assert_eq!(place(json!([tmpfs("/run/"), tmpfs("/dev")])), "/run/slurm-batch-script");
    assert_eq!(place(json!([read_only])), "/tmp/slurm/startup");
    assert_eq!(place(json!([tmpfs("/tmp/x"), bind("/tmp")])), "/tmp/slurm/startup");
    assert_eq!(place(json!([tmpfs("/tmp"), bind("/tmp/x")])), "/tmp/slurm-batch-script");
    let config = bundle(&json!({"mounts": [tmpfs("/run")]}).to_string()).config;
    assert_eq!(script_place(&config, Some("/run")), "/tmp/slurm/startup", "spool above it");
}

#[test]
fn an_underlay_is_the_root_with_the_image_mounted_first() {
    let edited = |text: &str| {
        let mut edit = edit(&["true"]);
        let of_the_image = ("/images/b/rootfs/usr".to_owned(), "/usr".to_owned());
        edit.underlay = Some(("/spool/task-0/root".into(), vec![of_the_image]));
        edited(bundle(text), edit).0
    };
    let config = edited(r#"{"mounts":[{"destination":"/proc"}]}"#);
    assert_eq!(config["root"]["path"], "/spool/task-0/root");
    let usr = json!({"destination": "/usr", "type": "none", "source": "/images/b/rootfs/usr", "options": ["rbind"]});
    assert_eq!(config["mounts"], json!([usr, {"destination": "/proc"}]));
    let config = edited(r#"{"root":{"readonly":true}}"#);
    assert_eq!(config["mounts"][0]["options"], json!(["rbind", "ro"]));
}

#[test]
fn mount_points_in_other_mounts_are_not_the_images_affair() {
    let text =
        r#"{"mounts":[{"destination":"/dev"},{"destination":"/dev/shm"},{"destination":"/data"}]}"#;
    let config = bundle(text).config;
    let places = mount_points(&config, &["/data/x", "/database"]);
    assert_eq!(places, ["/dev", "/data", "/database"].map(Path::new));
}

#[test]
fn the_spool_directory_is_mounted_where_the_site_says() {
    let mut edit = edit(&["true"]);
    edit.spool = Some(("/run/spank-oci/1.0.0/spool".into(), "/var/run/slurm".into()));
    let (config, _) = edited(bundle(r#"{"mounts":[{"destination":"/proc"}]}"#), edit);
    assert_eq!(config["mounts"][0], json!({"destination": "/proc"}));
    let mount = json!({"destination": "/var/run/slurm", "type": "none", "source": "/run/spank-oci/1.0.0/spool", "options": ["bind"]});
    assert_eq!(config["mounts"][1], mount);
}

#[test]
fn hooks_the_site_disables_are_left_out_and_others_stay() {
    let mut edit = edit(&["true"]);
    edit.disable_hooks = vec!["prestart".into(), "missing".into()];
    let (config, _) = edited(
        bundle(r#"{"hooks":{"prestart":[{"path":"/x"}],"poststop":[{"path":"/y"}]}}"#),
        edit,
    );
    assert_eq!(config["hooks"], json!({"poststop": [{"path": "/y"}]}));
}

#[test]
fn the_tasks_limit_of_open_files_holds_unless_the_bundle_sets_its_own() {
    let limits = |text: &str| {
        let edit = Edit { open_files: Some((777, 4096)), ..edit(&["true"]) };
        edited(bundle(text), edit).0["process"]["rlimits"].clone()
    };
    let ours = json!({"type": "RLIMIT_NOFILE", "hard": 4096, "soft": 777});
    let core = json!({"type": "RLIMIT_CORE", "hard": 0, "soft": 0});
    let own = json!({"type": "RLIMIT_NOFILE", "hard": 1, "soft": 1});
    assert_eq!(limits("{}"), json!([ours]));
    let with = |limit: &Value| json!({"process": {"rlimits": [limit]}}).to_string();
    assert_eq!(limits(&with(&core)), json!([core, ours]));
    assert_eq!(limits(&with(&own)), json!([own]));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter("JSON has finite numbers only", |n| n.is_finite())
            .prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// The keys in their order, without those an edit may change.
fn others(object: &Object, edited: &[&str]) -> Vec<(String, Value)> {
    let kept = object.iter().filter(|(key, _)| !edited.contains(&key.as_str()));
    kept.map(|(key, value)| (key.clone(), value.clone())).collect()
}

proptest! {
    #[test]
    fn everything_else_is_kept_in_its_order(
        before in prop::collection::vec((any::<String>(), any_json()), 0..6),
        in_process in prop::collection::vec((any::<String>(), any_json()), 0..6),
        in_root in prop::collection::vec((any::<String>(), any_json()), 0..6),
    ) {
        let mut config: Object = before.into_iter().collect();
        config.insert("process".into(), Value::Object(in_process.into_iter().collect()));
        config.insert("root".into(), Value::Object(in_root.into_iter().collect()));
        let text = serde_json::to_string(&config).unwrap();
        let Ok(parsed) = super::super::read::parse(Path::new("/c"), text.as_bytes()) else { return Ok(()) };
        prop_assert_eq!(serde_json::to_string(&parsed).unwrap(), text, "reading and writing is lossless");
        let original = Bundle::new("/b".into(), parsed);
        let (result, _) = edited(original.clone(), edit(&["true"]));

        prop_assert_eq!(others(&result, &["process", "root"]), others(&original.config, &["process", "root"]));
        let inner = |config: &Object, key: &str, edited: &[&str]| others(config[key].as_object().unwrap(), edited);
        let process = ["args", "env", "terminal", "cwd"];
        prop_assert_eq!(inner(&result, "process", &process), inner(&original.config, "process", &process));
        prop_assert_eq!(inner(&result, "root", &["path"]), inner(&original.config, "root", &["path"]));
    }
}

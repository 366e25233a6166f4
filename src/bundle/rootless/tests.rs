use super::*;
use std::path::Path;

fn user() -> Rootless {
    Rootless {
        uid: 1000,
        gid: 100,
        limits: vec![("RLIMIT_NOFILE", 4096), ("RLIMIT_CORE", u64::MAX)],
    }
}

/// The config.json as the user may run it, and what is told.
fn adapted(text: &str) -> (Value, Vec<String>) {
    let mut config = super::super::read::parse(Path::new("/c"), text.as_bytes()).unwrap();
    let told = adapt(&mut config, &user()).into_iter().map(|change| change.told).collect();
    (Value::Object(config), told)
}

const USER_NAMESPACE: &str =
    r#""namespaces":[{"type":"user"},{"type":"uts"}],"uidMappings":[{"containerID":0}]"#;

#[test]
fn a_bundle_made_for_its_user_stays_as_it_is() {
    let text = r#"{"ociVersion":"1.0.2","process":{"user":{"uid":5,"gid":5},"rlimits":[{"type":"RLIMIT_NOFILE","hard":1024,"soft":1024}]},"mounts":[{"destination":"/dev/pts","type":"devpts","options":["gid=5"]}],"hostname":"b","linux":{"namespaces":[{"type":"user"},{"type":"uts"},{"type":"network"}],"uidMappings":[{"containerID":0,"hostID":1000,"size":1},{"containerID":1,"hostID":100000,"size":9}],"gidMappings":[{"containerID":5,"hostID":100,"size":1}]}}"#;
    let (config, told) = adapted(text);
    assert_eq!(config.to_string(), text);
    assert_eq!(told, Vec::<String>::new());
}

#[test]
fn a_bundle_made_for_root_becomes_one_that_its_user_may_run() {
    let (config, told) = adapted(
        r#"{"process":{"user":{"uid":33,"gid":33,"additionalGids":[4],"umask":18}},"mounts":[{"destination":"/dev/pts","type":"devpts","source":"devpts","options":["nosuid","gid=5","mode=0620"]},{"destination":"/sys","type":"sysfs","source":"sysfs","options":["nosuid"]},{"destination":"/sys/fs/cgroup","type":"cgroup"}],"linux":{"namespaces":[{"type":"pid"},{"type":"network"}]}}"#,
    );
    assert_eq!(config["process"]["user"], json!({"uid": 0, "gid": 0, "umask": 18}));
    assert_eq!(config["linux"]["namespaces"], json!([{"type": "pid"}, {"type": "user"}]));
    let mapping = |id: u32| json!([{"containerID": 0, "hostID": id, "size": 1}]);
    assert_eq!(config["linux"]["uidMappings"], mapping(1000));
    assert_eq!(config["linux"]["gidMappings"], mapping(100));
    assert_eq!(config["mounts"][0]["options"], json!(["nosuid", "mode=0620"]));
    let sys = json!({"destination": "/sys", "type": "none", "source": "/sys", "options": ["rbind", "nosuid", "noexec", "nodev", "ro"]});
    assert_eq!(config["mounts"][1], sys);
    assert_eq!(config["mounts"].as_array().unwrap().len(), 2);
    assert_eq!(told, ["no user namespace: added one, in which you are root"]);
}

#[test]
fn a_user_namespace_without_mappings_gets_the_user_as_root() {
    let text = |mappings: &str| {
        format!(r#"{{"linux":{{"namespaces":[{{"type":"uts"}},{{"type":"user"}}]{mappings}}}}}"#)
    };
    for mappings in ["", r#","uidMappings":[]"#] {
        let (config, told) = adapted(&text(mappings));
        assert_eq!(config["linux"]["uidMappings"][0]["hostID"], 1000);
        assert_eq!(config["linux"]["gidMappings"][0]["hostID"], 100);
        assert_eq!(told, ["nobody is mapped into the user namespace: you are root in it"]);
    }
}

#[test]
fn a_user_whom_nobody_can_be_is_root() {
    let text = |user: Value| {
        let mapping = json!([{"containerID": 0, "hostID": 1000, "size": 1}]);
        let linux = json!({"namespaces": [{"type": "user"}, {"type": "uts"}], "uidMappings": mapping, "gidMappings": mapping});
        json!({"process": {"user": user}, "linux": linux}).to_string()
    };
    let (config, told) = adapted(&text(json!({"uid": 1000, "gid": 7, "additionalGids": [0, 4]})));
    let root = json!({"uid": 0, "gid": 0, "additionalGids": [0]});
    assert_eq!(config["process"]["user"], root);
    let expected = [
        "process.user: groups that are not mapped left out",
        "process.user: uid 1000 is not mapped: you are root",
        "process.user: gid 7 is not mapped: you are root",
    ];
    assert_eq!(told, expected);
    let (config, told) = adapted(&text(json!({"uid": 0, "gid": 0})));
    assert_eq!(config["process"]["user"], json!({"uid": 0, "gid": 0}));
    assert_eq!(told, Vec::<String>::new());
}

#[test]
fn the_shortest_config_json_can_be_run_too() {
    let (config, _) = adapted("{}");
    assert_eq!(config["linux"]["namespaces"], json!([{"type": "user"}]));
    assert_eq!(config["process"]["user"], json!({"uid": 0, "gid": 0}));
}

#[test]
fn limits_are_lowered_to_what_the_task_may_have() {
    let (config, told) = adapted(&format!(
        r#"{{"process":{{"rlimits":[{{"type":"RLIMIT_NOFILE","hard":1048576,"soft":1024}},{{"type":"RLIMIT_CORE","hard":18446744073709551616,"soft":0}},{{"type":"RLIMIT_NEW","hard":9,"soft":9}}]}},"linux":{{{USER_NAMESPACE}}}}}"#
    ));
    assert_eq!(
        config["process"]["rlimits"],
        json!([
            {"type": "RLIMIT_NOFILE", "hard": 4096, "soft": 1024},
            {"type": "RLIMIT_CORE", "hard": u64::MAX, "soft": 0},
            {"type": "RLIMIT_NEW", "hard": 9, "soft": 9},
        ])
    );
    assert_eq!(
        told,
        [
            "RLIMIT_NOFILE: hard limit lowered to the task's 4096",
            "RLIMIT_CORE: hard limit lowered to the task's 18446744073709551615",
        ]
    );
}

#[test]
fn control_groups_are_slurms_affair() {
    let (config, told) = adapted(&format!(
        r#"{{"linux":{{"cgroupsPath":"/x","resources":{{"memory":{{"limit":1}}}},"seccomp":{{}},{USER_NAMESPACE}}}}}"#
    ));
    let linux = config["linux"].as_object().unwrap();
    assert_eq!(linux.keys().collect::<Vec<_>>(), ["seccomp", "namespaces", "uidMappings"]);
    assert_eq!(
        told,
        [
            "linux.cgroupsPath left out: Slurm has set the task's limits",
            "linux.resources left out: Slurm has set the task's limits",
        ]
    );
}

#[test]
fn a_name_for_a_host_of_its_own_goes_where_there_is_none() {
    let (config, told) = adapted(
        r#"{"hostname":"b","domainname":"d","linux":{"namespaces":[{"type":"user","path":"/proc/7/ns/user"}]}}"#,
    );
    assert_eq!(config.get("hostname"), None);
    assert_eq!(
        told,
        [
            "hostname left out: there is no uts namespace",
            "domainname left out: there is no uts namespace",
        ]
    );
}

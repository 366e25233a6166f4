use super::*;
use crate::plugin::{fake::FakeHost, host::Context};

fn stepd(variables: &[(&str, &str)]) -> FakeHost {
    FakeHost::new(Context::Stepd).with_variables(variables)
}

fn prepared(host: &FakeHost, state: &tempfile::TempDir, helper: &str) -> Step {
    let words = [
        OsString::from(format!("state={}", state.path().join("base").display())),
        OsString::from(format!("helper={helper}")),
    ];
    Step::prepare(host, &words, "/images/a".into(), true).unwrap()
}

fn request(host: &FakeHost) -> Request {
    Request::decode(&host.variable(request::VARIABLE).unwrap()).unwrap()
}

#[test]
fn a_marked_step_asks_for_its_bundle() {
    let host = stepd(&[(MARKER, "/images/a"), (CONTAINER, "a")]);
    assert_eq!(asked_for(&host), Some(Marker::One("/images/a".into())));
}

#[test]
fn a_request_of_a_client_without_the_plugin_counts() {
    let host = stepd(&[(CONTAINER, "/images/b")]);
    assert_eq!(asked_for(&host), Some(Marker::One("/images/b".into())));
}

#[test]
fn only_the_batch_script_heeds_the_marker_that_reaches_every_step() {
    let mut host = stepd(&[(BATCH_MARKER, "/images/a")]);
    assert_eq!(asked_for(&host), None);
    host.step = BATCH_STEP;
    assert_eq!(asked_for(&host), Some(Marker::One("/images/a".into())));
}

#[test]
fn other_steps_ask_for_nothing() {
    assert_eq!(asked_for(&stepd(&[("PATH", "/bin")])), None);
    let mut host = stepd(&[(MARKER, "/images/a")]);
    host.step = EXTERN_STEP;
    assert_eq!(asked_for(&host), None);
}

#[test]
fn a_step_has_the_configuration_it_chose_or_that_of_its_partition() {
    let state = tempfile::tempdir().unwrap();
    let config = |runtime: Option<&str>, partition: &str| {
        let words = ["conf=/c", "profile=runc:/r", "profile=nvidia:/n", "partition=gpu:nvidia"];
        let words = words.map(OsString::from);
        let base = format!("state={}", state.path().join("base").display());
        let words = [words.as_slice(), &[base.into()]].concat();
        let asked = Asked { bundle: "/a".into(), runtime: runtime.map(str::to_owned) };
        let host = stepd(&[(PARTITION, partition)]);
        let step = Step::prepare(&host, &words, asked, true);
        let step = step.map_err(|refusal| refusal.to_string())?;
        step.dir.remove().unwrap();
        Ok(step.config.display().to_string())
    };
    assert_eq!(config(None, "cpu"), Ok("/c".to_owned()));
    assert_eq!(config(None, "gpu"), Ok("/n".to_owned()));
    assert_eq!(config(Some("runc"), "gpu"), Ok("/r".to_owned()));
    let unknown = "--container-runtime: this site has no 'x'; choose one of: runc, nvidia";
    assert_eq!(config(Some("x"), "gpu"), Err(unknown.to_owned()), "another plugstack.conf");
}

#[test]
fn each_component_runs_in_its_own_bundle_or_is_told_why_not() {
    let marker = || Marker::PerComponent(vec![Some("/a".into()), None]);
    let bundle = |title: &str| {
        let mut host = stepd(&[]);
        host.command_line = vec![title.into()];
        container_of(&host, marker()).map_err(|refusal| refusal.to_string())
    };
    assert_eq!(bundle("slurmstepd: [7.0+0]"), Ok(Some("/a".into())));
    assert_eq!(bundle("slurmstepd: [7.0+1]"), Ok(None));
    for unknown in ["slurmstepd: [7.0+2]", "slurmstepd: [7.0]"] {
        assert_eq!(
            bundle(unknown),
            Err("the components of this step ask for different containers, and this Slurm does not tell which of them this is; start one srun for each".to_owned())
        );
    }
}

#[test]
fn the_helper_learns_what_was_asked() {
    let state = tempfile::tempdir().unwrap();
    let host = stepd(&[]);
    prepared(&host, &state, "/bin/true").take_task(&host).unwrap();
    let expected = Request {
        bundle: "/images/a".into(),
        config: "/etc/slurm/spank-oci/oci.conf".into(),
        spool: state.path().join("base/7.0.1/spool"),
        job: 7,
        step: 0,
        task: 3,
        delivery: Delivery::Everyone,
        program: None,
    };
    assert_eq!(request(&host), expected);
}

#[test]
fn a_replaced_program_travels_in_the_request() {
    let state = tempfile::tempdir().unwrap();
    let mut host = stepd(&[]);
    host.front = Front::Replaced;
    prepared(&host, &state, "/bin/true").take_task(&host).unwrap();
    assert_eq!(request(&host).program, Some("echo".into()));
}

#[test]
fn a_program_list_that_would_be_executed_on_the_host_is_refused() {
    let state = tempfile::tempdir().unwrap();
    let mut host = stepd(&[]);
    host.front = Front::Replaced;
    host.command.replace(vec!["/not/here/list".into(), "0 echo a\n1 echo b\n".into()]);
    let refusal = prepared(&host, &state, "/bin/true").take_task(&host).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "--multi-prog: srun has not put the helper '/bin/true' before each program; its plugstack.conf must name this plugin with the same helper=, or Slurm must be 23.11 or newer"
    );
}

#[test]
fn a_program_list_with_the_helper_before_each_program_is_taken() {
    let state = tempfile::tempdir().unwrap();
    let mut host = stepd(&[]);
    host.command.replace(vec!["list".into(), "0 /bin/true a\n1 /bin/true b\n".into()]);
    host.front = Front::Replaced;
    prepared(&host, &state, "/bin/true").take_task(&host).unwrap();
    assert_eq!(request(&host).program, None);
}

#[test]
fn a_program_list_that_both_sides_put_the_helper_in_is_refused() {
    let state = tempfile::tempdir().unwrap();
    let host = stepd(&[]);
    host.command.replace(vec!["list".into(), "* /bin/true a\n".into()]);
    let refusal = prepared(&host, &state, "/bin/true").take_task(&host).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "--multi-prog together with a container needs an srun of Slurm 23.11 or newer, as on this node"
    );
}

#[test]
fn a_helper_that_cannot_be_executed_is_named_and_nothing_is_put_in_front() {
    let state = tempfile::tempdir().unwrap();
    let host = stepd(&[]);
    let refusal = prepared(&host, &state, "/missing/helper").take_task(&host).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "cannot execute the helper '/missing/helper': no such file or directory; install it, or name it with helper= in plugstack.conf"
    );
    assert!(!host.helped.get());
}

#[test]
fn what_an_earlier_life_of_the_step_left_empty_is_cleared_away() {
    let state = tempfile::tempdir().unwrap();
    let host = stepd(&[]);
    drop(prepared(&host, &state, "/bin/true"));
    prepared(&host, &state, "/bin/true");
}

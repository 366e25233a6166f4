use super::*;
use crate::plugin::{fake::FakeHost, host::Front};

fn srun(variables: &[(&str, &str)]) -> FakeHost {
    FakeHost::new(Context::Srun).with_variables(variables)
}

fn marked(host: &FakeHost) -> Result<Option<OsString>, String> {
    let marked = Client::default().mark_request(host, &[]);
    marked.map(|()| host.variable(MARKER)).map_err(|refusal| refusal.to_string())
}

/// Slurm 20.11, which has no `--container`.
fn old(mut host: FakeHost) -> FakeHost {
    host.release = 36;
    host
}

#[test]
fn a_container_of_an_outer_step_is_forgotten() {
    let host = srun(&[
        (CONTAINER, "/old"),
        (MARKER, "/old"),
        ("SLURM_CONTAINER_ID", "x"),
        (OPTIONS[2], "/old"),
    ]);
    Client::default().begin(&host).unwrap();
    assert!(host.variables().is_empty());
}

#[test]
fn a_container_of_this_command_is_marked() {
    let host = srun(&[(CONTAINER, "/images/a")]);
    assert_eq!(marked(&host), Ok(Some("/images/a".into())));
    assert_eq!(host.variable(CONTAINER), Some("/images/a".into()));
}

#[test]
fn a_batch_job_carries_its_container_in_slurms_own_way_too() {
    let host = FakeHost::new(Context::Allocator).with_variables(&[(CONTAINER, "/images/a")]);
    marked(&host).unwrap();
    assert_eq!(host.variable(BATCH_MARKER), Some("/images/a".into()));
    Client::default().begin(&host).unwrap();
    assert!(host.variables().is_empty());
}

#[test]
fn a_relative_bundle_is_one_below_the_current_directory() {
    let expected = std::env::current_dir().unwrap().join("images/a");
    assert_eq!(marked(&srun(&[(CONTAINER, "images/a")])), Ok(Some(expected.into())));
}

#[test]
fn an_empty_bundle_is_refused_before_anything_is_submitted() {
    let expected = "--container names no bundle: its value is empty";
    assert_eq!(marked(&srun(&[(CONTAINER, "")])), Err(expected.to_owned()));
    let expected = "--oci-bundle names no bundle: its value is empty";
    assert_eq!(marked(&srun(&[]).with_option(OwnOption::OciBundle, "")), Err(expected.to_owned()));
}

#[test]
fn without_a_container_nothing_is_marked_and_mistakes_in_plugstack_conf_do_not_matter() {
    let host = srun(&[("SLURM_JOB_NAME", "a")]);
    Client::default().mark_request(&host, &["nonsense".into()]).unwrap();
    assert_eq!(host.variables().len(), 1);
}

#[test]
fn a_mistake_in_plugstack_conf_stops_a_command_that_wants_a_container() {
    let host = srun(&[(CONTAINER, "/images/a")]);
    let refusal = Client::default().mark_request(&host, &["nonsense".into()]).unwrap_err();
    assert!(matches!(refusal, Refusal::Args(_)));
}

#[test]
fn our_own_option_asks_for_the_same_without_slurms_variable() {
    let host = srun(&[]).with_option(OwnOption::OciBundle, "/images/a");
    assert_eq!(marked(&host), Ok(Some("/images/a".into())));
    assert_eq!(host.variable(CONTAINER), None);
}

#[test]
fn each_option_has_a_variable_of_each_program() {
    assert_eq!(marked(&srun(&[("SRUN_OCI_BUNDLE", "/a")])), Ok(Some("/a".into())));
    assert_eq!(marked(&srun(&[("SBATCH_OCI_BUNDLE", "/a")])), Ok(None));
    assert_eq!(marked(&srun(&[("SRUN_CONTAINER", "/a")])), Ok(None), "Slurm's own business");
    let mut host = FakeHost::new(Context::Allocator).with_variables(&[("SBATCH_CONTAINER", "/a")]);
    host.command_line = vec!["/usr/bin/sbatch".into(), "job.sh".into()];
    assert_eq!(marked(&old(host)), Ok(Some("/a".into())));
}

#[test]
fn an_option_counts_more_than_its_variable() {
    let host = srun(&[("SRUN_CONTAINER", "/a")]).with_option(OwnOption::Container, "/b");
    assert_eq!(marked(&old(host)), Ok(Some("/b".into())));
}

#[test]
fn where_slurm_has_no_container_option_ours_leaves_what_its_would() {
    let host = old(srun(&[]).with_option(OwnOption::Container, "/images/a"));
    assert_eq!(marked(&host), Ok(Some("/images/a".into())));
    assert_eq!(host.variable(CONTAINER), Some("/images/a".into()));
}

#[test]
fn only_a_slurm_without_it_is_given_a_container_option() {
    for (host, expected) in [
        (srun(&[]), vec![OwnOption::OciBundle, OwnOption::Runtime]),
        (old(srun(&[])), vec![OwnOption::Container, OwnOption::OciBundle, OwnOption::Runtime]),
    ] {
        Client::default().begin(&host).unwrap();
        assert_eq!(host.registered.into_inner(), expected);
    }
}

#[test]
fn a_runtime_is_chosen_among_those_of_the_site() {
    let submitted = |name: &str, bundle: &[(&str, &str)]| {
        let host = srun(bundle).with_option(OwnOption::Runtime, name);
        let words = ["profile=runc:/r", "profile=crun:/c"].map(OsString::from);
        let marked = Client::default().mark_request(&host, &words);
        marked.map(|()| host.variable(MARKER)).map_err(|refusal| refusal.to_string())
    };
    let bundle = [(CONTAINER, "/images/a")];
    assert_eq!(submitted("runc", &bundle), Ok(Some("runc=/images/a".into())));
    assert_eq!(
        submitted("podman", &bundle),
        Err("--container-runtime: this site has no 'podman'; choose one of: runc, crun".to_owned())
    );
    assert_eq!(
        submitted("runc", &[]),
        Err("--container-runtime is for containers: give --container or --oci-bundle too"
            .to_owned())
    );
}

#[test]
fn a_runtime_by_variable_is_for_those_commands_that_have_a_container() {
    let runtime = ("SRUN_CONTAINER_RUNTIME", "runc");
    let words = ["profile=runc:/r".into()];
    for (variables, marker) in
        [(vec![runtime], None), (vec![runtime, (CONTAINER, "/a")], Some("runc=/a"))]
    {
        let host = srun(&variables);
        Client::default().mark_request(&host, &words).unwrap();
        assert_eq!(host.variable(MARKER), marker.map(OsString::from));
    }
}

#[test]
fn two_options_that_disagree_are_refused_and_two_that_agree_are_one() {
    let both = |own| srun(&[(CONTAINER, "/a")]).with_option(OwnOption::OciBundle, own);
    assert_eq!(
        marked(&both("/b")),
        Err("--container names '/a' and --oci-bundle '/b': give one of them".to_owned())
    );
    assert_eq!(marked(&both("/a")), Ok(Some("/a".into())));
}

#[test]
fn salloc_refuses_where_its_shell_would_not_be_in_the_container() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("slurm.conf");
    let submitted = |program: &str, text: &str| {
        std::fs::write(&file, text).unwrap();
        let mut host = FakeHost::new(Context::Allocator)
            .with_variables(&[("SLURM_CONF", file.to_str().unwrap())])
            .with_option(OwnOption::OciBundle, "/a");
        host.command_line = vec![program.into()];
        marked(&host)
    };
    let with = "LaunchParameters=mpir_use_nodeaddr,use_interactive_step\n";
    assert_eq!(
        submitted("salloc", "ClusterName=x\n"),
        Err("salloc starts its shell in a container only with LaunchParameters=use_interactive_step in slurm.conf; give --oci-bundle to srun instead".to_owned())
    );
    assert_eq!(submitted("salloc", with), Ok(Some("/a".into())));
    assert_eq!(submitted("salloc", "include site.conf\n"), Ok(Some("/a".into())), "unknown");
    assert_eq!(submitted("sbatch", "ClusterName=x\n"), Ok(Some("/a".into())));
}

#[test]
fn the_interactive_step_of_an_allocation_runs_in_its_container() {
    let interactive = |words: &[&str]| {
        let mut host = srun(&[(MARKER, "/images/a")]);
        host.command_line = words.iter().map(OsString::from).collect();
        let mut client = Client::default();
        client.begin(&host).unwrap();
        client.mark_request(&host, &[]).unwrap();
        host.variable(MARKER)
    };
    assert_eq!(interactive(&["srun", "--interactive", "--pty", "sh"]), Some("/images/a".into()));
    assert_eq!(interactive(&["srun", "--pty", "sh"]), None);
}

/// An srun of two components: what Slurm does between our calls, and the marker.
fn two_components(first: Option<&str>, second: Option<&str>) -> Option<Marker> {
    let mut host = srun(&[]);
    host.command_line = ["srun", "a", ":", "b"].map(OsString::from).into();
    let mut client = Client::default();
    for container in [first, second] {
        // Slurm's own: only where there is no such variable yet.
        if let (Some(container), None) = (container, host.variable(CONTAINER)) {
            host.set_variable(CONTAINER, container.as_ref()).unwrap();
        }
        client.mark_request(&host, &[]).unwrap();
    }
    host.variable(MARKER).map(|value| Marker::decode(&value))
}

#[test]
fn each_component_of_a_heterogeneous_step_asks_for_its_own() {
    let per_component = |bundles: [Option<&str>; 2]| {
        Marker::PerComponent(bundles.map(|b| b.map(Asked::from)).into())
    };
    for bundles in [[Some("/a"), Some("/b")], [None, Some("/b")], [Some("/a"), None]] {
        assert_eq!(two_components(bundles[0], bundles[1]), Some(per_component(bundles)));
    }
    assert_eq!(two_components(Some("/a"), Some("/a")), Some(Marker::One("/a".into())));
    assert_eq!(two_components(None, None), None);
}

#[test]
fn components_that_choose_their_groups_cannot_be_told_apart_later() {
    let mut host = srun(&[]);
    host.command_line =
        ["srun", "--het-group=1", "a", ":", "--het-group=0", "b"].map(OsString::from).into();
    let mut client = Client::default();
    client.mark_request(&host, &[]).unwrap();
    host.set_variable(CONTAINER, "/a".as_ref()).unwrap();
    let refusal = client.mark_request(&host, &[]).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "the components of this step ask for different containers and choose their groups with --het-group, which Slurm tells none of them; leave --het-group out, or start one srun for each"
    );
}

#[test]
fn only_the_first_component_of_a_batch_job_has_a_script_to_run_in_a_container() {
    let mut host = FakeHost::new(Context::Allocator).with_variables(&[(CONTAINER, "/a")]);
    let mut submit = |words: &[&str]| {
        host.command_line = words.iter().map(OsString::from).collect();
        marked(&host)
    };
    let refused = submit(&["sbatch", "-n1", ":", "--container=/a", "job.sh"]);
    assert_eq!(
        refused,
        Err("the first component of a heterogeneous job runs the script or shell, the others have none to put into a container: give --container or --oci-bundle before the first ':' only".to_owned())
    );
    for words in [
        &["sbatch", "--container=/a", ":", "-n1", "job.sh"][..],
        &["sbatch", "--container", "/a", ":", "-n1", "--container=/b", "job.sh"],
        &["salloc", "--container=/a", "srun", "--container=/b", "x", ":", "--container=/c", "y"],
    ] {
        assert_eq!(submit(words), Ok(Some("/a".into())));
    }
}

const LIST: &str = "0 echo a\n1-2 cat\n";

/// srun with `--multi-prog FILE`, on a Slurm before 23.11.
fn multi_prog_srun(file: &std::path::Path, variables: &[(&str, &str)]) -> FakeHost {
    std::fs::write(file, LIST).unwrap();
    let mut host = srun(variables);
    host.front = Front::Replaced;
    host.command.replace(vec![file.into(), LIST.into()]);
    host
}

#[test]
fn a_program_list_for_a_container_gets_the_helper_once() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let host = multi_prog_srun(file.path(), &[(MARKER, "/images/a")]);
    for _ in 0..2 {
        take_program_list(&host, &["helper=/h".into()]).unwrap();
        assert_eq!(host.command.borrow()[1], "0 /h echo a\n1-2 /h cat\n");
    }
}

#[test]
fn other_program_lists_stay_as_they_are() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let on_the_host = multi_prog_srun(file.path(), &[]);
    let mut newer = multi_prog_srun(file.path(), &[(MARKER, "/images/a")]);
    newer.front = Front::Prepended;
    for host in [on_the_host, newer] {
        take_program_list(&host, &["nonsense".into()]).unwrap();
        assert_eq!(host.command.borrow()[1], LIST);
    }
}

//! `srun --multi-prog`: each task has the program of its line, in a container.
//!
//! Before Slurm 23.11 srun puts the helper into the program list, since then
//! slurmstepd puts it in front of each task.

use std::fs;

use crate::{
    cluster::{ALICE, Output, leave_out, path, release},
    leftovers::{self, Marker},
    site::{change, plugstack, with_each_runtime},
};

/// A file of Alice's that is no program; its path.
fn list(text: &str) -> String {
    let file = ALICE.home("list").display().to_string();
    fs::write(&file, text).unwrap();
    file
}

fn container() -> String {
    format!("--container={}", ALICE.bundle())
}

fn in_bundle(options: &[&str]) -> Output {
    ALICE.srun(&[&[container().as_str()], options].concat())
}

/// Says so and returns true where srun does not touch program lists any more.
fn skipped() -> bool {
    let skipped = release() >= (23, 11);
    if skipped {
        leave_out("srun's part in --multi-prog", "since 23.11 slurmstepd puts the helper in front");
    }
    skipped
}

#[test]
fn each_task_runs_its_lines_program_in_the_container() {
    with_each_runtime(|| {
        let program = "sh -c 'echo $SLURM_PROCID $0 $$ $(sed -n s/^ID=//p /etc/os-release)'";
        let list = list(&format!("0,3 {program} outer\n1-2 {program} inner\n"));
        let output = in_bundle(&["-N2", "-n4", "--multi-prog", &list]);
        assert_eq!(
            output.sorted_lines(),
            ["0 outer 1 busybox", "1 inner 1 busybox", "2 inner 1 busybox", "3 outer 1 busybox"]
        );
    });
}

#[test]
fn a_program_list_means_what_it_means_without_a_container() {
    with_each_runtime(|| {
        let lists = [
            "0-3 echo %t %o\n",
            "# a comment, \\\n0 which goes on\n\n0 echo zero\n  1-2\techo  rank=%t offset=%o\n* echo rest %t %o",
            "0 printf '<%s>\\n' 'a  b' c\\ d 'it\"s' \\' \"x y\" %t 100\\% '\\'\n* true\n",
            "0 echo a \\\n   b\\\nc 'd \\\ne' %t\n1 echo f \\\n\n# g\n2-3 echo h\n",
            "* sh -c 'echo $0 $#: \"$@\"' %t ''\n",
        ];
        for text in lists {
            let list = list(text);
            let options = ["-N2", "-n4", "--multi-prog", &list, "more", "words 'of' %t"];
            let (inside, outside) = (in_bundle(&options), ALICE.srun(&options));
            assert_eq!(inside.sorted_lines(), outside.sorted_lines(), "{}", inside.story());
            assert!(!inside.stdout.is_empty(), "{}", inside.story());
        }
    });
}

#[test]
fn the_exit_status_is_the_highest_of_the_programs() {
    with_each_runtime(|| {
        let list = list("0 sh -c 'exit 3'\n1 sh -c 'exit 7'\n2-3 true\n");
        let output = in_bundle(&["-N2", "-n4", "--multi-prog", &list]);
        assert_eq!(output.status, 7, "{}", output.story());
        for line in ["task 0: Exited with exit code 3", "task 1: Exited with exit code 7"] {
            assert!(output.stderr.contains(line), "{}", output.story());
        }
    });
}

#[test]
fn a_program_that_the_container_lacks_does_not_run_on_the_host() {
    with_each_runtime(|| {
        let script = ALICE.script("program", &format!("#!/bin/sh\ntouch {}\n", Marker::path()));
        let list = list(&format!("0 {script}\n"));
        let output = in_bundle(&["-wn1", "-n1", "--multi-prog", &list]);
        Marker::assert_absent(&output.story());
        assert_ne!(output.status, 0, "{}", output.story());
        fs::remove_file(script).unwrap();
    });
}

#[test]
fn an_executable_program_list_named_like_a_command_is_still_one() {
    with_each_runtime(|| {
        let list = ALICE.script("test", "0 sed -n s/^ID=//p /etc/os-release\n");
        let output = in_bundle(&["-wn1", "-n1", "--multi-prog", "test"]);
        assert_eq!(output.text(), "busybox\n");
        fs::remove_file(list).unwrap();
    });
}

#[test]
fn an_ordinary_command_whose_argument_reads_like_a_list_is_an_ordinary_command() {
    with_each_runtime(|| {
        let text = "0 cat /etc/os-release\n* date\n";
        for program in ["echo", "/bin/echo"] {
            let output = in_bundle(&["-N2", "-n2", program, text]);
            assert_eq!(output.text(), format!("{text}\n").repeat(2));
        }
    });
}

/// The task ends with 125 and this line; the program of its list has not run.
fn assert_refused_on_the_node(output: &Output, helper: &str) {
    Marker::assert_absent(&output.story());
    assert_eq!(
        output.told_by_slurmstepd(),
        [format!(
            "spank-oci: --multi-prog: srun has not put the helper '{helper}' before each program; its plugstack.conf must name this plugin with the same helper=, or Slurm must be 23.11 or newer"
        )],
        "{}",
        output.story()
    );
    assert_eq!(output.status, 125, "{}", output.story());
}

/// An srun with another plugstack.conf than the node's.
fn srun_with(plugstack: &str, options: &[&str]) -> Output {
    let (stack, conf) = (ALICE.home("plugstack.conf"), ALICE.home("slurm.conf"));
    let text = fs::read_to_string(path("etc/slurm.conf")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with("PlugStackConfig="));
    let text: String = lines.map(|line| format!("{line}\n")).collect();
    fs::write(&conf, format!("{text}PlugStackConfig={}\n", stack.display())).unwrap();
    fs::write(&stack, plugstack).unwrap();
    let conf_variable = format!("SLURM_CONF={}", conf.display());
    // Without the plugin 20.11 has no such option, but the variable of an outer step.
    let asked = match release() < (21, 8) && plugstack.is_empty() {
        true => {
            ["env".to_owned(), format!("SLURM_CONTAINER={}", ALICE.bundle()), "srun".to_owned()]
        }
        false => ["env".to_owned(), "srun".to_owned(), container()],
    };
    let asked = asked.each_ref().map(String::as_str);
    let output = ALICE.run(&[&["env", &conf_variable], &asked[..], options].concat());
    fs::remove_file(stack).unwrap();
    fs::remove_file(conf).unwrap();
    output
}

#[test]
fn a_list_from_an_srun_without_the_plugin_or_with_another_helper_is_refused() {
    if skipped() {
        return;
    }
    with_each_runtime(|| {
        let list = list(&format!("0 touch \\\n{}\n", Marker::path()));
        let helper = path("bin/spank-oci").display().to_string();
        let other = fs::read_to_string(plugstack()).unwrap().replace(&helper, "/bin/false");
        for plugstack in ["", &other] {
            let output = srun_with(plugstack, &["-wn1", "-n1", "--multi-prog", &list]);
            assert_refused_on_the_node(&output, &helper);
        }
    });
}

#[test]
fn a_list_with_a_commands_name_that_the_node_cannot_see_is_refused_without_the_plugin() {
    if skipped() {
        return;
    }
    with_each_runtime(|| {
        let list = ALICE.script("test", &format!("0 touch {}\n", Marker::path()));
        let output = srun_with("", &["-wn1", "-n1", "--chdir=/tmp", "--multi-prog", "test"]);
        assert_refused_on_the_node(&output, &path("bin/spank-oci").display().to_string());
        fs::remove_file(list).unwrap();
    });
}

#[test]
fn a_helper_whose_path_cannot_stand_in_a_list_stops_srun() {
    if skipped() {
        return;
    }
    leftovers::after(|| {
        let list = list(&format!("0 touch {}\n", Marker::path()));
        let helper = path("bin/spank-oci").display().to_string();
        let line = fs::read_to_string(plugstack()).unwrap().replace(&helper, "/opt/100%/helper");
        let _restored = change(plugstack(), Some(&line));
        let output = in_bundle(&["-wn1", "-n1", "--multi-prog", &list]);
        Marker::assert_absent(&output.story());
        assert!(
            output.stderr.starts_with(
                "srun: error: spank-oci: --multi-prog: the helper's path '/opt/100%/helper' cannot stand in a program list"
            ),
            "{}",
            output.story()
        );
        assert_eq!(output.status, 1, "{}", output.story());
    });
}

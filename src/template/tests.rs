//! Templates, their forms and their mistakes; values through the real `/bin/sh`.

mod recorded;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::process;

use proptest::prelude::*;

use super::*;

fn values() -> Values {
    Values {
        args: vec!["echo".into(), "it's".into(), "".into()],
        bundle: "/b dir".into(),
        env_file: "/env".into(),
        job_id: 7,
        spool_dir: "/spool".into(),
        node: "n1".into(),
        pid: Some(42),
        rootfs: "/b dir/rootfs".into(),
        step_id: 4_294_967_291,
        task_id: 3,
        user: "ann".into(),
        uid: 1000,
        work_dir: "/work".into(),
    }
}

fn exec(template: &str, values: &Values) -> Vec<OsString> {
    match Template::parse(template).unwrap().expand(values) {
        Command::Exec(words) => words,
        Command::Shell(text) => panic!("'{template}' became shell text {text:?}"),
    }
}

fn shell(template: &str, values: &Values) -> String {
    match Template::parse(template).unwrap().expand(values) {
        Command::Shell(text) => text.into_string().unwrap(),
        Command::Exec(words) => panic!("'{template}' became words {words:?}"),
    }
}

/// `message at 'text'`, one per mistake.
fn mistakes(template: &str) -> Vec<String> {
    let errors = Template::parse(template).err().unwrap_or_default();
    errors.iter().map(|e| format!("{} at '{}'", e.message, &template[e.span.clone()])).collect()
}

#[test]
fn words_without_a_shell() {
    let cases: &[(&str, &[&str])] = &[
        (
            "crun --root=/run/user/%U/ run --bundle %b %n.%u.%j.%s.%t",
            &[
                "crun",
                "--root=/run/user/1000/",
                "run",
                "--bundle",
                "/b dir",
                "n1.ann.7.4294967291.3",
            ],
        ),
        ("kill -s SIGTERM %p", &["kill", "-s", "SIGTERM", "42"]),
        ("run %r -- %@", &["run", "/b dir/rootfs", "--", "echo", "it's", ""]),
        ("%@", &["echo", "it's", ""]),
        ("  a\t'b c'\"d e\"f '' 100%%  ", &["a", "b cd ef", "", "100%"]),
        (
            "x 'a;b' \"c|d\" --home=~ %m %e %Z",
            &["x", "a;b", "c|d", "--home=~", "/spool", "/env", "/work"],
        ),
        ("x '%b' \"%b/%n\"", &["x", "/b dir", "/b dir/n1"]),
        ("sh -c 'ls \"$1\"' sh %b", &["sh", "-c", "ls \"$1\"", "sh", "/b dir"]),
        ("tool case alias %n", &["tool", "case", "alias", "n1"]),
    ];
    for (template, words) in cases {
        assert_eq!(exec(template, &values()), *words, "{template}");
    }
}

#[test]
fn text_for_the_shell() {
    let cases = [
        ("a %b | b", "a '/b dir' | b"),
        ("exec a '%b' \"-%b-\"", "exec a '''/b dir''' \"-\"'/b dir'\"-\""),
        ("a $(whoami) %@", r"a $(whoami) 'echo' 'it'\''s' ''"),
        ("X=%b a", "X='/b dir' a"),
        ("a \"$(b \"%b\")\"", "a \"$(b \"\"'/b dir'\"\")\""),
        ("a 2>&1 >%b", "a 2>&1 >'/b dir'"),
        ("a ${HOME:-/root} $((1+2)) `id -u` %n", "a ${HOME:-/root} $((1+2)) `id -u` 'n1'"),
        ("~/bin/a %n", "~/bin/a 'n1'"),
        ("a \\; %%", "a \\; %"),
        ("sh 2>/dev/null -c 'x \"$1\"' sh %b; y", "sh 2>/dev/null -c 'x \"$1\"' sh '/b dir'; y"),
    ];
    for (template, text) in cases {
        assert_eq!(shell(template, &values()), text, "{template}");
    }
}

#[test]
fn no_command_is_bin_false() {
    assert_eq!(exec("run -- %@", &Values::default()), ["run", "--", "/bin/false"]);
    assert_eq!(shell("exec %@", &Values::default()), "exec '/bin/false'");
    assert_eq!(exec("kill %p", &Values::default()), ["kill", ""]);
}

#[test]
fn refused() {
    let cases = [
        ("", "empty command at ''"),
        ("   ", "empty command at '   '"),
        ("a %q", "unknown pattern '%q' at '%q'"),
        ("a %é", "unknown pattern '%é' at '%é'"),
        ("a %", "'%' at the end is no pattern at '%'"),
        ("a x%@", "'%@' must stand alone at '%@'"),
        ("a '%@'", "'%@' must stand alone at '%@'"),
        ("a \"%@\"; b", "'%@' must stand alone at '%@'"),
        ("a ''%@", "'%@' must stand alone at '%@'"),
        ("it's %b", "this single quote is not closed at '''"),
        ("a \"%b", "this double quote is not closed at '\"'"),
        ("a $(b %b", "this '$(' is not closed at '$('"),
        ("(a %b", "this '(' is not closed at '('"),
        ("a )", "')' without '(' at ')'"),
        ("a `b %b`", "'%b' cannot be quoted inside backticks at '%b'"),
        ("a ${X:-%b}", "'%b' cannot be quoted inside '${…}' at '%b'"),
        ("a ${X:-$(b %b)}", "'%b' cannot be quoted inside '${…}' at '%b'"),
        ("a $((1+%t))", "'%t' cannot be quoted inside '$((…))' at '%t'"),
        ("a $'%b'", "$'…' means different things to different shells at '$''"),
        ("a # %b", "'#' begins a comment at '#'"),
        ("a <<EOF", "here-documents are not supported at '<<'"),
        ("a \\%b", "'%b' right after a backslash at '\\%b'"),
        ("a \"\\%b\"", "'%b' right after a backslash at '\\%b'"),
        ("a $%b", "'%b' right after '$' at '$%b'"),
        ("a \"$%b\"", "'%b' right after '$' at '$%b'"),
        ("a ~%u", "'~%u' is not expanded, because values are quoted at '%u'"),
        ("a \\", "backslash at the end at '\\'"),
        ("a $[%t]", "'$[' is arithmetic in some shells at '$['"),
        ("((%t))", "'((' is arithmetic in some shells at '(('"),
        ("a \"${X:-'}\"", "' inside '${…}' inside double quotes at '''"),
        ("a \"$(case x in a) b '%b')\"", "'case' is not supported in a command at 'case'"),
        ("a >&=%b", "'%b' would be run as code by some shells behind '>&' at '%b'"),
        ("eval a %b", "'%b' would be run as code by 'eval' at '%b'"),
        ("X=1 command eval a %b", "'%b' would be run as code by 'eval' at '%b'"),
        ("x || [[ a || %n -eq 1 ]]", "'[[' is not supported in a command at '[['"),
        ("a[%n]=1", "'%n' would be run as code by some shells in an array subscript at '%n'"),
        ("unset 'a[%n]'", "'%n' would be run as code by 'unset' at '%n'"),
    ];
    for (template, mistake) in cases {
        assert_eq!(mistakes(template).first().map(String::as_str), Some(mistake), "{template}");
    }
}

#[test]
fn scripts_of_other_shells_are_refused() {
    let templates = [
        "sh -c 'ls %b'",
        "sh -c %b",
        "/bin/bash -lc \"ls %b\"",
        "bash -o pipefail -ec 'ls %b'",
        "bash --rcfile /x -c 'ls %b'",
        "sudo -u root sh -c 'ls %b'",
        "sudo -u sh bash -c 'ls %b'",
        "sh 2>&1 -c 'ls %b'",
        "sh 2>/dev/null -c 'ls %b'",
        "sh &>/dev/null -c 'ls %b'",
        "sh <(a) -c 'ls %b'",
        "a; env -i sh -c 'ls %b'",
        "sh -c \"$(cat %b)\"",
        "su ann -c 'ls %b'",
        "$SHELL -c %b",
        "\\sh -c '%b'",
        "s''h -c '%b'",
    ];
    for template in templates {
        let expected = "'%b' would be run as code: it is inside the script for '-c' at '%b'";
        assert_eq!(mistakes(template), [expected], "{template}");
    }
    for template in
        ["taskset -c %t x", "crun -c %b run", "sh -c 'x' sh %b '%b y'", "sh x -c 'a %b'"]
    {
        assert_eq!(
            mistakes(template).len(),
            usize::from(template.starts_with("sh x")),
            "{template}"
        );
    }
}

#[test]
fn every_mistake_is_told() {
    let told = mistakes("a %q '%@' %J `%b` \"");
    assert_eq!(told.len(), 5, "{told:#?}");
    let errors = Template::parse("a %J %q").unwrap_err();
    assert_eq!(
        errors[0].hint.as_deref(),
        Some("did you mean '%j'? write '%%' for the character '%'")
    );
    assert!(errors[1].hint.as_deref().unwrap().contains("%% %@ %b"));
}

#[test]
fn uses_and_source() {
    for template in ["a %b", "a %b;"] {
        let parsed = Template::parse(template).unwrap();
        assert!(parsed.uses(Pattern::Bundle) && !parsed.uses(Pattern::Args));
        assert_eq!(parsed.source(), template);
        assert_eq!(parsed.needs_shell(), template.ends_with(';'));
    }
}

#[test]
fn paths() {
    let path = PathTemplate::parse("/s p/$x/%j-%t/100%%").unwrap();
    assert_eq!(path.expand(&values()), "/s p/$x/7-3/100%");
    assert!(path.uses(Pattern::JobId) && !path.uses(Pattern::User));
    let errors = PathTemplate::parse("/a/%@/%q").unwrap_err();
    assert_eq!(errors.len(), 2);
    assert_eq!(PathTemplate::parse("").unwrap_err()[0].message, "empty path");
}

/// Bytes that mean something to a shell, and any others but NUL.
fn any_value() -> impl Strategy<Value = OsString> {
    let special = prop::sample::select(b"'\"$`\\(){}[]<>|&;*?~#%!= \t\n-".to_vec());
    let byte = prop_oneof![3 => special, 1 => 1_u8..=255];
    let bytes = prop::collection::vec(byte, 0..24).prop_map(OsString::from_vec);
    let chosen = prop::sample::select(vec![
        "",
        "'",
        "$(echo x)",
        "`echo x`",
        "'; echo x; '",
        "\"; echo x; \"",
        "-n",
        "if",
        "A=b",
        "\n",
    ]);
    prop_oneof![4 => bytes, 1 => chosen.prop_map(OsString::from)]
}

/// What the program of the template prints.
fn output(template: &str, values: &Values) -> Vec<u8> {
    let mut command = match Template::parse(template).unwrap().expand(values) {
        Command::Shell(text) => {
            let mut command = process::Command::new("/bin/sh");
            command.arg("-c").arg(text);
            command
        }
        Command::Exec(words) => {
            let mut command = process::Command::new(&words[0]);
            command.args(&words[1..]);
            command
        }
    };
    command.output().unwrap().stdout
}

/// Templates whose program prints `<value>`, in each place a value can stand.
const ECHOES: [&str; 14] = [
    "printf <%%s> %b",
    "env printf '<%%s>' %b",
    "printf '<%%s>' '%b'",
    "printf '<%%s>' \"%b\"",
    "true; printf '<%%s>' %b",
    "true; printf '<%%s>' '%b'",
    "true; printf '<%%s>' \"%b\"",
    "X=%b; printf '<%%s>' \"$X\"",
    "X=1 printf '<%%s>' \"$(printf %%s '%b'; echo .)\" | sed '$s/\\.>$/>/'",
    "true; printf '<%%s>' \"$EMPTY%b\"",
    "(printf '<%%s>' %b)",
    "printf '<%%s>' \"$(sh -c 'printf %%s. \"$1\"' sh \"%b\")\" | sed '$s/\\.>$/>/'",
    "{ printf '<'; printf %%s \"\"'%b'''; printf '>'; }",
    "printf %%s \"<$(printf '%%s.>' \"%b\")\" | sed '$s/\\.>$/>/'",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_value_reaches_the_program_unchanged(value in any_value(), index in 1..ECHOES.len()) {
        let expected = [b"<", value.as_bytes(), b">"].concat();
        let values = Values { bundle: value, ..Values::default() };
        prop_assert_eq!(output(ECHOES[index], &values), expected, "{}", ECHOES[index]);
    }

    #[test]
    fn arguments_reach_the_program_unchanged(args in prop::collection::vec(any_value(), 1..5)) {
        let joined: Vec<u8> = args.iter().flat_map(|a| [b"<", a.as_bytes(), b">"].concat()).collect();
        let values = Values { args, ..Values::default() };
        for template in ["printf '<%%s>' %@", "true; printf '<%%s>' %@", "a=\"$(printf '<%%s>' %@; echo .)\"; printf %%s \"${a%%%%.}\""] {
            prop_assert_eq!(output(template, &values), joined.clone(), "{}", template);
        }
    }

    /// Whatever is accepted is text in which no value can end its quotes: the words a shell sees
    /// do not depend on the value's bytes. Checked by planting a command in the value.
    #[test]
    fn no_accepted_template_runs_a_value(template in "[a %b'\"$(){};|&\\\\`#<>=~-]{0,14}%b[ '\")};a]{0,6}") {
        let Ok(parsed) = Template::parse(&template) else { return Ok(()) };
        for planted in ["'; touch PLANTED; '", "\"; touch PLANTED; \"", "$(touch PLANTED)", "`touch PLANTED`", "; touch PLANTED;", ")'; touch PLANTED; '", "\ntouch PLANTED\n", "\\'; touch PLANTED; \\'"] {
            let values = Values { bundle: planted.into(), ..Values::default() };
            let Command::Shell(text) = parsed.expand(&values) else { continue };
            let dir = tempfile::tempdir().unwrap();
            let run = process::Command::new("/bin/sh").arg("-c").arg(&text).current_dir(&dir)
                .env("PATH", "/usr/bin:/bin").stdin(process::Stdio::null()).output().unwrap();
            prop_assert!(!dir.path().join("PLANTED").exists(), "{} -> {:?}: {:?}", template, text, run);
        }
    }
}

#[test]
fn bytes_that_are_not_utf8_survive() {
    let values = Values { bundle: OsStr::from_bytes(b"\xff'\xfe").into(), ..Values::default() };
    assert_eq!(output("true; printf %%s \"%b\"", &values), b"\xff'\xfe");
}

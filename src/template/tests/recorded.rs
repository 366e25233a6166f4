//! Values in every position of a template, received by a program that tells its
//! arguments: exactly the value, or the template was refused.

use super::*;
use crate::runtime::process::words;

/// A stand-in for a runtime.
const RECORDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/recorder");

/// Patterns that stand for one text each.
const TEXTS: [Pattern; 7] = [
    Pattern::Bundle,
    Pattern::EnvFile,
    Pattern::SpoolDir,
    Pattern::Node,
    Pattern::Rootfs,
    Pattern::User,
    Pattern::WorkDir,
];

/// One word of a template, and the arguments that it has to become.
#[derive(Clone, Debug)]
enum Word {
    Bare(&'static str, Pattern),
    Single(&'static str, Pattern),
    Double(&'static str, Pattern),
    Joined(Pattern, Pattern, Pattern),
    Substitution(Pattern),
    QuotedSubstitution(Pattern),
    NestedSubstitution(Pattern),
    Arguments,
}

impl Word {
    fn template(&self) -> String {
        match self {
            Self::Bare(before, value) => format!("{before}{value}"),
            Self::Single(before, value) => format!("'{before}{value} $x'"),
            Self::Double(before, value) => format!("\"{before}{value} it's\""),
            Self::Joined(bare, single, double) => format!("{bare}'{single}'\"{double}\""),
            // A substitution loses newlines at its end: something must stand there.
            Self::Substitution(value) => format!("\"$(printf %%s. {value})\""),
            Self::QuotedSubstitution(value) => format!("\"$(printf %%s. '-{value}')\""),
            Self::NestedSubstitution(value) => {
                format!("\"$(printf %%s. \"$(printf %%s. \"{value}\")\")\"")
            }
            Self::Arguments => "%@".to_owned(),
        }
    }

    fn arguments(&self, values: &Values) -> Vec<OsString> {
        let one = |parts: &[OsString]| vec![parts.iter().cloned().collect()];
        let of = |pattern: &Pattern| values.word(*pattern);
        match self {
            Self::Bare(before, value) => one(&[before.into(), of(value)]),
            Self::Single(before, value) => one(&[before.into(), of(value), " $x".into()]),
            Self::Double(before, value) => one(&[before.into(), of(value), " it's".into()]),
            Self::Joined(bare, single, double) => one(&[of(bare), of(single), of(double)]),
            Self::Substitution(value) => one(&[of(value), ".".into()]),
            Self::QuotedSubstitution(value) => one(&["-".into(), of(value), ".".into()]),
            Self::NestedSubstitution(value) => one(&[of(value), "..".into()]),
            Self::Arguments => values.words(Pattern::Args),
        }
    }
}

fn any_word() -> impl Strategy<Value = Word> {
    let text = || prop::sample::select(TEXTS.to_vec());
    let before = || prop::sample::select(vec!["", "-", "--root=", "a", "=", "/", "é"]);
    prop_oneof![
        (before(), text()).prop_map(|(before, value)| Word::Bare(before, value)),
        (before(), text()).prop_map(|(before, value)| Word::Single(before, value)),
        (before(), text()).prop_map(|(before, value)| Word::Double(before, value)),
        (text(), text(), text()).prop_map(|(a, b, c)| Word::Joined(a, b, c)),
        text().prop_map(Word::Substitution),
        text().prop_map(Word::QuotedSubstitution),
        text().prop_map(Word::NestedSubstitution),
        Just(Word::Arguments),
    ]
}

fn any_values() -> impl Strategy<Value = Values> {
    let text = any_value;
    (text(), text(), text(), text(), text(), text(), prop::collection::vec(text(), 1..4)).prop_map(
        |(bundle, env_file, spool_dir, node, rootfs, user, args)| Values {
            work_dir: bundle.clone(),
            args,
            bundle,
            env_file,
            spool_dir,
            node,
            rootfs,
            user,
            ..Values::default()
        },
    )
}

/// What the recorder is given when the template is carried out as the helper does it.
fn received(template: &str, values: &Values) -> Vec<OsString> {
    let template = Template::parse(template).unwrap();
    let words = words(&template.expand(values));
    let output = process::Command::new(&words[0]).args(&words[1..]).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{template:?}: {output:?}");
    let arguments = output.stdout.split_inclusive(|&byte| byte == 0);
    arguments.map(|word| OsStr::from_bytes(&word[..word.len() - 1]).to_owned()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_runtime_receives_exactly_the_values(
        template in prop::collection::vec(any_word(), 1..5),
        values in any_values(),
        around in prop::sample::select(vec![("", ""), ("true; ", ""), ("( ", " ) && true"), ("X=1 ", " | cat")]),
    ) {
        let expected: Vec<_> = template.iter().flat_map(|word| word.arguments(&values)).collect();
        let words: Vec<_> = template.iter().map(Word::template).collect();
        let text = format!("{}{RECORDER} {}{}", around.0, words.join(" "), around.1);
        prop_assert_eq!(received(&text, &values), expected, "{}", text);
    }
}

#[test]
fn here_documents_are_refused_when_oci_conf_is_read() {
    for here in ["<<EOF\n%b\nEOF", "<<-EOF\n%b\nEOF", "<<'EOF'\n%b\nEOF", "<<\"E\"\n%b\nE", "<<<%b"]
    {
        for template in
            [format!("a {here}"), format!("a \"$(b {here}\n)\""), format!("(a {here}\n)")]
        {
            let told = mistakes(&template);
            let first = told.first().map(String::as_str);
            assert_eq!(first, Some("here-documents are not supported at '<<'"), "{template}");
        }
    }
}

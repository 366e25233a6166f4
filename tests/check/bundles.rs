//! What is said of bundles: the cases of tests/data/check/*.json, with what is expected
//! beside them. `UPDATE_EXPECTED=1` writes that anew.

use std::fs;

use crate::user::{Place, cases, changed};

/// A configuration whose runtime is not known.
const SITE: &str = "RunTimeRun=\"true %b %@\"\nRunTimeKill=true\nRunTimeDelete=true\n";

#[test]
fn every_mistake_is_shown_where_it_stands() {
    let place = Place::new();
    fs::write(place.path("oci.conf"), SITE).unwrap();
    let mut wrong = Vec::new();
    for (path, cases) in cases() {
        let mut told = String::new();
        for (name, changes) in cases {
            place.write("bundle/config.json", &changed(&place, &changes));
            let (text, status) = place.check(&["--conf", "oci.conf", "bundle"]);
            let text = text.strip_prefix("oci.conf: no mistakes\n\n").unwrap();
            told += &format!("== {name}\n{text}== exit status {status}\n\n");
        }
        let expected = path.with_extension("expected");
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            fs::write(&expected, &told).unwrap();
        }
        if told != fs::read_to_string(&expected).unwrap_or_default() {
            wrong.push(format!("{}:\n{told}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

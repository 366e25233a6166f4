//! `spank-oci run` with real runtimes, as an ordinary user without Slurm.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod endings;
mod failures;
mod place;
#[path = "../mock/site.rs"]
mod site;
mod terminal;
#[path = "../mock/user.rs"]
mod user;

use place::Place;
use site::Site;

/// Runs `check` with each runtime, in each of the two ways to run a container. Nothing may
/// be left after it.
fn everywhere(check: impl Fn(&Place)) {
    for runtime in ["crun", "runc"] {
        for site in [Site::run_mode(runtime), Site::create_start(runtime)] {
            let place = Place::new(site);
            check(&place);
            place.assert_nothing_is_left();
        }
    }
}

//! Environments as values: what the container gets, what the runtime gets, and
//! the file of `CreateEnvFile`.
//!
//! An entry is `NAME=value`, as bytes: Slurm and the kernel put no rule on it.
#![forbid(unsafe_code)]

/// `NAME=value`.
pub type Entry = Vec<u8>;

/// Where runtimes and the programs they call (newuidmap, hooks) are looked for:
/// the system's programs, whatever the user's own PATH says.
pub const RUNTIME_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Variables that change how the runtime's own program is loaded. A user's
/// modules set them for programs in the container, where they still arrive.
const LOADER: [&[u8]; 2] = [b"LD_", b"GLIBC_TUNABLES="];

/// The container's environment: the job's, and over it the bundle's own
/// (`process.env`), so that the image decides PATH; without the entries that
/// `excluded` (EnvExclude) matches. Order as in Slurm 26.05: the bundle's
/// entries, then the job's others.
pub fn of_container(
    job: &[Entry],
    bundle: &[Entry],
    excluded: impl Fn(&[u8]) -> bool,
) -> Vec<Entry> {
    let in_bundle: std::collections::HashSet<_> = bundle.iter().map(|entry| name(entry)).collect();
    let others = job.iter().filter(|entry| !in_bundle.contains(name(entry)));
    bundle.iter().chain(others).filter(|entry| !excluded(entry)).cloned().collect()
}

/// The environment of the runtime commands: the job's, without the entries that
/// `excluded` (RunTimeEnvExclude) matches, without those that would change how
/// the runtime itself is loaded, and with [`RUNTIME_PATH`].
pub fn of_runtime(job: &[Entry], excluded: impl Fn(&[u8]) -> bool) -> Vec<Entry> {
    let kept = |entry: &&Entry| {
        name(entry) != b"PATH"
            && !LOADER.iter().any(|prefix| entry.starts_with(prefix))
            && !excluded(entry)
    };
    let path = format!("PATH={RUNTIME_PATH}").into_bytes();
    job.iter().filter(kept).cloned().chain([path]).collect()
}

/// Entries, each followed by `end`. With a newline as the end, entries that hold
/// one are left out, as oci.conf(5) says.
pub fn file(entries: &[Entry], end: u8) -> Vec<u8> {
    let fits = |entry: &&Entry| end == 0 || !entry.contains(&end);
    let mut text = Vec::new();
    for entry in entries.iter().filter(fits) {
        text.extend_from_slice(entry);
        text.push(end);
    }
    text
}

/// The entries that can stand in a JSON text, and the names of the others.
pub fn as_text(entries: Vec<Entry>) -> (Vec<String>, Vec<String>) {
    let mut refused = Vec::new();
    let mut keep = |entry: Entry| match String::from_utf8(entry) {
        Ok(text) => Some(text),
        Err(error) => {
            refused.push(String::from_utf8_lossy(name(error.as_bytes())).into_owned());
            None
        }
    };
    let texts = entries.into_iter().filter_map(&mut keep).collect();
    (texts, refused)
}

/// The part before the first `=`.
pub fn name(entry: &[u8]) -> &[u8] {
    entry.split(|&byte| byte == b'=').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(texts: &[&str]) -> Vec<Entry> {
        texts.iter().map(|text| text.as_bytes().to_vec()).collect()
    }

    #[test]
    fn the_bundle_decides_what_it_names_and_the_job_the_rest() {
        let job = entries(&["PATH=/usr/bin", "A=1", "HOME=/home/a", "EMPTY="]);
        let bundle = entries(&["PATH=/opt/bin", "TERM=xterm"]);
        let expected = entries(&["PATH=/opt/bin", "TERM=xterm", "A=1", "HOME=/home/a", "EMPTY="]);
        assert_eq!(of_container(&job, &bundle, |_| false), expected);
    }

    #[test]
    fn what_the_site_excludes_reaches_no_container_not_even_from_the_bundle() {
        let job = entries(&["SLURM_CONF=/x", "A=1"]);
        let bundle = entries(&["SECRET=2"]);
        let excluded =
            |entry: &[u8]| entry.starts_with(b"SLURM_CONF=") || entry.starts_with(b"SECRET");
        assert_eq!(of_container(&job, &bundle, excluded), entries(&["A=1"]));
    }

    #[test]
    fn the_runtime_is_found_and_loaded_the_systems_way() {
        let job = entries(&[
            "PATH=/home/a/bin",
            "LD_PRELOAD=x",
            "LD_LIBRARY_PATH=y",
            "GLIBC_TUNABLES=z",
            "OLD_X=1",
        ]);
        let path = format!("PATH={RUNTIME_PATH}");
        assert_eq!(of_runtime(&job, |_| false), entries(&["OLD_X=1", &path]));
    }

    #[test]
    fn the_runtime_does_not_see_what_the_site_excludes() {
        let path = format!("PATH={RUNTIME_PATH}");
        assert_eq!(
            of_runtime(&entries(&["A=1", "B=2"]), |entry| entry == b"A=1"),
            entries(&["B=2", &path])
        );
    }

    #[test]
    fn the_environment_file_ends_each_entry_and_leaves_out_what_would_be_two() {
        let list = entries(&["A=1", "B=2\n3"]);
        assert_eq!(file(&list, 0), b"A=1\0B=2\n3\0");
        assert_eq!(file(&list, b'\n'), b"A=1\n");
    }

    #[test]
    fn entries_that_are_no_text_are_named() {
        let list = vec![b"A=1".to_vec(), b"B=\xff".to_vec()];
        assert_eq!(as_text(list), (vec!["A=1".to_owned()], vec!["B".to_owned()]));
    }
}

//! The bundle that a command asked for, on its way from srun, sbatch and salloc
//! to slurmstepd: the value of one environment variable.
#![forbid(unsafe_code)]

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::PathBuf,
};

use crate::netstring;

/// What a command asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Marker {
    /// Every task runs in this bundle.
    One(PathBuf),
    /// A heterogeneous step whose components differ: the bundle of each, if any.
    PerComponent(Vec<Option<PathBuf>>),
}

impl Marker {
    /// The marker of a command whose components, one for an ordinary command,
    /// asked for these bundles; `None` if no component asked for any.
    pub fn of(components: &[Option<PathBuf>]) -> Option<Self> {
        let first = components.first()?;
        if components.iter().any(|bundle| bundle != first) {
            return Some(Self::PerComponent(components.to_vec()));
        }
        first.clone().map(Self::One)
    }

    /// The marker as a variable's value: an absolute path as it is, else a list
    /// whose first byte is a digit.
    pub fn encode(&self) -> OsString {
        match self {
            Self::One(bundle) => bundle.clone().into(),
            Self::PerComponent(bundles) => {
                let mut text = Vec::new();
                for bundle in bundles {
                    let bundle = bundle.as_ref().map(|bundle| bundle.as_os_str().as_bytes());
                    netstring::push(&mut text, bundle.unwrap_or_default());
                }
                OsString::from_vec(text)
            }
        }
    }

    /// Reads what [`encode`](Self::encode) wrote. Anything else is taken for a
    /// path, so that a container is asked for whatever became of the value.
    pub fn decode(value: &OsStr) -> Self {
        let path = || Self::One(PathBuf::from(value));
        if value.as_bytes().first() == Some(&b'/') {
            return path();
        }
        let mut text = value.as_bytes();
        let mut bundles = Vec::new();
        while !text.is_empty() {
            let Some(bundle) = netstring::take(&mut text) else { return path() };
            let bundle = PathBuf::from(OsStr::from_bytes(bundle));
            bundles.push(Some(bundle).filter(|bundle| !bundle.as_os_str().is_empty()));
        }
        if bundles.is_empty() { path() } else { Self::PerComponent(bundles) }
    }
}

#[cfg(test)]
mod tests {
    use super::Marker;
    use proptest::prelude::*;
    use std::path::PathBuf;

    fn bundles(names: &[&str]) -> Vec<Option<PathBuf>> {
        names.iter().map(|name| (!name.is_empty()).then(|| name.into())).collect()
    }

    #[test]
    fn components_that_agree_are_one() {
        assert_eq!(Marker::of(&bundles(&[""])), None);
        assert_eq!(Marker::of(&bundles(&["", ""])), None);
        assert_eq!(Marker::of(&bundles(&["/a"])), Some(Marker::One("/a".into())));
        assert_eq!(Marker::of(&bundles(&["/a", "/a"])), Some(Marker::One("/a".into())));
    }

    #[test]
    fn components_that_differ_are_told_apart() {
        for components in [bundles(&["/a", "/b"]), bundles(&["", "/b"]), bundles(&["/a", ""])] {
            assert_eq!(
                Marker::of(&components),
                Some(Marker::PerComponent(components)),
                "each its own"
            );
        }
    }

    #[test]
    fn nonsense_still_asks_for_a_container() {
        for text in ["", "relative", "3:/a", "9999:x,"] {
            assert_eq!(Marker::decode(text.as_ref()), Marker::One(text.into()));
        }
    }

    proptest! {
        #[test]
        fn slurmstepd_reads_what_the_client_wrote(names in prop::collection::vec("(/[a-z:, 0-9]{0,9})?", 1..5)) {
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            if let Some(marker) = Marker::of(&bundles(&names)) {
                prop_assert_eq!(Marker::decode(&marker.encode()), marker);
            }
        }
    }
}

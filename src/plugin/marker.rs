//! What a command asked for, on its way from srun, sbatch and salloc to slurmstepd:
//! the value of one environment variable.
#![forbid(unsafe_code)]

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::PathBuf,
};

use crate::netstring;

/// A container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Its bundle.
    pub bundle: PathBuf,
    /// The name of the site's configuration for it, if one was chosen.
    pub runtime: Option<String>,
}

impl<T: Into<OsString>> From<T> for Asked {
    fn from(bundle: T) -> Self {
        Self { bundle: bundle.into().into(), runtime: None }
    }
}

impl Asked {
    /// The bundle's path, which is absolute, with the runtime's name before it.
    fn encode(&self) -> OsString {
        let bundle = self.bundle.as_os_str();
        let Some(runtime) = &self.runtime else { return bundle.to_owned() };
        let mut text = OsString::from(runtime);
        text.push("=");
        text.push(bundle);
        text
    }

    fn decode(text: &[u8]) -> Self {
        let os = |bytes| OsStr::from_bytes(bytes).to_owned();
        let equals = text.windows(2).position(|pair| pair == b"=/");
        let parts = equals.map(|equals| (&text[..equals], &text[equals + 1..]));
        match parts.and_then(|(name, bundle)| Some((std::str::from_utf8(name).ok()?, bundle))) {
            Some((name, bundle)) if is_runtime(name) => {
                Self { bundle: os(bundle).into(), runtime: Some(name.to_owned()) }
            }
            _ => Self::from(os(text)),
        }
    }
}

/// Whether this may be the name of a configuration: a letter, then letters, digits,
/// dots, hyphens and underscores.
pub fn is_runtime(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    name.as_bytes().first().is_some_and(u8::is_ascii_alphabetic) && name.bytes().all(plain)
}

/// What a command asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Marker {
    /// Every task runs in this container.
    One(Asked),
    /// A heterogeneous step whose components differ: the container of each, if any.
    PerComponent(Vec<Option<Asked>>),
}

impl Marker {
    /// The marker of a command whose components, one for an ordinary command,
    /// asked for these containers; `None` if no component asked for any.
    pub fn of(components: &[Option<Asked>]) -> Option<Self> {
        let first = components.first()?;
        if components.iter().any(|asked| asked != first) {
            return Some(Self::PerComponent(components.to_vec()));
        }
        first.clone().map(Self::One)
    }

    /// The marker as a variable's value: an absolute path as it is or after a name,
    /// which begins with a letter, else a list whose first byte is a digit.
    pub fn encode(&self) -> OsString {
        match self {
            Self::One(asked) => asked.encode(),
            Self::PerComponent(components) => {
                let mut text = Vec::new();
                for asked in components {
                    let asked = asked.as_ref().map(Asked::encode).unwrap_or_default();
                    netstring::push(&mut text, asked.as_bytes());
                }
                OsString::from_vec(text)
            }
        }
    }

    /// Reads what [`encode`](Self::encode) wrote. Anything else is taken for a
    /// path, so that a container is asked for whatever became of the value.
    pub fn decode(value: &OsStr) -> Self {
        let mut text = value.as_bytes();
        let one = || Self::One(Asked::decode(value.as_bytes()));
        let mut components = Vec::new();
        while !text.is_empty() {
            let Some(asked) = netstring::take(&mut text) else { return one() };
            components.push((!asked.is_empty()).then(|| Asked::decode(asked)));
        }
        if components.is_empty() { one() } else { Self::PerComponent(components) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, Marker};
    use proptest::prelude::*;

    fn bundles(names: &[&str]) -> Vec<Option<Asked>> {
        names.iter().map(|&name| (!name.is_empty()).then(|| name.into())).collect()
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
    fn a_runtime_stands_before_the_bundle() {
        let asked = |runtime: Option<&str>, bundle: &str| Asked {
            bundle: bundle.into(),
            runtime: runtime.map(str::to_owned),
        };
        let one = Marker::One(asked(Some("runc-1.2"), "/a=/b"));
        assert_eq!(one.encode(), "runc-1.2=/a=/b");
        assert_eq!(Marker::decode(&one.encode()), one);
        let two = [Some(asked(Some("crun"), "/a")), Some(asked(None, "/a=/b"))];
        let two = Marker::of(&two).unwrap();
        assert_eq!(Marker::decode(&two.encode()), two);
    }

    #[test]
    fn nonsense_still_asks_for_a_container() {
        for text in ["", "relative", "3:/a", "9999:x,", "a b=/c"] {
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

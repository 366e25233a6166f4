//! The package that a program comes from. Distributions mend flaws without changing the
//! project's version number, so only the package can tell.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};

use super::ask::{Answer, ask, find};

/// An installed package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Name and version, `runc 1.1.5+ds1-1+deb12u1`.
    pub name: String,
    /// What was changed in it, if that is installed too.
    pub changes: Option<String>,
}

impl Package {
    /// Whether its changes name a flaw.
    pub fn mends(&self, flaw: &str) -> bool {
        self.changes.as_ref().is_some_and(|changes| changes.contains(flaw))
    }
}

/// The package of a program, if dpkg or rpm knows one.
pub fn of(program: &Path) -> Option<Package> {
    of_dpkg(program).or_else(|| of_rpm(program))
}

fn of_dpkg(program: &Path) -> Option<Package> {
    let dpkg = find("dpkg-query")?;
    // Where /bin is a link to /usr/bin, dpkg knows the file by one of the names.
    let mut names = [program.to_owned(), program.canonicalize().ok()?].into_iter();
    let owner = names.find_map(|path| owner_in(&told(&dpkg, &["--search", path.to_str()?])?))?;
    let version = told(&dpkg, &["--show", "--showformat=${Version}", &owner])?;
    let name = owner.split(':').next().unwrap_or_default();
    let changes = ["changelog.Debian.gz", "changelog.gz"].into_iter().find_map(|file| {
        let file = PathBuf::from("/usr/share/doc").join(name).join(file);
        told(&find("gzip")?, &["-dc", file.to_str()?])
    });
    Some(Package { name: format!("{name} {version}"), changes })
}

/// `runc: /usr/sbin/runc`
fn owner_in(answer: &str) -> Option<String> {
    let (owner, _) = answer.lines().next()?.split_once(": ")?;
    (!owner.contains(' ')).then(|| owner.to_owned())
}

fn of_rpm(program: &Path) -> Option<Package> {
    let rpm = find("rpm")?;
    let format = ["--query", "--queryformat", "%{NAME} %{VERSION}-%{RELEASE}"];
    let name = told(&rpm, &[format.as_slice(), &["--file", program.to_str()?]].concat())?;
    let changes = told(&rpm, &["--query", "--changelog", name.split(' ').next()?]);
    Some(Package { name, changes })
}

fn told(program: &Path, arguments: &[&str]) -> Option<String> {
    let Answer { success, text } = ask(program, arguments).ok()?;
    success.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_of_a_file_is_told_by_dpkg_unless_it_was_diverted() {
        assert_eq!(owner_in("runc: /usr/sbin/runc\n"), Some("runc".into()));
        assert_eq!(owner_in("libc6:amd64: /lib/x\n"), Some("libc6:amd64".into()));
        assert_eq!(owner_in("diversion by dash from: /bin/sh\n"), None);
        assert_eq!(owner_in(""), None);
    }

    #[test]
    fn a_flaw_that_the_changes_name_is_mended() {
        let changes = Some("  * CVE-2024-21626: several container breakouts".to_owned());
        let package = Package { name: "runc 1.1.5+ds1-1+deb12u1".into(), changes };
        assert!(package.mends("CVE-2024-21626"));
        assert!(!package.mends("CVE-2024-45310"));
        assert!(!Package { changes: None, ..package }.mends("CVE-2024-21626"));
    }

    #[test]
    fn a_program_of_no_package_has_none() {
        assert_eq!(of(Path::new("/missing/program")), None);
    }
}

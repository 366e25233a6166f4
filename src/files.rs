//! Reading a file that someone else named.
#![forbid(unsafe_code)]

use std::{
    fs::{File, OpenOptions},
    io::{self, Read},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use nix::libc::{O_CLOEXEC, O_NONBLOCK};

/// Opens a regular file for reading. Anything else (a FIFO would be waited for,
/// a device acted upon) is refused.
///
/// # Errors
/// The system refuses, or it is no regular file.
pub fn open_regular(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).custom_flags(O_NONBLOCK | O_CLOEXEC).open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("not a regular file")),
    }
}

/// Reads a regular file of at most `largest` bytes.
///
/// # Errors
/// As [`open_regular`]; the file is larger.
pub fn read_regular(path: &Path, largest: u64) -> io::Result<Vec<u8>> {
    read_at_most(&open_regular(path)?, largest)
}

/// Reads an open file of at most `largest` bytes.
///
/// # Errors
/// The system refuses; the file is larger.
pub fn read_at_most(file: &File, largest: u64) -> io::Result<Vec<u8>> {
    let expected = file.metadata()?.len().min(largest);
    // One byte more, so that the end is seen without making room for more.
    let mut content = Vec::with_capacity(usize::try_from(expected).unwrap_or(0) + 1);
    file.take(largest + 1).read_to_end(&mut content)?;
    match content.len() as u64 > largest {
        true => Err(io::Error::other(format!("larger than {} MiB", largest >> 20))),
        false => Ok(content),
    }
}

/// The system's reason, as our messages write it: lower case, no error number.
pub fn cause(error: &io::Error) -> String {
    let text = error.to_string();
    let Some(number) = error.raw_os_error() else { return text };
    let number = format!(" (os error {number})");
    text.strip_suffix(number.as_str()).unwrap_or(&text).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_limit() {
        let keep = tempfile::tempdir().unwrap();
        let path = keep.path().join("file");
        std::fs::write(&path, vec![b'x'; 1 << 20]).unwrap();
        assert_eq!(read_regular(&path, 1 << 20).unwrap().len(), 1 << 20);
        std::fs::write(&path, vec![b'x'; (1 << 20) + 1]).unwrap();
        assert_eq!(cause(&read_regular(&path, 1 << 20).unwrap_err()), "larger than 1 MiB");
    }

    #[test]
    fn a_directory_and_a_device_are_no_files() {
        for path in ["/", "/dev/null"] {
            assert_eq!(cause(&open_regular(Path::new(path)).unwrap_err()), "not a regular file");
        }
    }

    #[test]
    fn causes_are_lower_case_without_numbers() {
        let error = File::open("/missing").unwrap_err();
        assert_eq!(cause(&error), "no such file or directory");
    }
}

//! A list of byte strings as one byte string, `3:abc,0:,` and so on: what the
//! plugin, the helper and its cleanup tell each other. Values may hold any byte,
//! and reading needs no parser worth the name.
#![forbid(unsafe_code)]

/// Appends `value` to `text`.
pub fn push(text: &mut Vec<u8>, value: &[u8]) {
    text.extend_from_slice(value.len().to_string().as_bytes());
    text.push(b':');
    text.extend_from_slice(value);
    text.push(b',');
}

/// Takes the first value off `text`; `None` if there is no whole one.
pub fn take<'a>(text: &mut &'a [u8]) -> Option<&'a [u8]> {
    let colon = text.iter().position(|&byte| byte == b':')?;
    let (digits, rest) = text.split_at(colon);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let length: usize = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let (value, rest) = rest[1..].split_at_checked(length)?;
    *text = rest.strip_prefix(b",")?;
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn take_all(mut text: &[u8]) -> Option<Vec<Vec<u8>>> {
        let mut values = Vec::new();
        while !text.is_empty() {
            values.push(take(&mut text)?.to_vec());
        }
        Some(values)
    }

    #[test]
    fn values_are_spelled_with_their_length() {
        let mut text = Vec::new();
        push(&mut text, b"abc");
        push(&mut text, b"");
        assert_eq!(text, b"3:abc,0:,");
    }

    #[test]
    fn broken_text_is_no_value() {
        for text in [
            "",
            ":",
            "3",
            "3:",
            "3:ab,",
            "3:abc",
            "3:abcd,",
            "+3:abc,",
            "-1:,",
            "9999999999999999999999:a,",
        ] {
            assert_eq!(take(&mut text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_pushed_is_taken(values: Vec<Vec<u8>>) {
            let mut text = Vec::new();
            for value in &values {
                push(&mut text, value);
            }
            prop_assert_eq!(take_all(&text), Some(values));
        }

        #[test]
        fn any_text_is_read_without_a_panic(text: Vec<u8>) {
            take_all(&text);
        }
    }
}

//! What may be shown of personal data in logs, errors and metrics.

/// A mobile number with its middle hidden: `138****8000`, `+86138****8000`. A short one is hidden whole.
pub fn mobile(number: &str) -> String {
    let chars: Vec<char> = number.chars().collect();
    let Some(hidden_from) = chars.len().checked_sub(8).filter(|from| *from >= 2) else {
        return "****".to_owned();
    };
    let head: String = chars[..hidden_from].iter().collect();
    let tail: String = chars[hidden_from + 4..].iter().collect();
    format!("{head}****{tail}")
}

/// A mail address with all but the first character of its user hidden: `w***@example.cn`. Anything that is no address
/// is hidden whole.
pub fn mail(address: &str) -> String {
    let Some((user, domain)) = address.rsplit_once('@') else {
        return "***".to_owned();
    };
    match user.chars().next() {
        Some(first) => format!("{first}***@{domain}"),
        None => "***".to_owned(),
    }
}

/// A person's name with all but the first character hidden: `王**`, `A**`.
pub fn name(name: &str) -> String {
    match name.chars().next() {
        Some(first) => format!("{first}**"),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_head_and_tail_only() {
        for (number, masked) in [
            ("13800138000", "138****8000"),
            ("+8613800138000", "+86138****8000"),
            ("0931-8888888", "0931****8888"),
            ("12345678", "****"),
            ("", "****"),
            ("一二三四五六七八九十", "一二****七八九十"),
        ] {
            assert_eq!(mobile(number), masked);
        }
    }

    #[test]
    fn addresses_keep_one_character_and_the_domain() {
        for (address, masked) in [
            ("wang@example.cn", "w***@example.cn"),
            ("王@example.cn", "王***@example.cn"),
            ("\"a@b\"@example.cn", "\"***@example.cn"),
            ("@example.cn", "***"),
            ("13800138000", "***"),
        ] {
            assert_eq!(mail(address), masked);
        }
    }

    #[test]
    fn names_keep_their_first_character() {
        assert_eq!(name("王小明"), "王**");
        assert_eq!(name(""), "");
    }
}

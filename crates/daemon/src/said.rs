//! What serde says about a value that does not fit, in words for people.

use qixian_core::Words;

/// The first name that serde put in backticks: the one that is wrong or missing.
pub(crate) fn quoted(said: &str) -> Option<&str> {
    said.split('`').nth(1)
}

/// The further names in backticks: those that would do.
pub(crate) fn known(said: &str) -> impl Iterator<Item = &str> {
    said.split('`').skip(3).step_by(2)
}

/// The sentence in both languages.
pub(crate) fn translated(said: &str) -> Words {
    let zh = match quoted(said) {
        Some(name) if said.starts_with("unknown field") || said.starts_with("unknown variant") => {
            let known: Vec<&str> = known(said).collect();
            format!("没有“{name}”；可用的有：{}", known.join("、"))
        }
        Some(name) if said.starts_with("missing field") => format!("缺少“{name}”"),
        _ => format!("值不合适：{said}"),
    };
    Words::new(zh, said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serde_is_told_in_chinese_too() {
        let check = |said: &str, zh: &str| assert_eq!(translated(said).zh, zh);
        check(
            "unknown field `frm`, expected one of `from`, `host`",
            "没有“frm”；可用的有：from、host",
        );
        check(
            "unknown variant `smpt`, expected `folder` or `smtp`",
            "没有“smpt”；可用的有：folder、smtp",
        );
        check("missing field `host`", "缺少“host”");
    }
}

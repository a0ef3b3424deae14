//! The language a caller asks for.

use axum::http::{HeaderMap, header};
use qixian_core::Lang;

/// The first of Chinese and English in `Accept-Language`, in the order written; `None` where neither is named.
pub(crate) fn asked(headers: &HeaderMap) -> Option<Lang> {
    let value = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
    value.split(',').find_map(|part| {
        let tag = part
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        match tag.split('-').next() {
            Some("zh") => Some(Lang::Zh),
            Some("en") => Some(Lang::En),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn the_first_known_language_wins() {
        let check = |text: &str, expected: Option<Lang>| {
            let mut headers = HeaderMap::new();
            headers.insert(
                header::ACCEPT_LANGUAGE,
                HeaderValue::from_str(text).expect("a header"),
            );
            assert_eq!(asked(&headers), expected, "{text}");
        };
        check("en", Some(Lang::En));
        check("fr, en-GB;q=0.8, zh;q=0.7", Some(Lang::En));
        check("zh-CN", Some(Lang::Zh));
        check("fr", None);
        check("*", None);
    }
}

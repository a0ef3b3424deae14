//! What somebody may have meant by a name that does not exist.

use qixian_core::Words;

/// "Did you mean", when one of the known names is like it.
pub(crate) fn did_you_mean(name: &str, known: &[&str]) -> Option<Words> {
    let alike = known
        .iter()
        .map(|known| (strsim::jaro_winkler(name, known), known));
    let close = alike.filter(|(score, _)| *score >= 0.8);
    let (_, close) = close.max_by(|a, b| a.0.total_cmp(&b.0))?;
    Some(Words::new(
        format!("是不是想写“{close}”？"),
        format!("did you mean `{close}`?"),
    ))
}

/// All that would do.
pub(crate) fn one_of(known: &[&str]) -> Words {
    match known.is_empty() {
        true => Words::default(),
        false => Words::new(
            format!("可用的有：{}", known.join("、")),
            format!("known here: {}", known.join(", ")),
        ),
    }
}

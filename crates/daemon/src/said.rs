//! What serde and the template reader say about something that does not fit, in words for people.

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

/// What is wrong with a template.
pub(crate) struct TemplateWords<'a> {
    pub(crate) message: Words,
    /// The name it is about.
    pub(crate) name: Option<&'a str>,
    /// What to do.
    pub(crate) help: Words,
}

/// Sorts out what is said of a template: `WRONG; did you mean …?`, `WRONG; known are: …`, or one sentence.
pub(crate) fn template_words(said: &str) -> TemplateWords<'_> {
    let name = quoted(said);
    let (wrong, rest) = said.split_once("; ").unwrap_or((said, ""));
    if let Some(name) = name.filter(|_| wrong.starts_with("unknown name")) {
        let help = match (rest.split('`').nth(1), rest.strip_prefix("known are: ")) {
            (Some(close), _) => Words::new(
                format!("是不是想写“{close}”？"),
                format!("did you mean `{close}`?"),
            ),
            (None, Some(known)) => {
                // Those inside others are found by the others.
                let outer = known.split(", ").filter(|name| !name.contains('.'));
                let outer: Vec<&str> = outer.collect();
                Words::new(
                    format!("可用的有：{}", outer.join("、")),
                    format!("known here: {}", outer.join(", ")),
                )
            }
            (None, None) => Words::default(),
        };
        return TemplateWords {
            message: Words::new(
                format!("模板里的变量“{name}”不存在"),
                format!("the template asks for `{name}`, which does not exist"),
            ),
            name: Some(name),
            help,
        };
    }
    let (zh, help) = template_sentence(said);
    TemplateWords {
        message: Words::new(format!("模板有误：{zh}"), format!("template: {said}")),
        name: name.filter(|_| said.contains("has no field")),
        help,
    }
}

/// One sentence of the template reader in Chinese, and what to do.
fn template_sentence(said: &str) -> (String, Words) {
    if said.starts_with("expected `subject:") {
        let help = Words::new(
            "第一行写 subject: 主题，空一行，再写正文",
            "write `subject: …` on the first line, then an empty line, then the text",
        );
        return ("第一行应是 subject: 开头的主题".to_owned(), help);
    }
    if said.contains("unexpected end of input, expected end of block") {
        let help = Words::new(
            "每个 {% if %}、{% for %} 后面都要有 {% endif %}、{% endfor %}",
            "each {% if %} and {% for %} needs its {% endif %} or {% endfor %}",
        );
        return ("{% … %} 没有收尾，文件就完了".to_owned(), help);
    }
    if said.contains("unexpected end of input") {
        let help = Words::new("检查 {{ 是否有对应的 }}", "each {{ needs its }}");
        return ("{{ … }} 没有写完".to_owned(), help);
    }
    let unknown = |kind: &str| {
        let (_, rest) = said.split_once(&format!("{kind} "))?;
        rest.split_whitespace().next()
    };
    if let Some(filter) = unknown("unknown filter: filter") {
        let help = Words::new(
            "时间可用 left、time_left、local、weekday、day",
            "times have left, time_left, local, weekday and day",
        );
        return (format!("没有“{filter}”这个过滤器"), help);
    }
    let help = Words::new(
        "模板里的 {{ 变量 }}、{% if %} 写法见文件夹里的现成模板",
        "for {{ names }} and {% if %} see the templates that are shipped",
    );
    match said.strip_prefix("syntax error: ") {
        Some(rest) => (format!("语法不对（{rest}）"), help),
        None => (said.to_owned(), Words::default()),
    }
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
    #[test]
    fn templates_are_told_in_chinese_too() {
        let check = |said: &str, zh: &str, help: &str| {
            let words = template_words(said);
            assert_eq!(words.message.zh, zh);
            assert_eq!(words.help.zh, help);
        };
        check(
            "unknown name `cas`; did you mean `case`?",
            "模板里的变量“cas”不存在",
            "是不是想写“case”？",
        );
        check(
            "unknown name `x`; known are: case, case.title, now",
            "模板里的变量“x”不存在",
            "可用的有：case、now",
        );
        check(
            "unknown filter: filter loud is unknown",
            "模板有误：没有“loud”这个过滤器",
            "时间可用 left、time_left、local、weekday、day",
        );
    }
}

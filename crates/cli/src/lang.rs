//! Which language is spoken, and the help and usage messages in it.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ErrorKind};
use clap::{Arg, Command};
use qixian_core::Lang;

/// The exit code of a wrong use.
pub(crate) const USAGE: u8 = 2;

/// `--lang`, else `QIXIAN_LANG`, else the locale where it is English, else Chinese. Looked for before parsing, since the
/// messages of the parser are spoken too.
pub(crate) fn chosen(words: &[OsString], env: &dyn Fn(&str) -> Option<String>) -> Lang {
    let said = flag(words).or_else(|| env("QIXIAN_LANG").filter(|text| !text.is_empty()));
    if let Some(said) = said {
        return if said == "en" { Lang::En } else { Lang::Zh };
    }
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .into_iter()
        .find_map(|name| env(name).filter(|text| !text.is_empty()));
    match locale.is_some_and(|name| name.starts_with("en")) {
        true => Lang::En,
        false => Lang::Zh,
    }
}

fn flag(words: &[OsString]) -> Option<String> {
    let mut words = words.iter().map_while(|word| word.to_str());
    while let Some(word) = words.next() {
        match word.strip_prefix("--lang") {
            Some("") => return words.next().map(str::to_owned),
            Some(rest) if rest.starts_with('=') => return Some(rest[1..].to_owned()),
            _ if word == "--" => return None,
            _ => {}
        }
    }
    None
}

/// The half of `中文 | English` that is spoken.
fn half(text: &str, lang: Lang) -> String {
    match (text.split_once(" | "), lang) {
        (Some((zh, _)), Lang::Zh) => zh.to_owned(),
        (Some((_, en)), Lang::En) => en.to_owned(),
        (None, _) => text.to_owned(),
    }
}

fn pick(lang: Lang, zh: &'static str, en: &'static str) -> &'static str {
    match lang {
        Lang::Zh => zh,
        Lang::En => en,
    }
}

/// The command with all its texts in one language, and its examples under a heading.
pub(crate) fn localise(command: Command, lang: Lang) -> Command {
    let spoken = |text: &StyledStr| StyledStr::from(half(&text.to_string(), lang));
    let mut command = command;
    if let Some(about) = command.get_about().map(spoken) {
        command = command.about(about);
    }
    if let Some(long) = command.get_long_about().map(spoken) {
        command = command.long_about(long);
    }
    if let Some(examples) = command.get_after_help().map(StyledStr::to_string) {
        let lines = examples.lines().map(|line| format!("\n  {line}"));
        let heading = pick(lang, "示例：", "Examples:");
        command = command.after_help(format!("{heading}{}", lines.collect::<String>()));
    }
    let usage = pick(lang, "用法：", "Usage: ");
    let template =
        format!("{{about-with-newline}}\n{usage}{{usage}}\n\n{{all-args}}{{after-help}}");
    let names: Vec<String> = command
        .get_subcommands()
        .map(|sub| sub.get_name().to_owned())
        .collect();
    command = command
        .help_template(template)
        .subcommand_help_heading(pick(lang, "命令", "Commands"))
        .mut_args(|arg| localise_arg(arg, lang));
    for name in names {
        command = command.mut_subcommand(name, |sub| localise(sub, lang));
    }
    command
}

fn localise_arg(arg: Arg, lang: Lang) -> Arg {
    let heading = match arg.is_positional() {
        true => pick(lang, "参数", "Arguments"),
        false => pick(lang, "选项", "Options"),
    };
    let spoken = |text: &StyledStr| half(&text.to_string(), lang);
    let (help, long) = (arg.get_help().map(spoken), arg.get_long_help().map(spoken));
    let mut arg = arg.help_heading(heading);
    if let Some(help) = help {
        arg = arg.help(help);
    }
    if let Some(long) = long {
        arg = arg.long_help(long);
    }
    arg
}

/// Says what was wrong with the use, or prints the help asked for.
pub(crate) fn usage(error: &clap::Error, lang: Lang) -> ExitCode {
    if let (Lang::Zh, Some(sentence)) = (lang, sentence(error)) {
        eprintln!("错误：{sentence}");
    }
    // Nothing can be told when the terminal is gone.
    let _printed = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
        _ => ExitCode::from(USAGE),
    }
}

/// The parser speaks English only; the commonest mistakes are said in Chinese before that.
fn sentence(error: &clap::Error) -> Option<String> {
    let of = |kind| error.get(kind).map(ToString::to_string);
    let argument = of(ContextKind::InvalidArg).unwrap_or_default();
    Some(match error.kind() {
        ErrorKind::UnknownArgument => format!("没有“{argument}”这个参数"),
        ErrorKind::InvalidSubcommand => {
            format!("没有“{}”这个命令", of(ContextKind::InvalidSubcommand)?)
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let value = of(ContextKind::InvalidValue).unwrap_or_default();
            format!("“{argument}”的值“{value}”不可用")
        }
        ErrorKind::MissingRequiredArgument => format!("缺少“{argument}”"),
        ErrorKind::ArgumentConflict => format!("“{argument}”不能与其他参数同用"),
        ErrorKind::MissingSubcommand => "缺少命令".to_owned(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_goes_before_the_environment_and_that_before_the_locale() {
        let check = |words: &[&str], vars: &[(&str, &str)], expected: Lang| {
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            let env = |name: &str| {
                let var = vars.iter().find(|(known, _)| *known == name);
                var.map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(chosen(&words, &env), expected, "{words:?} {vars:?}");
        };
        check(&["qixian"], &[], Lang::Zh);
        check(&["qixian"], &[("LANG", "C.UTF-8")], Lang::Zh);
        check(&["qixian"], &[("LANG", "en_GB.UTF-8")], Lang::En);
        check(
            &["qixian"],
            &[("LANG", "en_GB.UTF-8"), ("QIXIAN_LANG", "zh")],
            Lang::Zh,
        );
        check(
            &["qixian", "--lang", "en"],
            &[("QIXIAN_LANG", "zh")],
            Lang::En,
        );
        check(&["qixian", "due", "--lang=en"], &[], Lang::En);
        check(&["qixian", "--", "--lang=en"], &[], Lang::Zh);
    }

    #[test]
    fn every_help_text_has_both_languages_and_every_leaf_an_example() {
        fn walk(command: &Command, path: &str, missing: &mut Vec<String>) {
            let path = format!("{path} {}", command.get_name());
            let both =
                |text: Option<&StyledStr>| text.is_some_and(|t| t.to_string().contains(" | "));
            if !both(command.get_about()) {
                missing.push(format!("{path}: about"));
            }
            for arg in command.get_arguments().filter(|arg| !both(arg.get_help())) {
                missing.push(format!("{path}: {}", arg.get_id()));
            }
            if command.get_after_help().is_none() && !command.has_subcommands() {
                missing.push(format!("{path}: example"));
            }
            for sub in command.get_subcommands() {
                walk(sub, &path, missing);
            }
        }
        let mut missing = Vec::new();
        walk(
            &<crate::args::Cli as clap::CommandFactory>::command(),
            "",
            &mut missing,
        );
        assert_eq!(missing, Vec::<String>::new());
    }
}

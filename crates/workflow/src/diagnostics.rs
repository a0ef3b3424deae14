//! What is wrong with a file: a value for programs, and a picture with line and caret for people.

use std::fmt::{self, Display};
use std::ops::Range;
use std::sync::Arc;

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents,
    SourceCode, SourceSpan, SpanContents,
};
use qixian_core::{Lang, Words};

use crate::Code;

/// Bytes of a file, `start..end`.
pub type Span = Range<usize>;

/// Makes [`Words`] from a Chinese and an English format string.
macro_rules! say {
    ($zh:literal, $en:literal) => {
        qixian_core::Words::new(format!($zh), format!($en))
    };
}
pub(crate) use say;

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The file is refused.
    Error,
    /// The file is taken, but its author should look.
    Warning,
}

/// A place in the same file with a few words about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What is there.
    pub text: Words,
}

/// One problem of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Its stable code.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, as a sentence.
    pub message: Words,
    /// The place, with a few words on what is wrong there.
    pub label: Label,
    /// Other places that belong to it.
    pub also: Vec<Label>,
    /// What was expected or what to do; may be empty.
    pub help: Words,
}

impl Diagnostic {
    /// An error at `span`.
    pub(crate) fn error(code: Code, span: Span, message: Words) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message,
            label: Label {
                span,
                text: say!("在这里", "here"),
            },
            also: Vec::new(),
            help: Words::default(),
        }
    }

    /// A warning at `span`.
    pub(crate) fn warning(code: Code, span: Span, message: Words) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, span, message)
        }
    }

    pub(crate) fn label(mut self, text: Words) -> Self {
        self.label.text = text;
        self
    }

    pub(crate) fn help(mut self, help: Words) -> Self {
        self.help = help;
        self
    }

    pub(crate) fn also(mut self, span: Span, text: Words) -> Self {
        self.also.push(Label { span, text });
        self
    }
}

/// A file as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its name, as shown to people.
    pub name: Arc<str>,
    /// Its whole text.
    pub text: Arc<str>,
}

impl Source {
    /// A file of this name and text.
    pub fn new(name: &str, text: &str) -> Self {
        Self {
            name: name.into(),
            text: text.into(),
        }
    }

    /// Line and column of a byte, both from 1; columns count characters. Past the end it is the end.
    pub fn place(&self, byte: usize) -> (usize, usize) {
        let before = &self.text[..floor_boundary(&self.text, byte)];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (
            before.matches('\n').count() + 1,
            before[line_start..].chars().count() + 1,
        )
    }

    /// Whether the line at `span` and those beside it fit a screen; a file may be one line of 200 KiB.
    fn has_short_lines(&self, span: &Span) -> bool {
        const LONGEST: usize = 2_000;
        let (line, _) = self.place(span.start);
        let mut near = self.text.lines().skip(line.saturating_sub(2)).take(3);
        near.all(|line| line.len() <= LONGEST)
    }

    /// `span` within the text, on character boundaries, and ending with its first line: a caret under one line reads
    /// better than a bracket over twenty.
    fn shown(&self, span: &Span) -> Span {
        let start = floor_boundary(&self.text, span.start);
        let end = floor_boundary(&self.text, span.end).max(start);
        let line = self.text[start..end]
            .find(['\n', '\r'])
            .map_or(end, |at| start + at);
        start..line
    }
}

fn floor_boundary(text: &str, byte: usize) -> usize {
    let mut byte = byte.min(text.len());
    while !text.is_char_boundary(byte) {
        byte -= 1;
    }
    byte
}

/// Text with its file's name, whose columns count characters: miette alone would count bytes, three for each 汉字.
impl SourceCode for Source {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let read = self.text.read_span(span, lines_before, lines_after)?;
        let (_, column) = self.place(read.span().offset());
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.to_string(),
            read.data(),
            *read.span(),
            read.line(),
            column - 1,
            read.line_count(),
        )))
    }
}

/// How to draw diagnostics.
#[derive(Clone, Copy, Debug)]
pub struct Render {
    /// The language of the sentences.
    pub lang: Lang,
    /// Whether to colour; without, the text is the same everywhere.
    pub colour: bool,
    /// Columns available.
    pub width: usize,
}

impl Default for Render {
    /// Chinese, without colour, 100 columns.
    fn default() -> Self {
        Self {
            lang: Lang::Zh,
            colour: false,
            width: 100,
        }
    }
}

/// The problems of one or several files, in the order of the files and of their places in them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    found: Vec<(Source, Diagnostic)>,
}

impl Diagnostics {
    /// The problems of one file, put in the order of their places.
    pub fn of(source: &Source, mut found: Vec<Diagnostic>) -> Self {
        found.sort_by_key(|d| (d.label.span.start, d.label.span.end, d.code));
        found.dedup();
        Self {
            found: found.into_iter().map(|d| (source.clone(), d)).collect(),
        }
    }

    /// Adds those of another file behind these.
    pub fn append(&mut self, other: Diagnostics) {
        self.found.extend(other.found);
    }

    /// Each problem with its file.
    pub fn iter(&self) -> impl Iterator<Item = (&Source, &Diagnostic)> {
        self.found.iter().map(|(source, d)| (source, d))
    }

    /// Whether any of them is an error.
    pub fn has_errors(&self) -> bool {
        self.count(Severity::Error) > 0
    }

    /// How many of this severity there are.
    pub fn count(&self, severity: Severity) -> usize {
        self.found
            .iter()
            .filter(|(_, d)| d.severity == severity)
            .count()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// A picture of every problem: what, file and line, caret, what was expected. Ends with a newline unless empty.
    pub fn render(&self, how: Render) -> String {
        let mut theme = match how.colour {
            true => GraphicalTheme::unicode(),
            false => GraphicalTheme::unicode_nocolor(),
        };
        theme.characters.error = "✗".to_owned();
        let painter = GraphicalReportHandler::new_themed(theme)
            .with_width(how.width.clamp(40, 400))
            .with_links(false)
            .with_context_lines(1)
            .without_syntax_highlighting();
        let mut out = String::new();
        for (source, diagnostic) in &self.found {
            let shown = Shown::new(source, diagnostic, how.lang);
            let drawable = source.has_short_lines(&diagnostic.label.span);
            if !drawable || painter.render_report(&mut out, &shown).is_err() {
                out.push_str(&plain_line(source, diagnostic, how.lang));
            }
            out.push('\n');
        }
        tidy(&out, how.lang)
    }

    /// The problems for programs: a list of records with `code`, `severity`, `file`, `line`, `column`, `span`, `message`,
    /// `label`, `help` (each in both languages) and `also`.
    pub fn to_json(&self) -> serde_json::Value {
        self.found.iter().map(|(s, d)| json(s, d)).collect()
    }
}

impl Display for Diagnostics {
    /// One line for each, in English, for logs.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (source, diagnostic)) in self.found.iter().enumerate() {
            let break_before = if i > 0 { "\n" } else { "" };
            let line = plain_line(source, diagnostic, Lang::En);
            write!(out, "{break_before}{line}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

fn plain_line(source: &Source, diagnostic: &Diagnostic, lang: Lang) -> String {
    let (line, column) = source.place(diagnostic.label.span.start);
    let message = diagnostic.message.get(lang);
    format!(
        "{}:{line}:{column}: {} {message}",
        source.name,
        diagnostic.code.as_str()
    )
}

fn json(source: &Source, d: &Diagnostic) -> serde_json::Value {
    let place = |label: &Label| {
        let (line, column) = source.place(label.span.start);
        serde_json::json!({
            "line": line, "column": column,
            "span": [label.span.start, label.span.end], "text": label.text,
        })
    };
    let (line, column) = source.place(d.label.span.start);
    serde_json::json!({
        "code": d.code.as_str(),
        "severity": match d.severity { Severity::Error => "error", Severity::Warning => "warning" },
        "file": &*source.name,
        "line": line,
        "column": column,
        "span": [d.label.span.start, d.label.span.end],
        "message": d.message,
        "label": d.label.text,
        "help": d.help,
        "also": d.also.iter().map(place).collect::<Vec<_>>(),
    })
}

/// The painter's word before a help, and the same in Chinese, as wide as it.
const HELP: (&str, &str) = ("  help: ", "  提示：");

/// Drops spaces at line ends and more than one blank line, which terminals do not show and files should not keep, and
/// puts the painter's own word into Chinese.
fn tidy(text: &str, lang: Lang) -> String {
    let mut out = String::with_capacity(text.len());
    let mut blank_before = true;
    for line in text.lines().map(str::trim_end) {
        if !(line.is_empty() && blank_before) {
            match line.split_once(HELP.0) {
                Some((before, help)) if lang == Lang::Zh && is_colour(before) => {
                    out.extend([before, HELP.1, help]);
                }
                _ => out.push_str(line),
            }
            out.push('\n');
        }
        blank_before = line.is_empty();
    }
    out.truncate(out.trim_end().len());
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

/// Whether a line's beginning is empty but for a colour.
fn is_colour(text: &str) -> bool {
    text.is_empty() || text.starts_with('\u{1b}') && !text.contains('│')
}

/// One diagnostic in one language, as miette wants it.
#[derive(Debug)]
struct Shown<'a> {
    diagnostic: &'a Diagnostic,
    lang: Lang,
    source: &'a Source,
    labels: Vec<LabeledSpan>,
}

impl<'a> Shown<'a> {
    fn new(source: &'a Source, diagnostic: &'a Diagnostic, lang: Lang) -> Self {
        let labelled = |label: &Label, primary: bool| {
            let span = source.shown(&label.span);
            let text = Some(label.text.get(lang).to_owned());
            match primary {
                true => LabeledSpan::new_primary_with_span(text, span),
                false => LabeledSpan::new_with_span(text, span),
            }
        };
        let mut labels = vec![labelled(&diagnostic.label, true)];
        labels.extend(diagnostic.also.iter().map(|label| labelled(label, false)));
        Self {
            diagnostic,
            lang,
            source,
            labels,
        }
    }
}

impl Display for Shown<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.diagnostic.message.get(self.lang))
    }
}

impl std::error::Error for Shown<'_> {}

impl miette::Diagnostic for Shown<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        Some(Box::new(self.diagnostic.code.as_str()))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.diagnostic.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        let help = self.diagnostic.help.get(self.lang);
        (!help.is_empty()).then(|| Box::new(help) as Box<dyn Display + 'a>)
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        Some(self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}

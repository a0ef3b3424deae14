//! A guard's text before it is parsed: its limits, and where in it a name stands.
//!
//! The parser keeps no positions of what it read, so a problem found in the tree is looked up here again.

use std::ops::Range;

use cel::parser::pratt_parser::{Lexer, TokenKind};

use super::GuardError;
use crate::Words;
use crate::words::say;

/// Longest text, in bytes.
const MAX_BYTES: usize = 1024;
/// Most operators, calls and indexes.
const MAX_OPERATORS: usize = 64;
/// Deepest nesting of brackets.
const MAX_NESTING: usize = 32;
/// The macros whose first argument names a variable.
const LOOPS: [&str; 6] = ["all", "exists", "exists_one", "existsOne", "map", "filter"];

/// A text within the limits, cut into tokens.
#[derive(Debug)]
pub(super) struct Text<'a> {
    source: &'a str,
    tokens: Vec<Token<'a>>,
    /// Names bound by a loop, and the tokens between its brackets.
    bound: Vec<(&'a str, Range<usize>)>,
}

#[derive(Clone, Debug)]
struct Token<'a> {
    kind: TokenKind,
    text: &'a str,
    start: usize,
}

impl<'a> Text<'a> {
    /// Cuts `source` into tokens.
    ///
    /// # Errors
    /// Text over a limit, or with a character no expression has. Whatever passes is safe to hand to the parser, which
    /// recurses and would overflow its stack, ending the process, on what is refused here.
    pub(super) fn read(source: &'a str) -> Result<Self, GuardError> {
        if source.len() > MAX_BYTES {
            let start = source.floor_char_boundary(MAX_BYTES);
            let count = source.len();
            let message = say!(
                "有 {count} 字节；条件最多 {MAX_BYTES} 字节",
                "{count} bytes; a guard has at most {MAX_BYTES}"
            );
            return Err(GuardError::new(message, start..source.len()));
        }
        let tokens = tokens(source)?;
        if tokens.is_empty() {
            let message = Words::new(
                "条件是空的；应为结果是 true 或 false 的表达式",
                "the guard is empty; expected an expression that is true or false",
            );
            return Err(GuardError::new(message, 0..source.len()));
        }
        check_limits(&tokens)?;
        let bound = bound_names(&tokens);
        Ok(Self {
            source,
            tokens,
            bound,
        })
    }

    /// The whole text.
    pub(super) fn source(&self) -> &'a str {
        self.source
    }

    /// All of it.
    pub(super) fn whole(&self) -> Range<usize> {
        let first = self.tokens.first().map_or(0, |token| token.start);
        let end = self.tokens.last().map_or(self.source.len(), Token::end);
        first..end
    }

    /// Where the last of these names stands in the first path that begins with them all; `bound` says whether the first
    /// name is a loop's variable.
    pub(super) fn path(&self, names: &[String], bound: bool) -> Range<usize> {
        let found = (0..self.tokens.len()).find_map(|at| self.path_at(at, names, bound));
        match (found, names.last()) {
            (Some(token), _) => token.span(),
            (None, Some(name)) => self.field(name),
            (None, None) => self.whole(),
        }
    }

    /// Where a whole path stands.
    pub(super) fn whole_path(&self, names: &[String], bound: bool) -> Range<usize> {
        self.path(&names[..names.len().min(1)], bound).start..self.path(names, bound).end
    }

    /// Where a name stands that is selected from something.
    pub(super) fn field(&self, name: &str) -> Range<usize> {
        let after_dot = self
            .tokens
            .windows(2)
            .find(|two| two[0].kind == TokenKind::TokDot && two[1].text == name)
            .map(|two| two[1].span());
        after_dot.unwrap_or_else(|| self.string(name))
    }

    /// Where a function's name stands before its bracket.
    pub(super) fn call(&self, name: &str) -> Range<usize> {
        let found = self
            .tokens
            .windows(2)
            .find(|two| two[0].text == name && two[1].kind == TokenKind::TokLeftParen);
        found.map_or_else(|| self.whole(), |two| two[0].span())
    }

    /// Where a literal text stands, with its quotes.
    pub(super) fn string(&self, text: &str) -> Range<usize> {
        let found = self.tokens.iter().find(|token| {
            token.kind == TokenKind::TokString && token.text.trim_matches(['"', '\'']) == text
        });
        found.map_or_else(|| self.whole(), Token::span)
    }

    /// The span of the token at or after a byte offset.
    pub(super) fn at(&self, offset: usize) -> Range<usize> {
        let found = self.tokens.iter().find(|token| token.end() > offset);
        let end = self.source.len();
        found.map_or(end..end, Token::span)
    }

    /// Turns the parser's line and column, both from 1 and in bytes, into an offset.
    pub(super) fn offset(&self, line: isize, column: isize) -> usize {
        let (line, column) = (line.max(1) as usize, column.max(1) as usize);
        let before: usize = self
            .source
            .split_inclusive('\n')
            .take(line - 1)
            .map(str::len)
            .sum();
        (before + column - 1).min(self.source.len())
    }

    fn path_at(&self, at: usize, names: &[String], bound: bool) -> Option<&Token<'a>> {
        let after_dot = at > 0 && self.tokens[at - 1].kind == TokenKind::TokDot;
        let called = self
            .tokens
            .get(at + 1)
            .is_some_and(|next| next.kind == TokenKind::TokLeftParen);
        let first = self.tokens.get(at)?;
        let in_loop = self
            .bound
            .iter()
            .any(|(name, range)| *name == first.text && range.contains(&at));
        if after_dot || called || in_loop != bound || first.kind != TokenKind::TokIdent {
            return None;
        }
        let mut last = None;
        for (i, name) in names.iter().enumerate() {
            let dot_before = i == 0 || self.tokens.get(at + 2 * i - 1)?.kind == TokenKind::TokDot;
            let token = self.tokens.get(at + 2 * i)?;
            if !dot_before || token.text != name {
                return None;
            }
            last = Some(token);
        }
        last
    }
}

impl Token<'_> {
    fn end(&self) -> usize {
        self.start + self.text.len()
    }

    fn span(&self) -> Range<usize> {
        self.start..self.end()
    }

    fn opens(&self) -> bool {
        use TokenKind::{TokLeftBrace, TokLeftBracket, TokLeftParen};
        matches!(self.kind, TokLeftParen | TokLeftBracket | TokLeftBrace)
    }

    fn closes(&self) -> bool {
        use TokenKind::{TokRightBrace, TokRightBracket, TokRightParen};
        matches!(self.kind, TokRightParen | TokRightBracket | TokRightBrace)
    }

    fn is_operator(&self) -> bool {
        use TokenKind::{
            TokAsterisk, TokEqualEqual, TokExclamation, TokExclamationEqual, TokGreater,
            TokGreaterEqual, TokIn, TokLess, TokLessEqual, TokLogicalAnd, TokLogicalOr, TokMinus,
            TokPercent, TokPlus, TokQuestion, TokSlash,
        };
        let operator = matches!(
            self.kind,
            TokMinus
                | TokPlus
                | TokAsterisk
                | TokSlash
                | TokPercent
                | TokQuestion
                | TokExclamation
                | TokEqualEqual
                | TokExclamationEqual
                | TokLess
                | TokLessEqual
                | TokGreater
                | TokGreaterEqual
                | TokLogicalAnd
                | TokLogicalOr
                | TokIn
        );
        operator || self.opens()
    }
}

fn tokens(source: &str) -> Result<Vec<Token<'_>>, GuardError> {
    let mut lexer = Lexer::new(source);
    let mut tokens = Vec::new();
    loop {
        let token = lexer.lex();
        // A character of several bytes is reported by its first one.
        let start = source.floor_char_boundary(token.start);
        let end = source.ceil_char_boundary(token.end.max(token.start));
        let span = start..end;
        match token.kind {
            TokenKind::TokEnd => return Ok(tokens),
            TokenKind::TokWhitespace | TokenKind::TokComment => {}
            TokenKind::TokError => {
                let what = lexer
                    .get_error()
                    .map_or("unexpected character", |error| error.message.as_str());
                return Err(GuardError::new(super::malformed(what), span));
            }
            TokenKind::TokEqual => {
                let error = GuardError::new(
                    Words::new("“=”不能比较，请写“==”", "`=` compares nothing; write `==`"),
                    span,
                );
                return Err(error.suggest("=="));
            }
            kind => tokens.push(Token {
                kind,
                text: &source[span.clone()],
                start,
            }),
        }
    }
}

fn check_limits(tokens: &[Token<'_>]) -> Result<(), GuardError> {
    let (mut operators, mut depth) = (0_usize, 0_usize);
    for token in tokens {
        operators += usize::from(token.is_operator());
        if operators > MAX_OPERATORS {
            let message = say!(
                "运算符、括号和调用超过 {MAX_OPERATORS} 个；请拆成几个条件",
                "more than {MAX_OPERATORS} operators, brackets and calls; split the guard"
            );
            return Err(GuardError::new(message, token.span()));
        }
        if token.opens() {
            depth += 1;
        } else if token.closes() {
            depth = depth.saturating_sub(1);
        }
        if depth > MAX_NESTING {
            let message = say!(
                "括号嵌套超过 {MAX_NESTING} 层",
                "brackets nest more than {MAX_NESTING} deep"
            );
            return Err(GuardError::new(message, token.span()));
        }
    }
    Ok(())
}

/// The variables of `.all(x, …)` and its like, with the tokens in which they are bound.
fn bound_names<'a>(tokens: &[Token<'a>]) -> Vec<(&'a str, Range<usize>)> {
    let mut bound = Vec::new();
    for (at, five) in tokens.windows(5).enumerate() {
        let loops = five[0].kind == TokenKind::TokDot
            && LOOPS.contains(&five[1].text)
            && five[2].kind == TokenKind::TokLeftParen
            && five[3].kind == TokenKind::TokIdent
            && five[4].kind == TokenKind::TokComma;
        if loops {
            bound.push((five[3].text, at + 3..closing_bracket(tokens, at + 2)));
        }
    }
    bound
}

fn closing_bracket(tokens: &[Token<'_>], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        if token.opens() {
            depth += 1;
        } else if token.closes() {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return at;
            }
        }
    }
    tokens.len()
}

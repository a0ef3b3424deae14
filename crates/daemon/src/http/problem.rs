//! Refusals: said in both languages, sent in the one the caller asked for.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use qixian_api::{Problem, ProblemItem};
use qixian_core::{FieldProblem, Lang, Rejection, Words};
use qixian_engine::SubmitError;

use super::lang;
use super::state::App;

/// When to ask again while the disk is nearly full: somebody has to make room first.
const DISK_RETRY_SECONDS: u64 = 30;

/// Why a request is not carried out. The language is chosen when it leaves.
#[derive(Clone, Debug)]
pub(crate) struct Refusal(Box<Parts>);

#[derive(Clone, Debug, Default)]
struct Parts {
    status: StatusCode,
    code: &'static str,
    title: Words,
    detail: Words,
    errors: Vec<(String, Words)>,
    retry_after: Option<u64>,
    more: Problem,
}

impl Refusal {
    /// A refusal of this status, code and title; the detail repeats the title until something better is known.
    pub(crate) fn new(status: StatusCode, code: &'static str, zh: &str, en: &str) -> Self {
        Self(Box::new(Parts {
            status,
            code,
            title: Words::new(zh, en),
            ..Parts::default()
        }))
    }

    pub(crate) fn detail(mut self, zh: impl Into<String>, en: impl Into<String>) -> Self {
        self.0.detail = Words::new(zh, en);
        self
    }

    fn words(mut self, words: Words) -> Self {
        self.0.detail = words;
        self
    }

    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    fn with(mut self, change: impl FnOnce(&mut Problem)) -> Self {
        change(&mut self.0.more);
        self
    }

    pub(crate) fn not_found(what_zh: &str, what_en: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "找不到", "not found").detail(
            format!("没有这个{what_zh}。"),
            format!("There is no such {what_en}."),
        )
    }

    pub(crate) fn unauthorised() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorised", "需要令牌", "a token is needed").detail(
            "请在 Authorization: Bearer 里带上有效的令牌；本机的管理令牌在数据目录的 admin.token 里。",
            "Send a valid token as Authorization: Bearer; on the daemon's machine the admin token is the file admin.token in the data directory.",
        )
    }

    pub(crate) fn forbidden(roles: &[&str]) -> Self {
        let (zh, en) = (roles.join("、"), roles.join(" or "));
        Self::new(
            StatusCode::FORBIDDEN,
            "not_allowed",
            "没有权限",
            "not allowed",
        )
        .detail(
            format!("这一步只有 {zh} 可以做。"),
            format!("Only {en} may do this."),
        )
    }

    pub(crate) fn malformed(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "malformed_request",
            "请求读不懂",
            "the request cannot be read",
        )
        .detail(zh, en)
    }

    /// Values that do not fit, each with its place in the body.
    pub(crate) fn invalid(errors: Vec<(String, Words)>) -> Self {
        let count = errors.len();
        let mut refusal = Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid_value",
            "有的值不合适",
            "some values do not fit",
        );
        refusal.0.detail = match errors.first() {
            Some((pointer, words)) if count == 1 && pointer.is_empty() => words.clone(),
            Some((pointer, words)) if count == 1 => Words::new(
                format!("{pointer}：{}", words.zh),
                format!("{pointer}: {}", words.en),
            ),
            _ => Words::new(
                format!("有 {count} 处不合适，见 errors。"),
                format!("{count} values do not fit; see errors."),
            ),
        };
        refusal.0.errors = errors;
        refusal
    }

    /// One value that does not fit.
    pub(crate) fn value(pointer: &str, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self::invalid(vec![(pointer.to_owned(), Words::new(zh, en))])
    }

    /// The same refusal of an event: that a closed case takes none is one way of its not being possible now.
    pub(crate) fn of_event(mut self) -> Self {
        if self.0.code == "case_closed" {
            self.0.code = "event_not_possible";
            self.0.title = Words::new("现在不能记录这件事", "the event is not possible now");
            self.0.more.possible = Some(Vec::new());
        }
        self
    }

    /// The same refusal of closing or reopening, which to reopen is no answer to.
    pub(crate) fn without_hint(mut self) -> Self {
        self.0.more.hint = None;
        self
    }

    fn conflict(code: &'static str, zh: &str, en: &str) -> Self {
        Self::new(StatusCode::CONFLICT, code, zh, en)
    }

    fn stale(actual: u64) -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "stale_edit_rev",
            "内容已被别人改过",
            "it was changed meanwhile",
        )
        .detail(
            format!("现在的版本是 {actual}；请重新读取后再改。"),
            format!("It is at revision {actual} now; read it again before you change it."),
        )
    }

    fn unavailable(why: &str) -> Self {
        tracing::warn!(event = "request_unavailable", why);
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "暂时不能处理",
            "not available now",
        )
        .detail(
            "请稍后用同一个 Idempotency-Key 再发一次。",
            "Send it again soon, under the same Idempotency-Key.",
        )
        .retry_after(2)
    }

    /// The problem in English, on one line.
    pub(crate) fn said(&self) -> String {
        let problem = self.problem(Lang::En);
        let errors = problem
            .errors
            .iter()
            .map(|item| format!("; {}: {}", item.pointer, item.detail));
        format!("{}{}", problem.detail, errors.collect::<String>())
    }

    /// The problem in one language.
    pub(crate) fn problem(&self, lang: Lang) -> Problem {
        let detail = match self.0.detail.zh.is_empty() {
            true => self.0.title.get(lang),
            false => self.0.detail.get(lang),
        };
        let item = |(pointer, words): &(String, Words)| ProblemItem {
            pointer: pointer.clone(),
            detail: words.get(lang).to_owned(),
        };
        Problem {
            kind: format!("urn:qixian:problem:{}", self.0.code),
            title: self.0.title.get(lang).to_owned(),
            status: self.0.status.as_u16(),
            detail: detail.to_owned(),
            code: self.0.code.to_owned(),
            errors: self.0.errors.iter().map(item).collect(),
            ..self.0.more.clone()
        }
    }

    /// The answer itself, with the headers that layers below have set.
    fn respond(&self, lang: Lang, headers: HeaderMap) -> Response {
        let text = serde_json::to_string(&self.problem(lang)).unwrap_or_default();
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = self.0.status;
        *response.headers_mut() = headers;
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_LENGTH);
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, kind);
        if let Some(seconds) = self.0.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.0.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

impl IntoResponse for Refusal {
    /// Leaves itself in the response, where [`in_callers_language`] finds it.
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.0.status;
        response.extensions_mut().insert(self);
        response
    }
}

/// Writes every refusal in the language its caller asked for.
pub(crate) async fn in_callers_language(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Response {
    let lang = lang::asked(request.headers()).unwrap_or(app.settings.lang);
    let response = next.run(request).await;
    match response.extensions().get::<Refusal>().cloned() {
        Some(refusal) => refusal.respond(lang, response.into_parts().0.headers),
        None => response,
    }
}

/// Each problem with its place in the body; those of a case's fields lie below `/fields`.
fn field_errors(problems: Vec<FieldProblem>) -> Vec<(String, Words)> {
    let item = |p: FieldProblem| (p.pointer, p.detail);
    problems.into_iter().map(item).collect()
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        let code = rejection.code();
        let said = rejection.words();
        match rejection {
            Rejection::EventNotPossible {
                possible,
                hint_reopen,
                ..
            } => Self::conflict(code, "现在不能记录这件事", "the event is not possible now")
                .words(said)
                .with(|problem| {
                    problem.possible = Some(possible);
                    problem.hint = hint_reopen.then(|| "reopen".to_owned());
                }),
            Rejection::GuardRefused {
                guard,
                sentence,
                override_by,
            } => {
                let mut words = sentence;
                if !override_by.is_empty() {
                    words.zh += &format!("（{} 可以附理由照记）", override_by.join("、"));
                    words.en += &format!(
                        " ({} may record it all the same, with a reason)",
                        override_by.join(" or ")
                    );
                }
                Self::conflict(code, "条件不满足", "a condition does not hold")
                    .words(words)
                    .with(|problem| {
                        problem.guard = Some(guard);
                        problem.override_by = Some(override_by);
                    })
            }
            Rejection::Stale { actual, .. } => Self::stale(actual),
            Rejection::Invalid(problems) => Self::invalid(field_errors(problems)),
            Rejection::PartyNeeded { asked } => {
                let mut refusal = Self::invalid(vec![("/party".to_owned(), said)]);
                refusal.0.code = code;
                refusal.with(|problem| problem.asked = Some(asked))
            }
            Rejection::NotAllowed { roles } => {
                let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
                Self::forbidden(&roles)
            }
            Rejection::Closed(_) => {
                Self::conflict(code, "案件已结束或未结束", "the case is closed, or is not")
                    .words(said)
                    .with(|problem| problem.hint = Some("reopen".to_owned()))
            }
            Rejection::Existence(_) => Self::conflict(
                code,
                "已经存在或不存在",
                "it exists already, or does not exist",
            )
            .words(said),
            Rejection::GuardFailed { .. }
            | Rejection::Deadline { .. }
            | Rejection::Correction { .. }
            | Rejection::Uncomputable { .. } => {
                Self::conflict(code, "现在不能这样做", "this cannot be done now").words(said)
            }
        }
    }
}

impl From<SubmitError> for Refusal {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Rejected(rejection) => rejection.into(),
            SubmitError::UnknownCase(_) => Self::not_found("案件", "case"),
            SubmitError::UnknownMessage(_) => {
                Self::not_found("可重发的消息", "message that could be sent again")
            }
            SubmitError::UnknownWorkflow(id) => Self::value(
                "/workflow",
                format!("没有流程“{id}”"),
                format!("there is no workflow `{id}`"),
            ),
            SubmitError::StaleRecord { actual: 0 } => Self::not_found("记录", "record"),
            SubmitError::StaleRecord { actual } => Self::stale(actual),
            SubmitError::IdempotencyMismatch => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency_mismatch",
                "这个 Idempotency-Key 已用于别的请求",
                "this Idempotency-Key was used for another request",
            ),
            SubmitError::Busy { retry_after } => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "busy",
                "排队的事件太多",
                "too much is waiting",
            )
            .retry_after(retry_after.as_secs().max(1)),
            // Not logged one by one: the engine said it once, and the disk is what lacks room.
            error @ SubmitError::DiskLow { .. } => {
                let said = error.words();
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "disk_low",
                    "磁盘空间不足",
                    "the disk is nearly full",
                )
                .detail(
                    format!("{}，然后用同一个 Idempotency-Key 再发一次。", said.zh),
                    format!(
                        "{}, then send it again under the same Idempotency-Key.",
                        said.en
                    ),
                )
                .retry_after(DISK_RETRY_SECONDS)
            }
            SubmitError::Draining => Self::unavailable("draining"),
            SubmitError::Unavailable(why) => Self::unavailable(&why),
        }
    }
}

impl From<qixian_store::Error> for Refusal {
    fn from(error: qixian_store::Error) -> Self {
        match error {
            qixian_store::Error::BadCursor => Self::value(
                "/cursor",
                "不是本服务给出的",
                "is not one that was given out",
            ),
            error => Self::unavailable(&error.to_string()),
        }
    }
}

//! Reading a request's JSON body: bounded, and with the place of what does not fit.

use axum::body::Body as HttpBody;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use super::problem::Refusal;
use super::state::App;
use crate::said::{quoted, translated};

/// How many times the limit is read of a body that is too long.
const READ_ON: usize = 16;

/// A body read into `T`, and the plain JSON it was read from.
pub(crate) struct Body<T> {
    pub(crate) value: T,
    pub(crate) plain: Value,
}

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, app: &App) -> Result<Self, Refusal> {
        check_type(&request)?;
        let bytes = collect(request.into_body(), app.settings.body_bytes).await?;
        read(&bytes)
    }
}

/// The whole body. One that is too long is read on for a while and thrown away, since a sender that is cut off in the
/// middle of its body never sees the answer.
async fn collect(body: HttpBody, limit: usize) -> Result<Vec<u8>, Refusal> {
    let mut chunks = body.into_data_stream();
    let (mut bytes, mut total) = (Vec::new(), 0_usize);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk
            .map_err(|_| Refusal::malformed("请求正文没有收完。", "the body did not arrive"))?;
        total = total.saturating_add(chunk.len());
        if total <= limit {
            bytes.extend_from_slice(&chunk);
        } else if total > limit.saturating_mul(READ_ON) {
            break;
        }
    }
    match total <= limit {
        true => Ok(bytes),
        false => Err(too_large(limit)),
    }
}

fn check_type(request: &Request) -> Result<(), Refusal> {
    let kind = request.headers().get(header::CONTENT_TYPE);
    let Some(kind) = kind.and_then(|kind| kind.to_str().ok()) else {
        return Ok(());
    };
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") || essence.ends_with("+json") {
        return Ok(());
    }
    Err(Refusal::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        "正文应为 application/json",
        "send the body as application/json",
    ))
}

fn too_large(limit: usize) -> Refusal {
    Refusal::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body_too_large",
        "请求正文太大",
        "the body is too large",
    )
    .detail(
        format!("最多 {} KiB。", limit / 1024),
        format!("At most {} KiB are taken.", limit / 1024),
    )
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<Body<T>, Refusal> {
    let plain: Value = serde_json::from_slice(bytes).map_err(|error| {
        Refusal::malformed(
            format!("正文不是合法的 JSON：{error}"),
            format!("the body is not valid JSON: {error}"),
        )
    })?;
    if !plain.is_object() {
        // Serde would read a list as the values of an object in their order.
        return Err(Refusal::value(
            "",
            "正文应为 JSON 对象",
            "the body should be a JSON object",
        ));
    }
    match serde_path_to_error::deserialize(&plain) {
        Ok(value) => Ok(Body { value, plain }),
        Err(error) => {
            let said = error.inner().to_string();
            let pointer = pointer(error.path(), &said);
            Err(Refusal::invalid(vec![(pointer, translated(&said))]))
        }
    }
}

/// The place as a JSON pointer. A missing or unknown name is added where serde leaves it out.
fn pointer(path: &Path, said: &str) -> String {
    let mut pointer = String::new();
    for segment in path {
        let step = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => key.replace('~', "~0").replace('/', "~1"),
            Segment::Enum { variant } => variant.clone(),
            Segment::Unknown => continue,
        };
        pointer = format!("{pointer}/{step}");
    }
    let named = said.starts_with("missing field") || said.starts_with("unknown field");
    if let Some(name) = quoted(said).filter(|_| named)
        && !pointer.ends_with(&format!("/{name}"))
    {
        pointer = format!("{pointer}/{name}");
    }
    pointer
}

#[cfg(test)]
mod tests {
    use super::*;
    use qixian_api::PostCase;
    use qixian_core::Lang;

    #[test]
    fn what_does_not_fit_is_named_with_its_place() {
        let check = |text: &str, pointer: &str| {
            let refusal = read::<PostCase>(text.as_bytes()).err().expect("refused");
            let problem = refusal.problem(Lang::En);
            assert_eq!(problem.status, 422, "{problem:?}");
            assert_eq!(problem.errors[0].pointer, pointer, "{problem:?}");
        };
        check(r#"{"workflow":"x","colour":1}"#, "/colour");
        check(r#"{"title":"x"}"#, "/workflow");
        check(
            r#"{"workflow":"x","parties":[{"role":"lead","mobil":"1"}]}"#,
            "/parties/0/mobil",
        );
        check(
            r#"{"workflow":"x","parties":[{"name":"w"}]}"#,
            "/parties/0/role",
        );
        check(r#"{"workflow":7}"#, "/workflow");
        check(r#"["first-filing","x"]"#, "");
    }

    #[test]
    fn text_that_is_no_json_is_a_bad_request() {
        let refusal = read::<PostCase>(b"{").err().expect("refused");
        assert_eq!(refusal.problem(Lang::Zh).status, 400);
    }
}

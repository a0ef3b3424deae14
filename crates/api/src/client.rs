//! The HTTP client of the command line and of tests.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::http::{Method, Request, Response, StatusCode};
use ureq::{Agent, Body};

use crate::Problem;

/// How long a request may take altogether.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The longest answer that is read.
const ANSWER_LIMIT: u64 = 64 << 20;

/// Talks to one daemon with one token. `Debug` leaves the token out.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
    server: String,
    token: Option<String>,
    lang: Option<String>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Client")
            .field("server", &self.server)
            .field("has_token", &self.token.is_some())
            .finish_non_exhaustive()
    }
}

/// Why there is no answer to work with.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody answers at that address.
    #[error("no daemon answers at {server}: {reason}")]
    Unreachable {
        /// The address asked.
        server: String,
        /// What the connection said.
        reason: String,
    },
    /// The daemon refused.
    #[error("{}", .0.detail)]
    Refused(Box<Problem>),
    /// Something answered, but not as Qixian does.
    #[error("{server} answered {status}, which is not what qixian says: {text}")]
    Strange {
        /// The address asked.
        server: String,
        /// The status.
        status: u16,
        /// The beginning of what it said.
        text: String,
    },
}

impl Client {
    /// A client of the daemon at `server` (`http://127.0.0.1:8700`).
    pub fn new(server: &str, token: Option<String>) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(TIMEOUT))
            .build();
        Self {
            agent: config.into(),
            server: server.trim_end_matches('/').to_owned(),
            token,
            lang: None,
        }
    }

    /// The same client, asking for texts in `lang` (`zh`, `en`).
    pub fn in_language(mut self, lang: &str) -> Self {
        self.lang = Some(lang.to_owned());
        self
    }

    /// The address asked.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Reads `path` (below `/api/v1`, query included).
    ///
    /// # Errors
    /// [`Error`] as its variants say.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        self.call(Method::GET, path, &[], None::<&()>)
    }

    /// Posts `body`. With a `key` the request can be sent again: it takes effect once.
    ///
    /// # Errors
    /// [`Error`] as its variants say.
    pub fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        key: Option<&str>,
    ) -> Result<T, Error> {
        let key = key.map(|key| ("idempotency-key", key));
        self.call(Method::POST, path, key.as_slice(), Some(body))
    }

    /// Changes `path`. With `if_match` only while it is at that revision.
    ///
    /// # Errors
    /// [`Error`] as its variants say.
    pub fn patch<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        if_match: Option<u64>,
    ) -> Result<T, Error> {
        let tag = if_match.map(|rev| format!("\"{rev}\""));
        let header = tag.as_deref().map(|tag| ("if-match", tag));
        self.call(Method::PATCH, path, header.as_slice(), Some(body))
    }

    /// Asks an address outside `/api/v1` (`/livez`, `/readyz`) and answers its status and text, whatever they are.
    ///
    /// # Errors
    /// [`Error::Unreachable`].
    pub fn probe(&self, path: &str) -> Result<(u16, String), Error> {
        let address = format!("{}{path}", self.server);
        let asked = self.agent.get(&address).call();
        let mut response = asked.map_err(|error| self.unreachable(error))?;
        let body = response.body_mut().with_config().limit(ANSWER_LIMIT);
        let text = body
            .read_to_string()
            .map_err(|error| self.unreachable(error))?;
        Ok((response.status().as_u16(), text))
    }

    fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&impl Serialize>,
    ) -> Result<T, Error> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}/api/v1{path}", self.server))
            .header("accept", "application/json");
        let bearer = self.token.as_ref().map(|token| format!("Bearer {token}"));
        let own = [
            ("authorization", bearer.as_deref()),
            ("accept-language", self.lang.as_deref()),
            ("content-type", body.map(|_| "application/json")),
        ];
        for (name, value) in own.into_iter().filter_map(|(name, v)| Some((name, v?))) {
            request = request.header(name, value);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let text = match body {
            Some(body) => serde_json::to_string(body).map_err(|e| self.unreachable(e))?,
            None => String::new(),
        };
        let request = request.body(text).map_err(|e| self.unreachable(e))?;
        let response = self.agent.run(request).map_err(|e| self.unreachable(e))?;
        self.read(response)
    }

    fn read<T: DeserializeOwned>(&self, mut response: Response<Body>) -> Result<T, Error> {
        let status = response.status();
        let body = response.body_mut().with_config().limit(ANSWER_LIMIT);
        let text = body.read_to_string().map_err(|e| self.unreachable(e))?;
        if status.is_success() {
            let text = if text.is_empty() { "null" } else { &text };
            return serde_json::from_str(text).map_err(|_| self.strange(status, text));
        }
        match serde_json::from_str::<Problem>(&text) {
            Ok(problem) => Err(Error::Refused(Box::new(problem))),
            Err(_) => Err(self.strange(status, &text)),
        }
    }

    fn unreachable(&self, reason: impl std::fmt::Display) -> Error {
        Error::Unreachable {
            server: self.server.clone(),
            reason: reason.to_string(),
        }
    }

    fn strange(&self, status: StatusCode, text: &str) -> Error {
        Error::Strange {
            server: self.server.clone(),
            status: status.as_u16(),
            text: text.chars().take(200).collect(),
        }
    }
}

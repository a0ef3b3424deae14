//! Where each setting was given, so that a problem found later can point at it.

use std::collections::BTreeMap;
use std::fmt;

use qixian_workflow::{Source, Span};

use super::Origin;

/// Files with the places of settings, by dotted name (`providers.mail.host`).
#[derive(Clone, Default)]
pub(super) struct Places(BTreeMap<String, (Source, Span)>);

impl Places {
    /// Notes where a setting stands; a later source takes the place of an earlier one.
    pub(super) fn note(&mut self, path: &str, source: &Source, span: Span) {
        self.0.insert(path.to_owned(), (source.clone(), span));
    }

    /// Where the setting stands, or else the table that would hold it.
    pub(super) fn nearest(&self, path: &str) -> Option<(Source, Span)> {
        let mut path = path;
        loop {
            if let Some((source, span)) = self.0.get(path) {
                return Some((source.clone(), span.clone()));
            }
            path = path.rsplit_once('.')?.0;
        }
    }

    /// File and line of a setting that stands in a file, else that it is built in.
    pub(super) fn origin(&self, path: &str) -> Origin {
        self.0.get(path).map_or(Origin::Default, |(source, span)| {
            let (line, _) = source.place(span.start);
            let file = source.name.to_string();
            Origin::File { file, line }
        })
    }
}

/// The files' texts may hold secrets.
impl fmt::Debug for Places {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.0.keys()).finish()
    }
}

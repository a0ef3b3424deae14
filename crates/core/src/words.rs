//! Text in the two languages the product speaks.

use qixian_time::TimeError;
use serde::{Deserialize, Serialize};

/// A language people are addressed in.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Lang {
    /// Chinese, the default.
    #[default]
    Zh,
    /// English.
    En,
}

/// One sentence or title in Chinese and English.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Words {
    /// Chinese.
    pub zh: String,
    /// English; the same as `zh` where the author gave one text only.
    pub en: String,
}

impl Words {
    /// Both languages.
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self {
            zh: zh.into(),
            en: en.into(),
        }
    }

    /// The same text for both languages (names, codes).
    pub fn same(text: impl Into<String>) -> Self {
        let zh = text.into();
        Self { en: zh.clone(), zh }
    }

    /// The text in `lang`.
    pub fn get(&self, lang: Lang) -> &str {
        match lang {
            Lang::Zh => &self.zh,
            Lang::En => &self.en,
        }
    }

    /// Names in a row: `a、b` and `a, b`.
    pub fn listed<T: AsRef<str>>(names: &[T]) -> Self {
        Self::joined(names, ", ")
    }

    /// Names of which one is meant: `a、b` and `a or b`.
    pub fn one_of<T: AsRef<str>>(names: &[T]) -> Self {
        Self::joined(names, " or ")
    }

    fn joined<T: AsRef<str>>(names: &[T], en: &str) -> Self {
        let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
        Self::new(names.join("、"), names.join(en))
    }
}

impl From<&TimeError> for Words {
    fn from(error: &TimeError) -> Self {
        Self::new(error.zh(), error.to_string())
    }
}

/// A sentence in both languages. Both take values by name, in braces; after a semicolon come [`Words`] for the empty
/// braces, each said in the sentence's own language.
macro_rules! say {
    ($zh:literal, $en:literal) => {
        $crate::Words::new(format!($zh), format!($en))
    };
    ($zh:literal, $en:literal; $($words:expr),+ $(,)?) => {
        $crate::Words::new(format!($zh, $($words.zh),+), format!($en, $($words.en),+))
    };
}
pub(crate) use say;

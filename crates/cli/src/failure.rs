//! Why a command did not do what it was asked.

use qixian_api::Problem;
use qixian_core::Words;
use qixian_workflow::Diagnostics;

/// How a command fails; each variant has its exit code.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Problems were found, or the request was refused (exit code 1).
    #[error("{}", .0.en)]
    Refused(Words),
    /// The command was used wrongly (2).
    #[error("{}", .0.en)]
    Usage(Words),
    /// No daemon answers (69).
    #[error("{}", .0.en)]
    Unreachable(Words),
    /// Files with problems (1).
    #[error("{0}")]
    Files(Diagnostics),
    /// The daemon refused (1).
    #[error("{}", .0.detail)]
    Problem(Box<Problem>),
    /// Problems that the command has told already (1).
    #[error("problems were found")]
    Told,
}

impl Failure {
    /// Refused, in both languages.
    pub(crate) fn refused(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self::Refused(Words::new(zh, en))
    }

    /// Used wrongly, in both languages.
    pub(crate) fn usage(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self::Usage(Words::new(zh, en))
    }

    /// The process's exit code.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Refused(_) | Self::Files(_) | Self::Problem(_) | Self::Told => 1,
            Self::Usage(_) => crate::lang::USAGE,
            Self::Unreachable(_) => 69,
        }
    }

    /// A stable name, for programs.
    pub(crate) fn code(&self) -> &str {
        match self {
            Self::Refused(_) => "refused",
            Self::Usage(_) => "usage",
            Self::Unreachable(_) => "unreachable",
            Self::Files(_) => "files",
            Self::Problem(problem) => &problem.code,
            Self::Told => "problems_found",
        }
    }
}

impl From<Diagnostics> for Failure {
    fn from(problems: Diagnostics) -> Self {
        Self::Files(problems)
    }
}

impl From<qixian_time::TimeError> for Failure {
    /// Times, lengths and zones stand on the command line.
    fn from(error: qixian_time::TimeError) -> Self {
        Self::usage(error.zh(), error.to_string())
    }
}

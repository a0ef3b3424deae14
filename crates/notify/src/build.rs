//! From settings to working providers.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use qixian_core::Words;

use crate::{FolderProvider, NoRoute, Provider, ProviderSettings, Router, Settings, SmtpProvider};

/// A setting that no provider can be made from. `provider` is its name in `[providers.*]`. `Display` is English and
/// begins with the code; [`BuildError::words`] is for people.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A value is not usable.
    #[error("NT0001: [providers.{provider}] {field}: {}; {}", wrong.en, advice.en)]
    Setting {
        /// The provider.
        provider: String,
        /// The key.
        field: &'static str,
        /// What is wrong; no secret.
        wrong: Box<Words>,
        /// What to do.
        advice: Box<Words>,
    },
    /// A file it names cannot be read.
    #[error("NT0002: [providers.{provider}] {field}: cannot read {}: {source}", path.display())]
    File {
        /// The provider.
        provider: String,
        /// The key.
        field: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A route leads nowhere.
    #[error(transparent)]
    Route(#[from] NoRoute),
}

impl BuildError {
    /// The dotted name of the setting: `providers.mail.from`, `routes.channels.sms`.
    pub fn setting(&self) -> String {
        match self {
            Self::Setting {
                provider, field, ..
            }
            | Self::File {
                provider, field, ..
            } => format!("providers.{provider}.{field}"),
            Self::Route(NoRoute::Unrouted(channel) | NoRoute::UnknownProvider { channel, .. }) => {
                format!("routes.channels.{channel}")
            }
        }
    }

    /// What is wrong, without the setting's place.
    pub fn words(&self) -> Words {
        match self {
            Self::Setting { wrong, .. } => (**wrong).clone(),
            Self::File {
                field,
                path,
                source,
                ..
            } => {
                let (path, why) = (path.display(), why_unread(source));
                Words::new(
                    format!("{field} 所指的文件 {path} 读不了：{}", why.zh),
                    format!("{path}, named by {field}, cannot be read: {}", why.en),
                )
            }
            Self::Route(NoRoute::Unrouted(channel)) => Words::new(
                format!("渠道 {channel} 没有服务商"),
                format!("no provider is routed for channel {channel}"),
            ),
            Self::Route(NoRoute::UnknownProvider { channel, provider }) => Words::new(
                format!("{channel} 指向“{provider}”，但没有 [providers.{provider}]"),
                format!(
                    "{channel} is routed to `{provider}`, but there is no [providers.{provider}]"
                ),
            ),
        }
    }

    /// What to do about it.
    pub fn advice(&self) -> Words {
        match self {
            Self::Setting { advice, .. } => (**advice).clone(),
            Self::File { .. } => Words::new(
                "检查路径和权限：运行 qixian 的用户要能读这个文件；相对路径从启动时的目录算起",
                "check path and permission: the user that runs qixian must be able to read it; a relative path \
                 begins at the directory qixian is started in",
            ),
            Self::Route(_) => Words::new(
                "在 routes.toml 的 [channels] 里写一个已有的服务商，或加上这个 [providers.名字]",
                "name a configured provider under [channels] in routes.toml, or add [providers.NAME]",
            ),
        }
    }
}

/// Why a file could not be read, for people.
pub fn why_unread(error: &io::Error) -> Words {
    match error.kind() {
        io::ErrorKind::NotFound => Words::new("没有这个文件", "there is no such file"),
        io::ErrorKind::PermissionDenied => Words::new("没有读取权限", "permission denied"),
        io::ErrorKind::IsADirectory => {
            Words::new("这是目录，不是文件", "it is a directory, not a file")
        }
        io::ErrorKind::InvalidData => Words::new("不是 UTF-8 文本", "it is not UTF-8 text"),
        _ => Words::new(format!("系统说 {error}"), error.to_string()),
    }
}

/// Makes every provider and the routes to them. Nothing is connected yet. `data_dir` is where a folder with a relative
/// path lies.
///
/// # Errors
/// The first setting that cannot work, by provider and key; [`problems`] tells all.
pub fn build(settings: &Settings, data_dir: &Path) -> Result<Router, BuildError> {
    let mut providers: BTreeMap<String, Arc<dyn Provider>> = BTreeMap::new();
    for (name, provider) in &settings.providers {
        let provider: Arc<dyn Provider> = match provider {
            ProviderSettings::Folder(folder) => {
                let dir = folder.dir.as_deref().unwrap_or(Path::new("messages"));
                Arc::new(FolderProvider::new(name.clone(), data_dir.join(dir)))
            }
            ProviderSettings::Smtp(smtp) => Arc::new(SmtpProvider::new(name.clone(), smtp)?),
        };
        providers.insert(name.clone(), provider);
    }
    let router = Router::new(settings.routes.clone(), providers);
    match router.problems().into_iter().next() {
        Some(problem) => Err(problem.into()),
        None => Ok(router),
    }
}

/// Every reason for which [`build()`] would refuse these providers; the routes are left to whoever read them. Files
/// that settings name are read, nothing is connected.
pub fn problems(settings: &Settings) -> Vec<BuildError> {
    let providers = settings.providers.iter();
    let found = providers.map(|(name, provider)| match provider {
        ProviderSettings::Folder(_) => Vec::new(),
        ProviderSettings::Smtp(smtp) => SmtpProvider::problems(name, smtp),
    });
    found.flatten().collect()
}

//! From settings to working providers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::{FolderProvider, NoRoute, Provider, ProviderSettings, Router, Settings, SmtpProvider};

/// A setting that no provider can be made from. `provider` is its name in `[providers.*]`.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A value is not usable.
    #[error("NT0001: [providers.{provider}] {field}: {detail}")]
    Setting {
        /// The provider.
        provider: String,
        /// The key.
        field: &'static str,
        /// What is wrong and what was expected; no secret.
        detail: String,
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
        source: std::io::Error,
    },
    /// A route leads nowhere.
    #[error(transparent)]
    Route(#[from] NoRoute),
}

/// Makes every provider and the routes to them. Nothing is connected yet. `data_dir` is where a folder with a relative
/// path lies.
///
/// # Errors
/// The first setting that cannot work, by provider and key.
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

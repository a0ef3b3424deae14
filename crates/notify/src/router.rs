//! Which provider serves a channel.

use std::collections::BTreeMap;
use std::sync::Arc;

use qixian_core::Channel;

use crate::{Provider, RouteSettings};

/// No provider serves a channel.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRoute {
    /// `routes.toml` names no provider for it.
    #[error(
        "NT0010: no provider is routed for channel `{0}`; name one under [channels] in routes.toml"
    )]
    Unrouted(Channel),
    /// `routes.toml` names one that is not configured.
    #[error(
        "NT0011: channel `{channel}` is routed to `{provider}`, but there is no [providers.{provider}]"
    )]
    UnknownProvider {
        /// The channel.
        channel: Channel,
        /// The name in `routes.toml`.
        provider: String,
    },
}

/// Channels to providers. Cloning is cheap.
///
/// The channel `person` is routed like any other: a folder gets the task as a file, a mail server gets it as a mail to
/// the colleague's own address, with whom to call and what to say in its text.
#[derive(Clone, Debug, Default)]
pub struct Router {
    routes: RouteSettings,
    providers: BTreeMap<String, Arc<dyn Provider>>,
}

impl Router {
    /// A router over these providers by name. A route to an unknown one is found when it is asked for, or at once by
    /// [`Router::problems`].
    pub fn new(routes: RouteSettings, providers: BTreeMap<String, Arc<dyn Provider>>) -> Self {
        Self { routes, providers }
    }

    /// The provider for a message.
    ///
    /// # Errors
    /// [`NoRoute`] when the channel has none, or one that is not configured.
    pub fn route(&self, channel: Channel, urgent: bool) -> Result<Arc<dyn Provider>, NoRoute> {
        let urgent = urgent.then(|| self.routes.urgent.get(&channel)).flatten();
        let name = urgent
            .or_else(|| self.routes.channels.get(&channel))
            .ok_or(NoRoute::Unrouted(channel))?;
        self.named(channel, name)
    }

    /// Every provider by name.
    pub fn providers(&self) -> impl Iterator<Item = &Arc<dyn Provider>> {
        self.providers.values()
    }

    /// Every route that leads nowhere.
    pub fn problems(&self) -> Vec<NoRoute> {
        let routes = self.routes.channels.iter().chain(&self.routes.urgent);
        routes
            .filter_map(|(channel, name)| self.named(*channel, name).err())
            .collect()
    }

    fn named(&self, channel: Channel, name: &str) -> Result<Arc<dyn Provider>, NoRoute> {
        self.providers
            .get(name)
            .cloned()
            .ok_or_else(|| NoRoute::UnknownProvider {
                channel,
                provider: name.to_owned(),
            })
    }
}

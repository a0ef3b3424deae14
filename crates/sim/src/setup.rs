//! What the simulated engine decides by, plain words, and one faulty provider for each kind of channel.

use std::collections::BTreeMap;
use std::sync::Arc;

use qixian_core::{Channel, Env, PackRef};
use qixian_engine::{Definitions, Setup};
use qixian_notify::{Provider, RouteSettings, Router, Staff, Templates};

use crate::FaultProvider;

const WORDS: [&str; 7] = [
    "rung_duty",
    "rung_expectation",
    "manual",
    "missed",
    "transition",
    "ask",
    "person",
];

/// A setup whose channels lead to `mail`, `sms` and `chat`.
pub(crate) fn setup(
    env: Env,
    definitions: Definitions,
    pack: PackRef,
    providers: &[FaultProvider],
) -> Setup {
    let route = |channel: Channel| match channel {
        Channel::Sms => "sms",
        Channel::Mail => "mail",
        _ => "chat",
    };
    let routes = RouteSettings {
        channels: Channel::ALL
            .map(|channel| (channel, route(channel).to_owned()))
            .into_iter()
            .collect(),
        ..RouteSettings::default()
    };
    let named = |p: &FaultProvider| {
        let provider: Arc<dyn Provider> = Arc::new(p.clone());
        (provider.name().to_owned(), provider)
    };
    let providers: BTreeMap<_, _> = providers.iter().map(named).collect();
    let words = WORDS.map(|name| {
        let path = format!("zh/_default/{name}.txt");
        (path, "subject: 提醒\n\n{{ case.title }}\n")
    });
    Setup {
        env,
        definitions,
        pack,
        templates: Arc::new(Templates::from_sources(words).expect("these words are good")),
        directory: Arc::new(Staff::default()),
        router: Router::new(routes, providers),
        base_url: None,
    }
}

//! The running daemon: a store, an engine on a thread of its own, HTTP, and an orderly end.

mod demo;
pub mod engine_loop;
mod forget;
mod ping;
mod signals;
mod welcome;

use std::fs;
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use qixian_core::{Actor, Event, What, Words};
use qixian_engine::{Engine, EngineSettings, Handle};
use qixian_store::Store;
use qixian_store_sled::{Options, SledStore};
use qixian_time::{Clock, SystemClock};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::auth::Tokens;
use crate::catalog::Loaded;
use crate::http;
use crate::random::SystemRandom;
use crate::settings::Settings;

/// How long an orderly end may take before the process ends all the same; what was acknowledged is on disk anyway.
const DRAIN_LIMIT: Duration = Duration::from_secs(20);

/// Why the daemon does not start or goes down.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data directory cannot be made.
    #[error("cannot use the data directory {dir}: {source}")]
    Data {
        /// The directory.
        dir: String,
        /// Why.
        source: std::io::Error,
    },
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] qixian_store::Error),
    /// A provider cannot be made.
    #[error(transparent)]
    Provider(#[from] qixian_notify::BuildError),
    /// Tokens cannot be read or made.
    #[error(transparent)]
    Tokens(#[from] crate::auth::Error),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The system refuses threads or signals.
    #[error("cannot start: {0}")]
    System(#[from] std::io::Error),
    /// The engine ended without being asked to.
    #[error("the engine ended by itself; start the daemon again (nothing acknowledged is lost)")]
    EngineEnded,
    /// A demo case does not fit.
    #[error("demo case {file}: {reason}")]
    Demo {
        /// The file.
        file: String,
        /// What is wrong.
        reason: String,
    },
}

impl Error {
    /// It in both languages; what the system itself says stays as it says it.
    pub fn words(&self) -> Words {
        let zh = match self {
            Error::Store(error) => return error.words(),
            Error::Provider(error) => {
                let (setting, Words { zh, .. }) = (error.setting(), error.words());
                format!("{setting}：{zh}；{}", error.advice().zh)
            }
            Error::Data { dir, source } => format!("用不了数据目录 {dir}：{source}"),
            Error::Tokens(error) => error.words().zh,
            Error::Listen { address, source } => format!("不能在 {address} 上监听：{source}"),
            Error::System(source) => format!("系统不让启动：{source}"),
            Error::EngineEnded => "引擎自己停了；请重新启动守护进程（已确认的一件不丢）".to_owned(),
            Error::Demo { file, reason } => format!("演示案件 {file} 用不了：{reason}"),
        };
        Words::new(zh, self.to_string())
    }
}

/// Runs until a signal says to stop. With `demo` the example cases are started first, where the directory is new.
///
/// # Errors
/// [`Error`] when it cannot start.
pub fn serve(mut settings: Settings, loaded: Loaded, demo: bool) -> Result<(), Error> {
    if demo {
        settings.stay_on_this_machine();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("qixian-http")
        .build()?;
    let data = settings.data.clone();
    fs::create_dir_all(&data).map_err(|source| Error::Data {
        dir: data.display().to_string(),
        source,
    })?;
    // Opening blocks while the store recovers, and closing while it writes: both happen on this thread.
    let options = Options {
        cache_capacity: settings.cache_mib << 20,
        reserve: settings.reserve_mib << 20,
        flush_limit: Duration::from_secs(settings.flush_limit_seconds),
        exports: Some(data.clone()),
        ..Options::default()
    };
    let store = Arc::new(SledStore::open(data.join("store"), &options)?);
    let result = runtime.block_on(run(settings, loaded, store.clone(), demo));
    runtime.shutdown_timeout(Duration::from_secs(5));
    fs::remove_file(data.join("address")).ok();
    drop(store);
    tracing::info!(event = "stopped");
    result
}

async fn run(
    settings: Settings,
    loaded: Loaded,
    store: Arc<SledStore>,
    demo: bool,
) -> Result<(), Error> {
    let clock = SystemClock;
    // First of all: where the address is taken, nothing else shall have begun.
    let listener = listen(settings.listen).await?;
    let address = listener.local_addr()?;
    let tokens = Arc::new(Tokens::of(&settings.data));
    tokens.ensure_admin(clock.now())?;
    let engine = engine(&settings, &loaded, store.clone())?;
    let handle = engine.handle();
    let stop = signals::stop()?;
    let ended = engine_loop::spawn(engine)?;
    forget::spawn(store.clone(), clock, stop.clone());
    ping::spawn(settings.ping_url.clone(), handle.clone(), stop.clone())?;
    if demo {
        demo::start(&settings, &loaded, &handle, store.as_ref(), clock.now()).await?;
    }
    first_turn(&handle).await;
    leave_address(&settings.data, address)?;
    let warnings = loaded.catalog.warnings().clone();
    for (source, found) in warnings.iter() {
        tracing::warn!(event = "config_warning", file = %source.name, code = found.code.as_str(), problem = %found.message.en);
    }
    welcome::print(&settings, &loaded, store.upgraded(), address, demo);
    let store: Arc<dyn Store> = store;
    let app = http::App::new(
        settings,
        loaded,
        handle.clone(),
        store,
        Arc::new(clock),
        tokens,
    );
    tracing::info!(event = "ready", %address);
    let serving =
        axum::serve(listener, http::router(app)).with_graceful_shutdown(stopped(stop.clone()));
    drain(serving.into_future(), handle, ended, stop).await
}

/// Waits until the engine has looked at its timers once, so that *ready* is true when it is said. A question about a case
/// that cannot exist is answered by a turn and changes nothing.
async fn first_turn(handle: &Handle) {
    let question = Event {
        id: String::new(),
        case: handle.new_id(),
        occurred_at: SystemClock.now(),
        by: Actor::system("system"),
        note: None,
        expected_edit_rev: None,
        what: What::Note,
    };
    // The answer is that there is no such case; when the engine is gone, that shows at once where it is waited for.
    handle.dry_run(question).await.ok();
}

fn engine(
    settings: &Settings,
    loaded: &Loaded,
    store: Arc<SledStore>,
) -> Result<Engine<SledStore, SystemClock>, Error> {
    let setup = loaded.setup(settings, &settings.data)?;
    let limits = EngineSettings {
        inbox: settings.inbox,
        sends_per_provider: settings.sends_per_provider,
        ..EngineSettings::default()
    };
    Ok(Engine::new(
        store,
        SystemClock,
        setup,
        limits,
        Box::new(SystemRandom),
    ))
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    let listener = TcpListener::bind(address).await;
    listener.map_err(|source| Error::Listen { address, source })
}

/// Commands on this machine find the daemon by this file, also where it listens on any free port.
fn leave_address(data: &Path, address: SocketAddr) -> Result<(), Error> {
    Ok(fs::write(
        data.join("address"),
        format!("http://{address}\n"),
    )?)
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    // A sender that is gone means the same as a signal.
    stop.wait_for(|stop| *stop).await.ok();
}

/// Serves until told to stop, then answers what waits, and lets messages that are under way come back. An engine that
/// ends by itself ends the process: a daemon that takes events and does nothing would be the worst of all.
async fn drain(
    serving: impl Future<Output = std::io::Result<()>>,
    handle: Handle,
    mut ended: engine_loop::Ended,
    stop: watch::Receiver<bool>,
) -> Result<(), Error> {
    let limit = async {
        stopped(stop).await;
        tracing::info!(event = "draining");
        tokio::time::timeout(DRAIN_LIMIT, std::future::pending::<()>())
            .await
            .ok();
        tracing::warn!(event = "drain_cut_short");
    };
    let mut limit = std::pin::pin!(limit);
    tokio::select! {
        served = serving => served?,
        () = ended.wait() => return Err(Error::EngineEnded),
        () = &mut limit => return Ok(()),
    }
    handle.drain();
    tokio::select! {
        () = ended.wait() => {}
        () = limit => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn whatever_keeps_it_from_starting_is_said_in_chinese_and_in_english() {
        let io = || io::Error::from(io::ErrorKind::AddrInUse);
        let errors = [
            Error::Data {
                dir: "/data".to_owned(),
                source: io(),
            },
            Error::Tokens(crate::auth::Error::Unknown("wang".to_owned())),
            Error::Listen {
                address: ([127, 0, 0, 1], 8700).into(),
                source: io(),
            },
            Error::System(io()),
            Error::EngineEnded,
            Error::Demo {
                file: "one.toml".to_owned(),
                reason: "it has no title".to_owned(),
            },
        ];
        for error in errors {
            let Words { zh, en } = error.words();
            assert!(!zh.is_ascii(), "{zh}");
            assert!(en.is_ascii(), "{en}");
            assert_eq!(en, error.to_string());
        }
        let listen = Error::Listen {
            address: ([127, 0, 0, 1], 8700).into(),
            source: io(),
        };
        let zh = listen.words().zh;
        assert!(zh.starts_with("不能在 127.0.0.1:8700 上监听："), "{zh}");
    }
}

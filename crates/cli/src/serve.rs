//! `qixian serve`: the daemon itself.

use std::path::PathBuf;

use clap::Args;
use qixian_core::Words;

use crate::args::ConfigArgs;
use crate::failure::Failure;
use crate::local;

/// How it is served.
#[derive(Debug, Args)]
#[command(
    after_help = "qixian serve --demo\nqixian serve --config /etc/qixian/qixian.toml\nqixian serve --data ./qixian-data --listen 127.0.0.1:8700"
)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// 数据目录 | The data directory
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// 监听地址 | Where it listens
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// 演示：带示例案件，消息写入数据目录下的文件夹，不出本机 | Demo: example cases; messages go into a folder of the data directory, nothing leaves the machine
    #[arg(long)]
    demo: bool,
}

/// Runs the daemon until it is told to stop.
pub(crate) fn run(args: ServeArgs) -> Result<(), Failure> {
    let mut values = Vec::new();
    if let Some(data) = args.data {
        values.push(("data", data.display().to_string()));
    }
    if let Some(listen) = args.listen {
        values.push(("listen", listen));
    }
    let settings = local::settings(&args.config, values)?;
    let loaded = local::loaded(&settings)?;
    qixian_daemon::logging::start(&settings.log_level, settings.log_json);
    qixian_daemon::serve(settings, loaded, args.demo).map_err(|error| {
        let Words { zh, en } = error.words();
        Failure::refused(format!("无法启动：{zh}"), format!("cannot serve: {en}"))
    })
}

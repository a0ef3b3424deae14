//! The simulation for long nights.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use qixian_sim::{History, Run, Scenery, Seeds, Summary, replay, run, shrink};

/// Lives through many seeded worlds; failing ones are shrunk and kept.
///
/// Example: cargo run --profile sim -p qixian-sim -- --seeds 2000 --from 1
#[derive(Debug, Parser)]
#[command(name = "qixian-sim")]
struct Options {
    /// How many seeds to live.
    #[arg(long, default_value_t = 2_000)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Days each lives.
    #[arg(long, default_value_t = 365)]
    days: i64,
    /// Only this seed.
    #[arg(long, conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
    /// Where shrunk histories of failing seeds are put.
    #[arg(long, default_value = "target/sim-failures")]
    keep: PathBuf,
    /// Lives a kept history again.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seeds", "from", "seed"])]
    replay: Option<PathBuf>,
}

/// How many failing seeds are shrunk.
const SHRUNK_MAX: usize = 3;

fn main() -> ExitCode {
    let options = Options::parse();
    let done = Scenery::shipped().and_then(|scenery| match &options.replay {
        Some(file) => replay_file(file, &scenery),
        None => Ok(live(&options, &scenery)),
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(why) => {
            eprintln!("{why}");
            ExitCode::from(2)
        }
    }
}

fn replay_file(file: &Path, scenery: &Scenery) -> Result<bool, String> {
    let text = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    let lived = replay(&History::parse(&text)?, scenery, None);
    for happened in &lived.happened {
        println!("{happened}");
    }
    match lived.outcome {
        Ok(summary) => {
            println!("it keeps every promise now");
            tell(&summary);
            Ok(true)
        }
        Err(failure) => {
            println!("{failure}");
            Ok(false)
        }
    }
}

/// Lives all seeds; answers whether every promise was kept.
fn live(options: &Options, scenery: &Scenery) -> bool {
    let range = options.from..options.from.saturating_add(options.seeds);
    let seeds = Seeds(
        options
            .seed
            .map_or_else(|| range.collect(), |seed| vec![seed]),
    );
    let count = seeds.0.len();
    println!("{count} seeds, {} days each: {seeds}", options.days);
    let progress = |done: usize, so_far: &Run| {
        if done.is_multiple_of(100) || done == count {
            let (ok, failed) = (so_far.total.acknowledged, so_far.failed.len());
            println!("{done} of {count} seeds, {ok} events acknowledged, {failed} seeds failed");
        }
    };
    let run = run(&seeds, options.days, scenery, progress);
    tell(&run.total);
    let failed: Vec<u64> = run.failed.iter().map(|(seed, _)| *seed).collect();
    if !failed.is_empty() {
        println!("FAILED: {}", Seeds(failed));
    }
    for (seed, failure) in run.failed.iter().take(SHRUNK_MAX) {
        println!("{failure}");
        keep(&History::whole(*seed, options.days), scenery, &options.keep);
    }
    run.failed.is_empty()
}

fn keep(history: &History, scenery: &Scenery, dir: &Path) {
    let Some(kept) = shrink(history, scenery, None) else {
        return;
    };
    let text = kept.to_text();
    println!("the shortest history found:\n{text}");
    let file = dir.join(format!("{}.txt", history.seed));
    match std::fs::create_dir_all(dir).and_then(|()| std::fs::write(&file, text)) {
        Ok(()) => println!("kept as {}", file.display()),
        Err(error) => println!("it could not be kept in {}: {error}", dir.display()),
    }
}

fn tell(total: &Summary) {
    let Summary {
        steps,
        acknowledged,
        found,
        refused,
        delivered,
        ..
    } = total;
    println!(
        "{steps} steps, {acknowledged} events acknowledged, {found} found, {refused} refused, {delivered} messages arrived"
    );
    print!("{}", total.tally);
    println!("{:?}", total.compared);
}

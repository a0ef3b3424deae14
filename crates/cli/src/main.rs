//! The one binary `qixian`: commands for people and scripts, and the daemon itself.
//!
//! Each command is a module: it reads its arguments, asks the crates below (or a running daemon, through
//! `qixian_api::Client`), and prints. What a date, a case or a workflow is, is decided elsewhere.
//!
//! Answers go to standard output, one table or text for people or JSON for machines (`--json`); everything else goes to
//! standard error. Exit codes: 0 fine, 1 problems found or refused, 2 used wrongly, 69 no daemon answers.

mod args;
mod bench;
mod calendar;
mod case;
mod config;
mod deadline;
mod doctor;
mod due;
mod failure;
mod files;
mod given;
mod lang;
mod local;
mod message;
mod out;
mod party;
mod record;
mod remote;
mod rules;
mod serve;
mod simulate;
mod store;
mod table;
mod token;
mod when;
mod workflow;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use crate::args::{Cli, Command};
use crate::failure::Failure;
use crate::out::Out;

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().collect();
    let lang = lang::chosen(&words, &|name| std::env::var(name).ok());
    let command = lang::localise(Cli::command(), lang);
    let parsed = command
        .try_get_matches_from(words)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return lang::usage(&error, lang),
    };
    let out = Out::new(lang, cli.common.json);
    match run(&out, cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => out.fail(&failure),
    }
}

fn run(out: &Out, command: Command) -> Result<(), Failure> {
    match command {
        Command::Due(args) => due::run(out, args),
        Command::Calendar(args) => calendar::run(out, args),
        Command::Workflow(args) => workflow::run(out, args),
        Command::Simulate(args) => simulate::run(out, args),
        Command::Rules(args) => rules::run(out, args),
        Command::Config(args) => config::run(out, args),
        Command::Serve(args) => serve::run(args),
        Command::Case(args) => case::run(out, args),
        Command::Deadline(args) => deadline::run(out, args),
        Command::Message(args) => message::run(out, args),
        Command::Party(args) => party::run(out, args),
        Command::Client(args) => record::run(out, args, "/clients"),
        Command::Contact(args) => record::run(out, args, "/contacts"),
        Command::Asset(args) => record::run(out, args, "/assets"),
        Command::Token(args) => token::run(out, args),
        Command::Store(args) => store::run(out, args),
        Command::Doctor(args) => doctor::run(out, args),
        Command::Bench(args) => bench::run(out, args),
    }
}

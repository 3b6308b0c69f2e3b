//! What a person types and sees: one file a command, the project file, words and progress.

mod accelerator;
mod boot;
mod build;
mod cache;
mod code;
mod compile;
mod complete;
mod completions;
mod config;
mod crash;
mod debug;
mod debug_file;
mod dev;
mod disk;
mod doctor;
mod emulator;
mod explain;
mod failure;
mod function_store;
mod heap;
mod image;
mod imports;
mod init;
mod interrupt;
mod kernel;
mod kernel_calls;
mod module;
mod nearest;
mod network;
mod new;
mod own_files;
mod pack;
mod packages;
mod pgo;
mod places;
#[doc(hidden)]
pub mod probe;
mod profile;
mod program;
mod progress;
mod project;
mod project_name;
mod run;
mod scaffold;
mod size;
mod sources;
mod taken_port;
mod template;
mod test;
mod trace;
mod trap;
mod values;
mod words;

use std::io::Write as _;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory as _, Parser, Subcommand};

use self::failure::Failure;
use crate::qemu::leash;

const AFTER_HELP: &str = "\
Examples:
  mewz run hello.wat                            boot a program and end with its exit status
  mewz run app.wasm --dir data::/data -- --fast hand it a folder and arguments
  mewz new hello && mewz dev hello              begin a project, and run it at every save
  mewz debug app.wasm                           open gdb on it, before its first instruction
  mewz build --release -o app.elf               leave an image that QEMU boots without mewz

Exit status: the program's own; 134 after a trap, 124 after --timeout, 130 after Ctrl-C,
2 for a wrong command line, 1 for everything else that fails.";

/// Write, run, debug and ship WebAssembly programs as unikernels.
#[derive(Debug, Parser)]
#[command(name = "mewz", version, max_term_width = 100, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    New(new::NewArguments),
    Init(init::InitArguments),
    Run(Box<run::RunArguments>),
    Dev(Box<dev::DevArguments>),
    Debug(Box<debug::DebugArguments>),
    Trace(Box<trace::TraceArguments>),
    Profile(Box<profile::ProfileArguments>),
    Test(test::TestArguments),
    Build(build::BuildArguments),
    Compile(compile::CompileArguments),
    Explain(explain::ExplainArguments),
    Imports(imports::ImportsArguments),
    Size(size::SizeArguments),
    Disk(disk::DiskArguments),
    Config(config::ConfigArguments),
    Schema(config::SchemaArguments),
    Doctor(doctor::DoctorArguments),
    Completions(completions::CompletionsArguments),
    Man(completions::ManArguments),
}

/// How a command ended, when it did not fail: the status of the process.
type Outcome = Result<u8, Failure>;

/// The whole command line as clap knows it, for completions and man pages.
fn command_line() -> clap::Command {
    Cli::command()
}

/// Runs the command that the process's arguments name.
#[must_use]
pub fn main() -> ExitCode {
    if let Some(status) = leash::run(std::env::args_os().skip(1)) {
        return status;
    }
    if complete::is_asked() {
        return complete::answer();
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(problem) => return refuse(&with_suggestion(problem)),
    };
    let outcome = match cli.command {
        Command::New(arguments) => new::run(arguments),
        Command::Init(arguments) => init::run(arguments),
        Command::Run(arguments) => run::run(*arguments),
        Command::Dev(arguments) => dev::run(*arguments),
        Command::Debug(arguments) => debug::run(*arguments),
        Command::Trace(arguments) => trace::run(*arguments),
        Command::Profile(arguments) => profile::run(*arguments),
        Command::Test(arguments) => test::run(arguments),
        Command::Build(arguments) => build::run(arguments),
        Command::Compile(arguments) => compile::run(arguments),
        Command::Explain(arguments) => explain::run(arguments),
        Command::Imports(arguments) => imports::run(arguments),
        Command::Size(arguments) => size::run(arguments),
        Command::Disk(arguments) => disk::run(arguments),
        Command::Config(arguments) => config::run(arguments),
        Command::Schema(arguments) => config::run_schema(arguments),
        Command::Doctor(arguments) => doctor::run(arguments),
        Command::Completions(arguments) => completions::run(arguments),
        Command::Man(arguments) => completions::run_man(arguments),
    };
    match outcome {
        Ok(status) => ExitCode::from(status),
        Err(failure) => {
            failure.report();
            ExitCode::from(failure.status())
        }
    }
}

/// Names the command that a short slip stood for, which clap does not see: `rnu`.
fn with_suggestion(mut problem: clap::Error) -> clap::Error {
    let Some(ContextValue::String(wanted)) = problem.get(ContextKind::InvalidSubcommand) else {
        return problem;
    };
    if problem.get(ContextKind::SuggestedSubcommand).is_none() {
        let command = command_line();
        let names = command.get_subcommands().map(clap::Command::get_name);
        if let Some(name) = nearest::nearest(wanted, names) {
            let value = ContextValue::Strings(vec![name.to_owned()]);
            problem.insert(ContextKind::SuggestedSubcommand, value);
        }
    }
    problem
}

/// Prints clap's words: help and version to standard output, complaints to standard error.
fn refuse(problem: &clap::Error) -> ExitCode {
    // A reader that went away is no reason to complain: `mewz --help | head -1`.
    let _ = problem.print();
    let _ = std::io::stdout().flush();
    ExitCode::from(u8::try_from(problem.exit_code()).unwrap_or(failure::STATUS_USAGE))
}

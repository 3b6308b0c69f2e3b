//! `mewz profile`: runs a program and samples where its time goes, in the kernel too.

mod firefox;
mod flame;
mod frames;
mod stacks;

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use self::frames::Resolver;
use self::stacks::{Recording, Stacks};
use super::boot::{self, Watched};
use super::cache::write_whole;
use super::failure::Failure;
use super::image::BootImage;
use super::run::{self, Purpose, RunArguments};
use super::{Outcome, interrupt, words};

/// Samples a second, unless somebody wants more or less: no divisor of what programs do a thousand times a second.
const HZ: u32 = 997;

/// Most samples a second.
const HZ_MAX: i64 = 10_000;

/// Functions that the words at the end name.
const TOLD: usize = 10;

/// Run a program and sample where its time goes, in the program and in the kernel
///
/// A timer of the machine interrupts it some thousand times a second and notes the calls under way. What it finds is written
/// as a flame graph, or for other programs to show; the functions that were found most often are printed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mewz profile app.wasm                             a flame graph in profile.svg: open it in a browser
  mewz profile app.wasm --output app.json -- input  for https://profiler.firefox.com
  mewz profile app.wasm --output app.folded         a line for each stack and its count
  mewz profile -p 8080:80 --listen 80 server.wasm   until Ctrl-C

Exit status: that of `mewz run`.")]
pub(super) struct ProfileArguments {
    #[command(flatten)]
    run: RunArguments,
    /// Where to write; the name's end says what [default: profile.svg]
    #[arg(
        short,
        long,
        value_name = "FILE.svg|.json|.folded",
        default_value = "profile.svg",
        hide_default_value = true
    )]
    output: PathBuf,
    /// Samples a second, up to 10000
    #[arg(long, value_name = "HZ", default_value_t = HZ, value_parser = clap::value_parser!(u32).range(1..=HZ_MAX))]
    rate: u32,
    /// Keep the time that the machine slept
    #[arg(long)]
    idle: bool,
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// A flame graph.
    Flame,
    /// The Firefox profiler's.
    Firefox,
    /// Lines of names and a count, as many tools take them.
    Folded,
}

impl Form {
    fn of(path: &Path) -> Result<Self, Failure> {
        match path.extension().and_then(OsStr::to_str) {
            Some("svg") => Ok(Form::Flame),
            Some("json") => Ok(Form::Firefox),
            Some("folded" | "txt") => Ok(Form::Folded),
            _ => Err(
                Failure::usage(format!("cannot tell what to write to `{}`", path.display()))
                    .cause("the name's end says what it is")
                    .hint("`.svg` is a flame graph, `.json` is for the Firefox profiler, `.folded` has a line for each stack"),
            ),
        }
    }
}

/// Runs the command.
pub(super) fn run(arguments: ProfileArguments) -> Outcome {
    interrupt::watch();
    let form = Form::of(&arguments.output)?;
    interrupt::spare_once();
    let subject = arguments.run.subject()?;
    let mut prepared = run::prepare(arguments.run, &subject, Purpose::Watch)?;
    prepared
        .wishes
        .options
        .push(format!("profile_hz={}", arguments.rate));
    run::with_image(prepared, |program, wishes, module, image| {
        let mut bytes = Vec::new();
        let start = SystemTime::now();
        let outcome = boot::watch(program, wishes, module, image, &mut |watched| {
            if let Watched::Samples(more) = watched {
                bytes.extend(more);
            }
        });
        let recording = Recording::new(&bytes, arguments.idle);
        let name = module.path.display().to_string();
        let told = tell(
            &recording,
            image,
            form,
            &arguments.output,
            &name,
            (start, arguments.rate),
        );
        let outcome = interrupt::spared().map_or(outcome, Ok);
        match told {
            Ok(()) => outcome,
            // What went wrong with the program comes first.
            Err(failure) => outcome.and(Err(failure)),
        }
    })
}

/// Writes the file, and says what is in it.
fn tell(
    recording: &Recording<'_>,
    image: &BootImage<'_>,
    form: Form,
    path: &Path,
    name: &str,
    (start, hz): (SystemTime, u32),
) -> Result<(), Failure> {
    if recording.is_empty() {
        words::warning(format_args!(
            "`{}` was not written: the program ended before the first sample",
            path.display()
        ));
        return Ok(());
    }
    let symbols = image.with_symbols().unwrap_or_default();
    let mut resolver = Resolver::new(&symbols, &image.module().bytes);
    let stacks = Stacks::new(recording, &mut resolver);
    let text = match form {
        Form::Firefox => firefox::text(recording, &mut resolver, name, start, hz)?,
        Form::Flame => flame::text(&stacks, name),
        Form::Folded => stacks.folded(),
    };
    write_whole(path, &[text.as_bytes()]).map_err(|problem| {
        Failure::new(format!("cannot write `{}`", path.display())).cause(problem)
    })?;
    words::plain(summary(recording, &stacks, hz));
    let what = match form {
        Form::Flame => "open it in a browser",
        Form::Firefox => "load it at https://profiler.firefox.com",
        Form::Folded => "a line for each stack",
    };
    words::plain(format_args!("Wrote `{}`: {what}", path.display()));
    Ok(())
}

/// The functions that were found most often.
fn summary(recording: &Recording<'_>, stacks: &Stacks, hz: u32) -> String {
    let busy = recording.busy();
    let mut text = format!(
        "{} samples at {hz} Hz, the machine slept in {} of them\n\n   self  total  function",
        recording.len(),
        recording.slept()
    );
    for (function, own, total) in stacks.functions().into_iter().take(TOLD) {
        let share = |count: u64| 100.0 * count as f64 / busy.max(1) as f64;
        // Writing to a text does not fail.
        let _ = write!(
            text,
            "\n{:>6.1}% {:>5.1}%  {}",
            share(own),
            share(total),
            words::name(&function)
        );
    }
    text + "\n"
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Form;

    #[test]
    fn the_names_end_says_what_is_written() {
        assert_eq!(Form::of(Path::new("a/b.svg")).unwrap(), Form::Flame);
        assert_eq!(Form::of(Path::new("b.json")).unwrap(), Form::Firefox);
        assert_eq!(Form::of(Path::new("b.folded")).unwrap(), Form::Folded);
        Form::of(Path::new("svg")).unwrap_err();
        Form::of(Path::new("b.png")).unwrap_err();
    }
}

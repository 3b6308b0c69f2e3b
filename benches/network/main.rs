//! `cargo bench --bench network`: how a server stands loads. `-- --seconds N` is the length of each with connections that stay,
//! 5 where nobody says otherwise; `--write` puts the tables into `docs/benchmarks.md`.

#[path = "../figures/document.rs"]
mod document;
mod load;
#[path = "../figures/processor.rs"]
mod processor;
mod server;
#[path = "../figures/table.rs"]
#[allow(dead_code, reason = "another benchmark uses the rest")]
mod table;

use std::process::ExitCode;

use load::Figures;
use server::{ENGINES, Engine, Programs, Server, WASMTIME_VERSION};
use table::Table;

/// Connections that stay, and what the first Mewz did with as many: requests a second of one client in Python.
const KEEP_ALIVE: [(usize, &str); 5] = [
    (1, "222"),
    (8, "1161"),
    (32, "1854"),
    (128, "5782"),
    (512, ""),
];

const IN_A_ROW: usize = 10_000;
const AT_ONCE: usize = 1000;
const IDLE: usize = 200;
/// Requests on the active connection beside those.
const ACTIVE_REQUESTS: usize = 10_000;
/// Bytes of a transfer.
const BULK_BYTES: usize = 256 << 20;

fn main() -> ExitCode {
    match measure(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn measure(words: &[String]) -> Result<(), String> {
    if !load::has_wrk() {
        println!("Nothing is measured: there is no `wrk` (Debian's package of this name)");
        return Ok(());
    }
    let seconds = match words.iter().position(|word| word == "--seconds") {
        Some(at) => words.get(at + 1).and_then(|word| word.parse().ok()),
        None => Some(5),
    };
    let seconds = seconds.ok_or("--seconds needs a number")?;
    raise_open_files()?;
    let heading = document::heading("next two tables were")?;
    let programs = Programs::build()?;
    let mut loads = Table::new(
        "Loads",
        format!(
            "`benches/network/server.c`, an HTTP server of one thread that waits by poll: as `mewz run` under TCG with 128 MiB, \
             by wasmtime {WASMTIME_VERSION} in a process of the host, the last in PyPI that opens sockets for preview 1, and \
             compiled for the host; on loopback, wrk with one thread for {seconds} s with connections that stay, clients \
             of our own for the rest. CPU is that of QEMU or of the server, clients left out; memory is resident, before and \
             after. Beside it requests a second of the first Mewz, on another day with a client in Python."
        ),
        &[
            "load",
            "engine",
            "requests/s",
            "per CPU-second",
            "p50, ms",
            "p99, ms",
            "memory, MB",
            "errors",
            "the first Mewz",
        ],
    );
    let mut bulk = Table::new(
        "Transfers",
        format!("{} MB on one connection, in MB/s.", BULK_BYTES / 1_000_000),
        &["engine", "from the server", "to the server"],
    );
    // A run takes a quarter of an hour, and should not end at an engine that does not start.
    for (engine, _) in ENGINES {
        Server::start(&programs, engine)?.stop()?;
    }
    for (engine, name) in ENGINES {
        run(&programs, (engine, name), seconds, &mut loads, &mut bulk)?;
    }
    let text = format!("{heading}\n{loads}\n{bulk}");
    println!("{text}");
    if words.iter().any(|word| word == "--write") {
        document::write("network", &text)?;
    }
    Ok(())
}

/// All loads on one server, so that memory that is not given back is seen.
fn run(
    programs: &Programs,
    (engine, name): (Engine, &str),
    seconds: u64,
    loads: &mut Table,
    bulk: &mut Table,
) -> Result<(), String> {
    let server = Server::start(programs, engine)?;
    let mut row =
        |load: String, before_them: &str, run: &mut dyn FnMut() -> Result<Figures, String>| {
            eprintln!("{name}: {load}");
            let before = (server.cpu_seconds(), server.resident_mb());
            let figures = run()?;
            let cpu_seconds = (server.cpu_seconds() - before.0).max(0.01);
            loads.row([
                load,
                name.to_owned(),
                format!("{:.0}", figures.requests / figures.seconds),
                format!("{:.0}", figures.requests / cpu_seconds),
                format!("{:.3}", figures.p50_ms),
                format!("{:.3}", figures.p99_ms),
                format!("{:.1} to {:.1}", before.1, server.resident_mb()),
                figures.errors.to_string(),
                if engine == Engine::Mewz {
                    before_them
                } else {
                    ""
                }
                .to_owned(),
            ]);
            Ok::<_, String>(())
        };
    for (connections, before) in KEEP_ALIVE {
        row(format!("{connections} that stay"), before, &mut || {
            load::keep_alive(&server, connections, seconds)
        })?;
    }
    row(format!("{IN_A_ROW} one after another"), "", &mut || {
        Ok(load::in_a_row(&server, IN_A_ROW))
    })?;
    row(format!("{AT_ONCE} at once"), "", &mut || {
        load::at_once(&server, AT_ONCE)
    })?;
    row("1, by our client".to_owned(), "", &mut || {
        load::beside_idle(&server, 0, ACTIVE_REQUESTS)
    })?;
    row(
        format!("1 beside {IDLE} that idle"),
        "200 ms a request",
        &mut || load::beside_idle(&server, IDLE, ACTIVE_REQUESTS),
    )?;
    let (out, into) = load::bulk(&server, BULK_BYTES)?;
    bulk.row([name.to_owned(), format!("{out:.0}"), format!("{into:.0}")]);
    server.stop()
}

/// Lets this process and its children have a file open for each connection.
fn raise_open_files() -> Result<(), String> {
    let resource = rustix::process::Resource::Nofile;
    let mut limit = rustix::process::getrlimit(resource);
    limit.current = limit.maximum;
    rustix::process::setrlimit(resource, limit)
        .map_err(|problem| format!("cannot open many files: {problem}"))
}

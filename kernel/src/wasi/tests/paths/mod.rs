//! Paths: where they lead, what they can't leave, and what is made, moved and taken away by them.

mod change;
mod links;
mod list;
mod open;
mod resolve;

use super::machine::Machine;

/// A machine whose folder holds `d/e`, `d/f` and links.
fn machine() -> Machine {
    let machine = Machine::new();
    let server = &machine.server;
    server.put_directory("d");
    server.put_directory("d/e");
    server.put_file("d/f", b"content");
    for (path, target) in [
        ("file", "d/f"),
        ("dir", "d"),
        ("dirslash", "d/"),
        ("d/up", "../d/f"),
        ("d/e/upup", "../../file"),
        ("loop", "loop"),
        ("ping", "pong"),
        ("pong", "ping"),
        ("dangling", "missing"),
        ("deep", "d/e/new"),
        ("out", "../etc/passwd"),
        ("d/out", "../../etc/passwd"),
        ("absolute", "/etc/passwd"),
        ("here", "."),
        ("fileslash", "d/f/"),
    ] {
        server.put_link(path, target);
    }
    machine
}

//! Programs that are watched: `mewz trace`, `mewz profile`, `--pcap`.

mod invoke;
mod tools;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::path::Path;

use invoke::{Ended, PATIENCE, Place, free_port, signal};
use serde_json::Value;

/// A place with a program of `tests/observe`, and a folder with a file.
fn place(program: &str) -> Place {
    let place = Place::new();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/observe");
    let text = fs::read(source.join(program)).unwrap();
    place.write(program, text);
    fs::create_dir(place.path("folder")).unwrap();
    place.write("folder/some", "content");
    place
}

fn trace(place: &Place, options: &[&str]) -> Ended {
    let arguments = ["trace", "calls.wat", "--dir", "folder::/"];
    place.run(&[&arguments, options].concat())
}

/// The call of a line of `mewz trace`, without its time and how long it took.
fn call(line: &str) -> &str {
    let (_, call) = line.trim_start().split_once(' ').expect(line);
    call.rsplit_once(" <").map_or(call, |(call, _)| call)
}

#[test]
fn calls_are_told_with_arguments_and_results() {
    let place = place("calls.wat");
    let ended = trace(&place, &[]);
    ended.assert(7, &[]);
    assert_eq!(ended.stdout, b"hello\n");
    let calls: Vec<&str> = ended.stderr.lines().map(call).collect();
    assert_eq!(
        calls,
        [
            r#"fd_write(1, "hello\n"[6]) = 6"#,
            r#"path_open(3, SYMLINK_FOLLOW, "none", 0, 0x2, 0x0, 0) = NOENT"#,
            r#"path_open(3, SYMLINK_FOLLOW, "some", 0, 0x2, 0x0, 0) = 4"#,
            r#"fd_read(4, [256]) = "content"[7]"#,
            "poll_oneoff([clock 1 +20000000 ns]) …",
            "… poll_oneoff = [clock]",
            "proc_exit(7)",
        ]
    );
    let slept = ended.stderr.lines().find(|line| line.contains("= [clock]"));
    let (_, took) = slept.unwrap().rsplit_once('<').unwrap();
    let took: f64 = took.trim_end_matches('>').parse().unwrap();
    assert!(took >= 0.02, "{took}");
    place.assert_clean();
}

#[test]
fn calls_are_chosen_counted_and_told_to_programs() {
    let place = place("calls.wat");
    let ended = trace(
        &place,
        &["--calls", "path,fd_read", "--output", "calls.txt"],
    );
    ended.assert(7, &[]);
    assert_eq!(ended.stderr, "");
    let text = fs::read_to_string(place.path("calls.txt")).unwrap();
    let names: Vec<&str> = text
        .lines()
        .map(|line| call(line).split('(').next().unwrap())
        .collect();
    assert_eq!(names, ["path_open", "path_open", "fd_read"]);

    let ended = trace(&place, &["--json"]);
    ended.assert(7, &[]);
    let objects: Vec<Value> = ended
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    assert_eq!(objects.len(), 7);
    assert_eq!(objects[1]["call"], "path_open");
    assert_eq!(objects[1]["errno"], "NOENT");
    assert!(objects[0]["start_ns"].as_u64() < objects[0]["end_ns"].as_u64());
    assert_eq!(objects[4]["end_ns"], Value::Null);

    let ended = trace(&place, &["--summary"]);
    ended.assert(7, &[]);
    let row = ended
        .stderr
        .lines()
        .find(|line| line.ends_with(" path_open"))
        .expect(&ended.stderr);
    let columns: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(columns[3..], ["2", "1", "path_open"]);
    place.assert_clean();
}

#[test]
fn mistakes_are_told_before_anything_runs() {
    let place = place("calls.wat");
    trace(&place, &["--calls", "path_opn"]).assert(2, &["`path_opn`", "did you mean `path_open`?"]);
    trace(&place, &["--output", "no/such/folder"]).assert(1, &["no/such/folder"]);
    place
        .run(&["profile", "calls.wat", "-o", "profile.png"])
        .assert(2, &["`profile.png`", "`.svg`"]);
    place
        .run(&["profile", "calls.wat", "--rate", "0"])
        .assert(2, &["--rate"]);
    place
        .run(&["run", "calls.wat", "--pcap", "a.pcap"])
        .assert(2, &["the program has no network", "--publish"]);
    assert!(!place.path("a.pcap").exists());
    place.assert_clean();
}

/// How stacks begin: in the program, or in the kernel when that has returned.
const OUTERMOST: [&str; 3] = [
    "_start",
    "proc_exit",
    "kernel_start;entry::run;entry::calls::end;",
];

/// The counts of the lines of a folded profile that have `name` in them.
fn count(folded: &str, name: &str) -> u64 {
    let lines = folded.lines().filter(|line| line.contains(name));
    lines
        .map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap())
        .sum()
}

#[test]
fn time_is_found_where_it_goes() {
    let place = place("busy.wat");
    let ended = place.run(&["profile", "busy.wat", "--output", "busy.folded"]);
    ended.assert(0, &["samples at 997 Hz", "Wrote `busy.folded`"]);
    assert_eq!(ended.stdout, b"started\n");
    let folded = fs::read_to_string(place.path("busy.folded")).unwrap();
    let all = count(&folded, "");
    let [hot, warm, kernel] = ["hot", "warm", "random_get"].map(|name| count(&folded, name));
    assert!(all > 50, "{folded}");
    // Ten times the work; calls are made into bodies, and names stay.
    assert!(hot > 3 * warm && warm > 0, "{folded}");
    assert!(kernel > 0, "{folded}");
    let is_lost = |line: &&str| !OUTERMOST.iter().any(|name| line.starts_with(name));
    let lost: Vec<&str> = folded.lines().filter(is_lost).collect();
    // A sample of the few instructions between two worlds may have no callers.
    assert!(count(&lost.join("\n"), "") <= 1 + all / 100, "{lost:?}");
    place.assert_clean();
}

#[test]
fn flame_graphs_and_the_firefox_profilers_files_are_whole() {
    let place = place("busy.wat");
    place
        .run(&["profile", "busy.wat"])
        .assert(0, &["Wrote `profile.svg`"]);
    let graph = fs::read_to_string(place.path("profile.svg")).unwrap();
    assert!(graph.starts_with("<?xml") && graph.ends_with("</svg>\n"));
    assert_eq!(
        graph.matches("<svg ").count(),
        graph.matches("</svg>").count()
    );
    assert!(
        graph.contains(">_start: ") && graph.contains(">hot: "),
        "{graph}"
    );
    place
        .run(&["profile", "busy.wat", "-o", "busy.json", "--rate", "500"])
        .assert(0, &["samples at 500 Hz"]);
    let text = fs::read_to_string(place.path("busy.json")).unwrap();
    let profile: Value = serde_json::from_str(&text).unwrap();
    assert!(profile["threads"][0]["samples"]["length"].as_u64() > Some(20));
    assert!(text.contains("\"hot\"") && text.contains("\"random_get\""));
    place.assert_clean();
}

#[test]
fn ctrl_c_ends_the_program_and_not_the_profile() {
    let place = place("busy.wat");
    let arguments = ["profile", "busy.wat", "-o", "a.folded", "--", "on"];
    let (child, _) = place.start_until(&arguments, "started");
    std::thread::sleep(std::time::Duration::from_millis(600));
    signal("INT", child.id());
    let ended = Ended::new(child.wait_with_output().unwrap());
    ended.assert(130, &["Wrote `a.folded`"]);
    let folded = fs::read_to_string(place.path("a.folded")).unwrap();
    assert!(count(&folded, "hot") > 20, "{folded}");
    place.assert_clean();
}

#[test]
fn packets_are_captured() {
    let place = Place::new();
    tools::build_c(
        "network/echo.c",
        &["-O1", "-Wl,-z,stack-size=1048576"],
        &place.path("server.wasm"),
    );
    let port = free_port();
    let pair = format!("{port}:8080");
    let arguments = [
        "run",
        "-p",
        &pair,
        "--listen",
        "8080",
        "--pcap",
        "a,b.pcap",
        "server.wasm",
    ];
    let (mut child, _) = place.start_until(&arguments, "listening");
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"GET /captured HTTP/1.0\r\n\r\n").unwrap();
    // What it answers does not matter.
    stream.shutdown(Shutdown::Write).unwrap();
    let _ = stream.read(&mut [0; 64]).unwrap();
    signal("INT", child.id());
    child.wait().unwrap();
    let packets = fs::read(place.path("a,b.pcap")).unwrap();
    // Source: draft-ietf-opsawg-pcap, section 4: the magic number, in the host's order.
    assert_eq!(packets[..4], 0xa1b2_c3d4_u32.to_le_bytes());
    let request = b"GET /captured";
    assert!(packets.windows(request.len()).any(|bytes| bytes == request));
    place.assert_clean();
}

//! Sessions on Rust and Zig: their types, the values of their libraries.

use std::path::Path;

use super::built::Built;
use super::invoke::Ended;
use super::{Transcript, command, tools};

#[test]
fn rust_is_debugged_by_its_source() {
    let built = Built::new("items.rs", &[]);
    let commands = [
        "start",
        // Not into the library that makes the list.
        "step",
        "break items.rs:26",
        "continue",
        "bt 2",
        "p sum",
        "p items[0].count",
        "p items[1].count",
        "p label",
        "up",
        "info locals",
        "break items::area",
        "p items::area",
        "continue",
    ];
    let transcript = built.session(&[], &commands);
    assert!(!transcript.text.contains("library"), "{}", transcript.text);
    transcript.assert(&[
        "Temporary breakpoint 1, items::main () at items.rs:",
        "items::total (items=",
        ") at items.rs:26\n",
        "in items::main () at items.rs:43\n",
        "$1 = 20\n",
        "$2 = 3\n",
        "$3 = 4\n",
        "sum",
        "items = ",
        "{fn (*mut items::Shape) -> u32}",
        "exited with code 07]",
    ]);
}

#[test]
fn rustcs_own_printers_show_rusts_values() {
    let built = Built::new("items.rs", &[]);
    // What belongs to this rustc is not among Debian's packages, so a printer of the test's own stands where rustc says.
    built.place.write(
        "sysroot/lib/rustlib/etc/gdb_lookup.py",
        "class Shown:\n    def __init__(self, value):\n        self.value = value\n\n    \
         def to_string(self):\n        return 'count ' + str(self.value['count'])\n\n\
         def register_printers(objfile):\n    objfile.pretty_printers.append(\n        \
         lambda value: Shown(value) if value.type.tag == 'items::Item' else None)\n",
    );
    let version = "1.63.0";
    let rustc = |version: &str| {
        let root = built.place.path("sysroot");
        let text = format!(
            "case $1 in -vV) echo rustc; echo 'release: {version}' ;; *) echo '{}' ;; esac",
            root.display()
        );
        built.place.script("rustc", &text)
    };
    let print = |rustc: &Path| {
        let commands = [
            "--ex",
            "break items::total",
            "--ex",
            "continue",
            "--ex",
            "p items[0]",
        ];
        let arguments = [&["debug", "--batch"], &commands[..], &["app.wasm"]].concat();
        let mut command = command(&built.place, &arguments);
        let ended = Ended::new(command.env("RUSTC", rustc).output().unwrap());
        Transcript::new(&ended)
    };
    print(&rustc(version)).assert(&["$1 = count 3\n"]);
    // Another rustc's know nothing of these values.
    print(&rustc("1.0.0")).assert(&["$1 = items::Item {"]);
}

#[test]
fn values_of_rusts_library_are_shown() {
    let built = Built::new("values.rs", &[]);
    let sysroot = tools::tool("rust/usr");
    let rustc = built.place.script(
        "rustc",
        &format!(
            "LD_LIBRARY_PATH={0}/lib/x86_64-linux-gnu exec {0}/bin/rustc --sysroot {0} \"$@\"",
            sysroot.display()
        ),
    );
    let commands = [
        "break values::look",
        "continue",
        "p stock.counts",
        "p stock.seen",
        "p stock.prices",
        "p stock.queue",
        "p stock.total",
        "p stock.tries",
        "p stock.label",
        "p stock.nothing",
        "p stock.lengths",
        "next",
        "info locals",
        "tbreak values.rs:47",
        "continue",
        "bt 3",
        "info locals",
        "tbreak values.rs:48",
        "continue",
        "p length + more",
        "continue",
    ];
    let mut arguments = vec!["debug", "--batch"];
    for line in commands {
        arguments.extend(["--ex", line]);
    }
    arguments.push("app.wasm");
    let mut command = command(&built.place, &arguments);
    let ended = Ended::new(command.env("RUSTC", &rustc).output().unwrap());
    built.place.assert_clean();
    let transcript = Transcript::new(&ended);
    transcript.assert(&[
        "Breakpoint 1, values::look (stock=0x",
        "$1 = HashMap(size=2) = {[",
        "$2 = HashSet(size=1) = {7}\n",
        "$3 = BTreeMap(size=20) = {[1] = \"some\", [2] = \"some\", ",
        ", [20] = \"some\"}\n",
        "$4 = VecDeque(size=3) = {1, 2, 3}\n",
        "$5 = Rc(strong=1, weak=0) = {value = RefCell(borrow=0) = {value = 20, ",
        "$6 = Cell = {value = -1}\n",
        "$7 = core::option::Option<alloc::string::String>::Some(\"stock\")\n",
        "$8 = core::option::Option<alloc::boxed::Box<u32, alloc::alloc::Global>>::None\n",
        "$9 = {values::Length::Exact(2), values::Length::Range{least: 3}, values::Length::Any}\n",
        "counts = 0x",
        // A function that waits: its variables are in what is polled.
        "values::answer::{async_fn#0} () at values.rs:47\n",
        "#0  values::answer::{async_fn#0} () at values.rs:47\n",
        "length = 5\nrequest = \"GET /\"\n",
        "async_fn#0} () at values.rs:48\n",
        "$10 = 10\n",
        "exited with code 07]",
    ]);
    // In the order of the map, which is another each time.
    for pair in ["[\"pen\"] = 3", "[\"cup\"] = 4"] {
        assert!(transcript.text.contains(pair), "{}", transcript.text);
    }
}

#[test]
fn texts_and_lists_of_cpp_are_shown() {
    let built = Built::new("texts.cpp", &["-O0"]);
    let commands = [
        "break texts.cpp:7",
        "continue",
        "info args",
        "up",
        "p none",
        // What it gives back goes where its first argument says.
        "p named(0)",
    ];
    let transcript = built.session(&[], &commands);
    transcript.assert(&[
        "name = \"pair\"\n",
        "names = vector of 2 = {\"pair\", \"a text that is too long to be kept inside\"}\n",
        "$1 = vector of 0\n",
    ]);
    let words = "Cannot call the function 'named(char const*)' which does not follow";
    assert!(transcript.errors.contains(words), "{}", transcript.errors);
}

#[test]
fn zig_is_debugged_by_its_source() {
    let built = Built::new("records.zig", &[]);
    let commands = [
        "tbreak records.total",
        "continue",
        "info args",
        "break records.zig:25",
        "continue",
        "bt",
        "info args",
        "info locals",
        "up",
        "info locals",
        "p *records[1].next",
        "p records[1].name.ptr[0]@3",
        "p 'records.calls'",
        "down",
        "set var sum = 1",
        "delete",
        "tbreak records.area",
        "continue",
        "info args",
        "finish",
        "watch -l 'records.calls'",
        "continue",
    ];
    built.session(&[], &commands).assert(&[
        // The arguments are there.
        "Temporary breakpoint 1, records.total (records=..., limit=100) at records.zig:2",
        "records = {ptr = 0x",
        ", len = 2}\nlimit = 100\n",
        "Breakpoint 2, records.total (records=..., limit=100) at records.zig:25\n",
        "#0  records.total (records=..., limit=100) at records.zig:25\n",
        " in records.main () at records.zig:38\n",
        "records = {ptr = 0x",
        ", len = 2}\nlimit = 100\n",
        "record = {name = {ptr = 0x",
        " \"pen\", len = 3}, count = 3, shape = {",
        "tag = circle}, next = 0x0}\npart = 6\nsum = 0\n",
        " in records.main () at records.zig:38\n",
        "records = {{name = ",
        "count = 4, shape = {",
        "tag = square}, next = 0x",
        "$1 = {name = {ptr = 0x",
        " \"pen\", len = 3}, count = 3,",
        "$2 = \"cup\"\n",
        "$3 = 1\n",
        "Temporary breakpoint 3",
        "records.area (shape=...) at records.zig:15",
        "tag = square}\n",
        "Value returned is $4 = 4\n",
        "Hardware watchpoint 4: -location 'records.calls'\n",
        // What was set is what the program went on with: 1 more than it would have been.
        "exited with code 010]",
    ]);
}

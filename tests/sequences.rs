//! Generated sequences of calls on files do under `mewz run` what they do under wasmtime, and in memory what they do in a
//! folder of the host.
//!
//! `tests/wasi/sequence.c` makes the calls that a list names. What engines differ in is either left out of the list that
//! wasmtime gets ([`Calls::Common`]) or a rule with its reason ([`RULES`]); docs/wasi.md says the same to people.
//!
//!     cargo test --test sequences                                            always the same sequences
//!     MEWZ_SEQUENCES=1000..2000 cargo test --test sequences -- --nocapture   any others
//!
//! `scripts/test-tools` installs the compiler and the engine.

mod invoke;
mod tools;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use invoke::{Ended, Place};
use tools::{build_c, tool};

/// Sequences of a run, and calls of each.
const SEQUENCES: Range<u64> = 0..120;
const CALLS: usize = 70;

/// A difference that is meant: the calls, our answer and the other's, where `!` is any errno, and the reason.
type Rule = (&'static str, &'static str, &'static str, &'static str);

/// Beside wasmtime.
const RULES: &[Rule] = &[
    (
        "open mkdir rmdir unlink rename link symlink readlink pathstat pathtimes list",
        "!",
        "BADF",
        "what is no directory is NOTDIR, as on Linux, and is asked for in the order of the parameters",
    ),
    (
        "open",
        "INVAL",
        "!",
        "flags that can't stand together are looked at first",
    ),
    (
        "open",
        "LOOP",
        "ISDIR",
        "a loop of links is told of before the slash at the end of one of them",
    ),
    (
        "sync datasync setflags",
        "ok",
        "BADF",
        "directories can be synced and have flags, as on Linux",
    ),
    (
        "pathtimes",
        "!",
        "ok",
        "the path is looked at where no time is to be set, too",
    ),
    (
        "rename link",
        "NOENT",
        "!",
        "where both paths are wrong, the first is told of",
    ),
    ("rename link", "NAMETOOLONG", "!", "the same"),
    ("rename link", "!", "NOENT", "the same"),
    ("rename link", "!", "NAMETOOLONG", "the same"),
    (
        "rename",
        "BUSY",
        "!",
        "a directory without a name of its own can't be renamed, whatever the other path",
    ),
    (
        "symlink",
        "!",
        "PERM",
        "that an absolute target is refused is told when the place is good",
    ),
    (
        "link symlink",
        "EXIST",
        "!",
        "a name with a slash behind it that is there is there, as on Linux",
    ),
    ("unlink", "NOTDIR", "NOENT", "the same"),
];

/// In memory, beside a folder of the host: none.
const RULES_OF_MEMORY: &[Rule] = &[];

#[test]
fn calls_answer_as_under_wasmtime() {
    let place = place();
    let list = list(Calls::Common);
    let ours = run(
        &place,
        &["run", "--dir", "folder::/", "sequence.wasm"],
        &list,
    );
    fs::rename(place.path("folder"), place.path("ours")).unwrap();
    fs::create_dir(place.path("folder")).unwrap();
    let mut engine = Command::new(tool("python/bin/python"));
    engine
        .arg(source("tests/programs/engine.py"))
        .args(["--dir", "folder::/", "sequence.wasm"])
        .current_dir(place.path(""));
    let theirs = feed(engine, &list);
    compare("mewz", &ours, "wasmtime", &theirs, RULES);
    let left = ["ours", "folder"].map(|folder| tree(&place.path(folder)));
    assert!(left[0] == left[1], "what is left on the host differs");
}

#[test]
fn calls_answer_in_memory_as_on_the_host() {
    let place = place();
    let list = list(Calls::All);
    let host = run(
        &place,
        &["run", "--dir", "folder::/", "sequence.wasm"],
        &list,
    );
    let memory = run(&place, &["run", "--tmp", "/", "sequence.wasm"], &list);
    compare("memory", &memory, "host", &host, RULES_OF_MEMORY);
}

/// What a list may hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Calls {
    /// What engines agree on, rules aside.
    Common,
    /// All that there is.
    All,
}

/// The calls of all sequences, one a line.
fn list(calls: Calls) -> String {
    let range = match std::env::var("MEWZ_SEQUENCES") {
        Ok(range) => {
            let (from, to) = range.split_once("..").expect("FROM..TO");
            from.parse().unwrap()..to.parse().unwrap()
        }
        Err(_) => SEQUENCES,
    };
    let mut list = String::new();
    for seed in range {
        let mut generator = Generator {
            // Splitmix64 of the seed: neighbours must not begin alike.
            state: (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15),
            calls,
        };
        writeln!(list, "begin s{seed}").unwrap();
        for call in ["mkdir b d", "mkdir b d/e", "open 0 b f 0 1 ALL 0"] {
            writeln!(list, "{}", call.replace("ALL", ALL)).unwrap();
        }
        for _ in 0..CALLS {
            writeln!(list, "{}", generator.call()).unwrap();
        }
        list.push_str("list b 4096\nend\n");
    }
    list
}

/// All rights, all but the one to write, all but the one to read. Other engines know no more of them.
const ALL: &str = "0x3fffffff";
const READ_ONLY: &str = "0x3fffffbf";
const WRITE_ONLY: &str = "0x3ffffffd";

struct Generator {
    state: u64,
    calls: Calls,
}

impl Generator {
    fn random(&mut self) -> u64 {
        // xorshift64*, Vigna 2016.
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    fn one_of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.random() as usize % choices.len()]
    }

    fn chance(&mut self, of_hundred: u64) -> bool {
        self.random() % 100 < of_hundred
    }

    /// A name, or some on the way to one.
    fn path(&mut self) -> String {
        const NAMES: &[&str] = &["f", "g", "h", "d", "e", "l", "m"];
        let mut path = self.one_of(NAMES).to_owned();
        while self.chance(30) {
            let between = match self.random() % 20 {
                0 => "//",
                1 => "/./",
                2 => "/../",
                _ => "/",
            };
            path = format!("{path}{between}{}", self.one_of(NAMES));
        }
        match self.random() % 60 {
            0 => "@".into(),
            1 => ".".into(),
            2 => "..".into(),
            3 => format!("../{path}"),
            4 => format!("/{path}"),
            5 | 6 => format!("{path}/"),
            7 => format!("{path}/."),
            8 => format!("{path}/.."),
            9 => format!("{}{path}", "x".repeat(255)),
            _ => path,
        }
    }

    fn slot(&mut self) -> u64 {
        self.random() % 4
    }

    /// The folder of the sequence, or whatever a slot holds.
    fn folder(&mut self) -> String {
        match self.random() % 8 {
            0 => self.slot().to_string(),
            _ => "b".into(),
        }
    }

    fn any(&mut self) -> String {
        match self.random() % 12 {
            0 => "b".into(),
            _ => self.slot().to_string(),
        }
    }

    fn offset(&mut self) -> String {
        match self.random() % 12 {
            0 => "0".into(),
            1 => (1_u64 << 33).to_string(),
            2 => (self.random() % 100_000).to_string(),
            3 => i64::MAX.to_string(),
            _ => (self.random() % 40).to_string(),
        }
    }

    /// One of so many choices; among all calls, one that there is not, for which other engines end the program.
    fn choice(&mut self, count: u64) -> u64 {
        self.random() % (count + u64::from(self.calls == Calls::All))
    }

    /// An offset at which nobody minds a few bytes.
    fn near_offset(&mut self) -> u64 {
        match self.random() % 6 {
            0 => self.random() % 100_000,
            _ => self.random() % 40,
        }
    }

    fn text(&mut self) -> String {
        const TEXTS: &[&str] = &[
            "@",
            "a",
            "bcd",
            "0123456789",
            "300*ab",
            "4097*x",
            "7000*0123456",
        ];
        self.one_of(TEXTS).into()
    }

    fn count(&mut self) -> &'static str {
        self.one_of(&["0", "1", "7", "100", "5000", "70000"])
    }

    fn time(&mut self) -> u64 {
        match self.random() % 4 {
            0 => 0,
            // What every file system can keep: whole seconds.
            _ => self.random() % 900_000_000 * 1_000_000_000,
        }
    }

    fn open(&mut self) -> String {
        let oflags = match self.random() % 10 {
            0..4 => 0,
            4..6 => 1,
            6 => 1 | 8,
            7 => 1 | 4,
            8 => 2,
            _ => self.random() % 16,
        };
        let rights = match self.random() % 6 {
            0 => READ_ONLY,
            1 => WRITE_ONLY,
            2 if self.calls == Calls::All => {
                self.one_of(&["0x2", "0x42", "0", "0x8e001ff", "0x3fffffff"])
            }
            _ => ALL,
        };
        // Other engines write through what was made or cut without the right to write.
        let is_made = oflags & (1 | 8) != 0 && self.calls == Calls::Common;
        let rights = if is_made { ALL } else { rights };
        // Directories are opened without the right to write.
        let rights = if oflags & 2 != 0 { READ_ONLY } else { rights };
        let fdflags = if self.chance(15) { 1 } else { 0 };
        let (slot, folder, path) = (self.slot(), self.folder(), self.path());
        let lookup = u64::from(self.chance(70));
        format!("open {slot} {folder} {path} {lookup} {oflags} {rights} {fdflags}")
    }

    fn rmdir(&mut self) -> String {
        let (folder, path) = (self.folder(), self.path());
        // Other engines refuse to take away what has a slash behind it, whatever it is.
        let path = match self.calls {
            Calls::Common if path.len() > 1 => path.trim_end_matches('/'),
            _ => &path,
        };
        format!("rmdir {folder} {path}")
    }

    fn call(&mut self) -> String {
        match self.random() % 100 {
            0..18 => self.open(),
            18..21 => format!("close {}", self.slot()),
            21..23 => format!("renumber {} {}", self.slot(), self.slot()),
            23..28 => format!("mkdir {} {}", self.folder(), self.path()),
            28..31 => self.rmdir(),
            31..35 => format!("unlink {} {}", self.folder(), self.path()),
            35..42 => {
                let (from, to) = (self.folder(), self.folder());
                format!("rename {from} {} {to} {}", self.path(), self.path())
            }
            42..46 => format!("symlink {} {} {}", self.path(), self.folder(), self.path()),
            46..50 => {
                let (from, to) = (self.folder(), self.folder());
                let follow = u64::from(self.calls == Calls::All && self.chance(30));
                format!("link {from} {} {follow} {to} {}", self.path(), self.path())
            }
            50..53 => format!(
                "readlink {} {} {}",
                self.folder(),
                self.path(),
                self.count()
            ),
            53..62 => format!("write {} {}", self.any(), self.text()),
            62..66 => format!(
                "pwrite {} {} {}",
                self.any(),
                self.near_offset(),
                self.text()
            ),
            66..71 => format!("read {} {}", self.any(), self.count()),
            71..74 => format!("pread {} {} {}", self.any(), self.offset(), self.count()),
            74..78 => {
                let by = match self.random() % 4 {
                    0 => format!("-{}", self.random() % 10),
                    _ => self.near_offset().to_string(),
                };
                format!("seek {} {by} {}", self.any(), self.choice(3))
            }
            78 => format!("tell {}", self.any()),
            79..82 => format!("size {} {}", self.any(), self.near_offset()),
            82 if self.calls == Calls::All => {
                format!(
                    "allocate {} {} {}",
                    self.any(),
                    self.near_offset(),
                    self.near_offset()
                )
            }
            83 => {
                let (offset, len) = (self.near_offset(), self.near_offset());
                format!("advise {} {offset} {len} {}", self.any(), self.choice(6))
            }
            84 => format!("{} {}", self.one_of(&["sync", "datasync"]), self.any()),
            85..88 => format!("stat {}", self.any()),
            88..92 => format!(
                "pathstat {} {} {}",
                self.folder(),
                self.path(),
                self.random() % 2
            ),
            92 => {
                let (read, written) = (self.time(), self.time());
                format!(
                    "times {} {read} {written} {}",
                    self.any(),
                    self.random() % 16
                )
            }
            93 => {
                let (folder, path, follow) = (self.folder(), self.path(), self.random() % 2);
                let (read, written) = (self.time(), self.time());
                format!(
                    "pathtimes {folder} {path} {follow} {read} {written} {}",
                    self.random() % 16
                )
            }
            94..97 => {
                let room = self.one_of(&["300", "4096", "70000"]);
                format!("list {} {room}", self.any())
            }
            97 => format!("fdstat {}", self.any()),
            98 => format!(
                "setflags {} {}",
                self.any(),
                self.one_of(&["0", "1", "4", "5"])
            ),
            _ if self.calls == Calls::All => match self.random() % 2 {
                0 => format!("rights {}", self.any()),
                _ => format!(
                    "setrights {} {:#x} {:#x}",
                    self.any(),
                    self.random(),
                    self.random()
                ),
            },
            _ => format!("stat {}", self.any()),
        }
    }
}

/// Compares line by line; tells each kind of difference once.
#[track_caller]
fn compare(our_name: &str, ours: &str, their_name: &str, theirs: &str, rules: &[Rule]) {
    let mut wrong = BTreeMap::<_, (u32, String)>::new();
    let mut sequence = "";
    for (our, their) in ours.lines().zip(theirs.lines()) {
        if our.starts_with("begin ") {
            sequence = our;
        }
        if our == their {
            continue;
        }
        let answer = |line: &str| {
            let (_, answer) = line.rsplit_once("->").unwrap_or_default();
            answer.trim().to_owned()
        };
        let kind = our.split(' ').next().unwrap_or_default();
        let (our_answer, their_answer) = (answer(our), answer(their));
        let is_rule = |(calls, our, their, _): &Rule| {
            let is = |rule: &str, answer: &str| match rule {
                "!" => !answer.ends_with("ok"),
                rule => rule == answer,
            };
            calls.split(' ').any(|call| call == kind)
                && is(our, &our_answer)
                && is(their, &their_answer)
        };
        if !rules.iter().any(is_rule) {
            let first = format!("{sequence}\n  {our_name}: {our}\n  {their_name}: {their}");
            let found = wrong.entry((kind, our_answer, their_answer));
            found.or_insert((0, first)).0 += 1;
        }
    }
    let mut told = String::new();
    for (count, first) in wrong.values() {
        writeln!(told, "{count} like {first}").unwrap();
    }
    assert!(wrong.is_empty(), "answers differ:\n{told}");
    assert_eq!(ours.lines().count(), theirs.lines().count());
}

/// A place with the program and an empty folder.
fn place() -> Place {
    let place = Place::new();
    fs::create_dir(place.path("folder")).unwrap();
    let wasm = place.path("sequence.wasm");
    build_c("wasi/sequence.c", &["-O1"], &wasm);
    place
}

fn run(place: &Place, arguments: &[&str], list: &str) -> String {
    let ended = place.run_with(arguments, list.as_bytes());
    answers(ended)
}

fn feed(mut command: Command, list: &str) -> String {
    use std::io::Write as _;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let list = list.as_bytes().to_vec();
    let writer = std::thread::spawn(move || drop(pipe.write_all(&list)));
    let ended = Ended::new(child.wait_with_output().unwrap());
    writer.join().unwrap();
    answers(ended)
}

fn answers(ended: Ended) -> String {
    assert_eq!((ended.status, &ended.stderr[..]), (0, ""));
    String::from_utf8(ended.stdout).unwrap()
}

/// All files and links below a folder, with their contents.
fn tree(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found: Vec<_> = invoke::files(folder)
        .into_iter()
        .map(|path| {
            let metadata = fs::symlink_metadata(&path).unwrap();
            let content = match metadata.is_symlink() {
                true => fs::read_link(&path)
                    .unwrap()
                    .into_os_string()
                    .into_encoded_bytes(),
                // A file with a hole of gigabytes is known by its length.
                false if metadata.len() > 1 << 20 => metadata.len().to_le_bytes().to_vec(),
                false => fs::read(&path).unwrap(),
            };
            (path.strip_prefix(folder).unwrap().to_owned(), content)
        })
        .collect();
    found.sort();
    found
}

fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

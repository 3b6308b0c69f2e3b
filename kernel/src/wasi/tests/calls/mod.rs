//! Every call there is, with right arguments and with wrong ones.
//!
//! A [`Subject`] says what each parameter of a call is; from that follow the ways in which it can be wrong, which are all
//! tried: descriptors that are not open, of other kinds or without a right; pointers and lengths beyond linear memory; paths
//! that are empty, too long, not UTF-8, lead out or nowhere; numbers without a meaning. What else a call refuses is its
//! own. A call that fails has stored nothing.

mod descriptors;
mod paths;
mod process;
mod sockets;

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::machine::{ALL, Exited, MEMORY_BYTES, Machine, READ, WRITE};
use crate::fs::errno::Errno;
use crate::wasi::exports::{Call, PARAMETERS_MAX, SYMBOLS};

/// A listener, and the folders `/`, `/ro` and `/tmp`, as [`machine`] has them.
const LISTENER: u64 = 3;
const FOLDER: u64 = 4;
const READ_ONLY: u64 = 5;
const MEMORY: u64 = 6;

/// Where results go, those of two words' length behind each other.
const OUT: u64 = 64;
const OUT_2: u64 = 72;

/// Where the first path is put, and the second.
const PATH: u64 = 0x400;
const PATH_2: u64 = 0x2400;

/// Where ranges are put, and what they point to.
const RANGES: u64 = 0x5000;
const BYTES: u64 = 0x10000;

const END: u64 = MEMORY_BYTES as u64;

/// A call, what is right for it and what is wrong.
struct Subject {
    call: Call,
    /// What its parameters are, in order.
    roles: &'static [Role],
    /// Prepares the machine; the arguments of a call that succeeds.
    right: fn(&mut Machine) -> Vec<u64>,
    /// Looks at what that call left behind.
    check: fn(&mut Machine, &[u64]),
    /// What is wrong beside what follows from the roles.
    wrong: &'static [Wrong],
}

/// Prepares the machine and arguments that were right; what the call then answers.
type Wrong = (&'static str, fn(&mut Machine, &mut Vec<u64>), Errno);

/// What a parameter is, or two of them.
enum Role {
    /// A descriptor: rights each of which it must have, and what is answered without; kinds that will not do.
    Descriptor(&'static [(u64, Errno)], &'static [(Kind, Errno)]),
    /// A pointer to so many bytes.
    Pointer(u64),
    /// A pointer and a length.
    Buffer,
    /// A pointer and a count of ranges.
    Ranges,
    /// A pointer and a length of a path that starts at a descriptor.
    Path,
    /// A pointer and a length of the target of a link.
    Target,
    /// A number, and those that have no meaning.
    Number(&'static [u64], Errno),
    /// Any number will do.
    Any,
}

/// What a descriptor may stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Input,
    Output,
    File,
    Folder,
    Listener,
    /// A socket that is neither connected nor listens.
    Idle,
    Datagrams,
}

impl Role {
    fn parameters(&self) -> usize {
        match self {
            Role::Buffer | Role::Ranges | Role::Path | Role::Target => 2,
            _ => 1,
        }
    }
}

/// All of them, by what they are about.
fn subjects() -> impl Iterator<Item = &'static Subject> {
    [descriptors::SUBJECTS, paths::SUBJECTS, process::SUBJECTS]
        .into_iter()
        .chain(sockets::SUBJECTS)
        .flatten()
}

/// A machine with a folder of files, and another machine on its wire.
fn machine() -> Machine {
    let machine = Machine::with_peer();
    machine.server.put_file("f", b"content");
    machine.server.put_directory("d");
    machine.server.put_file("d/f", b"inner");
    machine.server.put_directory("empty");
    machine.server.put_link("l", "f");
    machine
}

impl Machine {
    /// A descriptor of this kind, with all rights that it can have.
    fn descriptor(&mut self, kind: Kind) -> u64 {
        let socket = |machine: &mut Self, kind| {
            assert_eq!(machine.call(Call::sock_open, &[1, kind, OUT]), 0);
            u64::from(machine.u32(OUT as u32))
        };
        match kind {
            Kind::Input => 0,
            Kind::Output => 1,
            Kind::File => self.open(FOLDER, "f", 0, ALL, 0).unwrap(),
            Kind::Folder => self.open(FOLDER, "d", 0, ALL & !WRITE, 0).unwrap(),
            Kind::Listener => LISTENER,
            Kind::Idle => socket(self, 2),
            Kind::Datagrams => socket(self, 1),
        }
    }

    /// Takes rights from a descriptor.
    fn drop_rights(&mut self, fd: u64, rights: u64) {
        assert_eq!(self.call(Call::fd_fdstat_get, &[fd, OUT]), 0);
        let [has, inheriting] = [OUT + 8, OUT + 16].map(|at| self.u64(at as u32));
        assert_eq!(has & rights, rights, "it does not have the right");
        let arguments = [fd, has & !rights, inheriting];
        assert_eq!(self.call(Call::fd_fdstat_set_rights, &arguments), 0);
    }

    fn put_text(&mut self, at: u64, text: &str) -> [u64; 2] {
        self.put(at as u32, text.as_bytes());
        [at, text.len() as u64]
    }

    /// Stores words behind each other.
    fn put_words(&mut self, at: u64, words: &[u64]) {
        let bytes: Vec<u8> = words
            .iter()
            .flat_map(|word| (*word as u32).to_le_bytes())
            .collect();
        self.put(at as u32, &bytes);
    }

    /// One range of `len` bytes.
    fn put_range(&mut self, len: u64) -> [u64; 2] {
        self.put_words(RANGES, &[BYTES, len]);
        [RANGES, 1]
    }

    fn word(&self, at: u64) -> u64 {
        self.u32(at as u32).into()
    }
}

/// The letters of a call's parameters.
fn letters(call: Call) -> &'static str {
    let (symbol, _) = SYMBOLS.iter().find(|(_, other)| *other == call).unwrap();
    symbol.split('$').nth(2).unwrap()
}

/// How a call ended.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Errno(u32),
    Exit(u32),
    Panic,
}

/// Calls with noise where a parameter of 32 bits has none.
fn call(machine: &mut Machine, call: Call, arguments: &[u64]) -> Answer {
    const NOISE: u64 = 0xdead_beef_0000_0000;
    let noisy = letters(call).chars().zip(arguments);
    let arguments: Vec<u64> = noisy
        .map(|(letter, argument)| match letter {
            'i' => argument & 0xffff_ffff | NOISE,
            _ => *argument,
        })
        .collect();
    match catch_unwind(AssertUnwindSafe(|| machine.call(call, &arguments))) {
        Ok(errno) => Answer::Errno(errno),
        Err(thrown) => match thrown.downcast_ref() {
            Some(Exited(status)) => Answer::Exit(*status),
            None => Answer::Panic,
        },
    }
}

/// Wrong calls that were made, and what was wrong with their answers.
#[derive(Default)]
struct Tally {
    count: usize,
    problems: Vec<String>,
}

impl Tally {
    /// Calls with arguments that were right and are changed by `change`.
    fn check(
        &mut self,
        subject: &Subject,
        what: &str,
        change: impl FnOnce(&mut Machine, &mut Vec<u64>),
        errno: Errno,
    ) {
        self.count += 1;
        let mut machine = machine();
        let mut arguments = (subject.right)(&mut machine);
        change(&mut machine, &mut arguments);
        let before = machine.memory.0.clone();
        let answer = call(&mut machine, subject.call, &arguments);
        let name = subject.call.name();
        if answer != Answer::Errno(errno.number().into()) {
            self.problems.push(format!(
                "{name}, {what}: {answer:?} instead of {errno:?}: {arguments:x?}"
            ));
        }
        let changed = before
            .iter()
            .zip(&machine.memory.0)
            .position(|(a, b)| a != b);
        if let Some(at) = changed {
            self.problems
                .push(format!("{name}, {what}: it failed and stored at {at:x}"));
        }
    }

    /// Tries every way in which an argument can be wrong.
    fn check_role(&mut self, subject: &Subject, role: &Role, at: usize) {
        let mut set = |what: &str, values: &[(usize, u64)], errno| {
            let change = |_: &mut Machine, arguments: &mut Vec<u64>| {
                for (place, value) in values {
                    arguments[at + place] = *value;
                }
            };
            self.check(subject, &format!("parameter {at}, {what}"), change, errno);
        };
        match role {
            Role::Any => {}
            Role::Number(wrong, errno) => {
                for number in *wrong {
                    set(&format!("number {number:x}"), &[(0, *number)], *errno);
                }
            }
            Role::Pointer(bytes) => {
                for pointer in beyond(*bytes) {
                    set("pointer", &[(0, pointer)], Errno::Fault);
                }
            }
            Role::Buffer => {
                for pointer in beyond(1) {
                    set("buffer", &[(0, pointer), (1, 1 << 12)], Errno::Fault);
                }
                for len in [END, 0x8000_0000, 0xffff_ffff] {
                    set("length", &[(1, len)], Errno::Fault);
                }
            }
            Role::Ranges => {
                for pointer in beyond(8) {
                    set("ranges", &[(0, pointer)], Errno::Fault);
                }
                for count in [END / 8, 0x2000_0000, 0x2000_0001, 0xffff_ffff] {
                    set("count", &[(1, count)], Errno::Fault);
                }
                for [pointer, len] in [
                    [END - 1, 2],
                    [0xffff_ffff, 1],
                    [BYTES, END],
                    [8, 0xffff_ffff],
                ] {
                    let change = move |machine: &mut Machine, arguments: &mut Vec<u64>| {
                        // Behind one that is right.
                        machine.put_words(RANGES, &[BYTES, 1, pointer, len]);
                        arguments[at] = RANGES;
                        arguments[at + 1] = 2;
                    };
                    self.check(subject, "a range", change, Errno::Fault);
                }
            }
            Role::Path | Role::Target => self.check_text(subject, at, matches!(role, Role::Path)),
            Role::Descriptor(rights, kinds) => {
                for fd in [4095, 4096, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff] {
                    set("closed", &[(0, fd)], Errno::Badf);
                }
                for (right, errno) in *rights {
                    let change = |machine: &mut Machine, arguments: &mut Vec<u64>| {
                        machine.drop_rights(arguments[at], *right);
                    };
                    self.check(subject, &format!("right {right:x}"), change, *errno);
                }
                for (kind, errno) in *kinds {
                    let change = |machine: &mut Machine, arguments: &mut Vec<u64>| {
                        arguments[at] = machine.descriptor(*kind);
                    };
                    self.check(subject, &format!("{kind:?}"), change, *errno);
                }
            }
        }
    }

    /// A path, which leads somewhere, or the target of a link, which need not.
    fn check_text(&mut self, subject: &Subject, at: usize, is_path: bool) {
        let long = "x/".repeat(2049);
        let mut texts = vec![
            (long.as_bytes(), Errno::Nametoolong),
            (&b"x\xff"[..], Errno::Ilseq),
            (b"\xed\xa0\x80", Errno::Ilseq),
            (b"x\0y", Errno::Inval),
        ];
        if is_path {
            texts.extend([
                (&b""[..], Errno::Noent),
                (b"../f", Errno::Notcapable),
                (b"d/../../f", Errno::Notcapable),
                (b"/f", Errno::Notcapable),
                (b"nowhere/f", Errno::Noent),
                (b"f/x", Errno::Notdir),
            ]);
        }
        for (text, errno) in &texts {
            let change = |machine: &mut Machine, arguments: &mut Vec<u64>| {
                machine.put(PATH_2 as u32, text);
                arguments[at] = PATH_2;
                arguments[at + 1] = text.len() as u64;
            };
            let what = String::from_utf8_lossy(&text[..text.len().min(9)]);
            self.check(subject, &what, change, *errno);
        }
        let places = [
            [END - 1, 2],
            [END, 1],
            [0xffff_ffff, 1],
            [0xffff_ffff, 0xffff_ffff],
            [PATH, 0xffff_ffff],
            [PATH, 0x8000_0000],
        ];
        for place in places {
            let change = |_: &mut Machine, arguments: &mut Vec<u64>| {
                arguments[at..at + 2].copy_from_slice(&place);
            };
            self.check(subject, "a path beyond memory", change, Errno::Fault);
        }
    }
}

/// Pointers at which so many bytes do not lie in memory.
fn beyond(bytes: u64) -> [u64; 5] {
    [
        END + 1 - bytes,
        END,
        0x8000_0000,
        0xffff_ffff,
        (1 << 32) - bytes,
    ]
}

#[test]
fn every_call_takes_what_is_right() {
    let mut wrong = Vec::new();
    for subject in subjects() {
        for odd in [0, 1] {
            let checked = catch_unwind(|| check_right(subject, odd));
            wrong.extend(checked.is_err().then(|| subject.call.name()));
        }
    }
    assert!(wrong.is_empty(), "see above: {wrong:?}");
}

/// Makes the right call, with pointers that are `odd` bytes further on: they need not be aligned.
fn check_right(subject: &Subject, odd: u64) {
    let mut machine = machine();
    let mut arguments = (subject.right)(&mut machine);
    let mut at = 0;
    for role in subject.roles {
        if let Role::Pointer(bytes) = role {
            let moved = machine.bytes(arguments[at] as u32, *bytes as usize);
            let moved = moved.to_vec();
            arguments[at] += odd;
            machine.put(arguments[at] as u32, &moved);
        }
        at += role.parameters();
    }
    let ended = match subject.call {
        Call::proc_exit => Answer::Exit(arguments[0] as u32),
        _ => Answer::Errno(0),
    };
    let answer = call(&mut machine, subject.call, &arguments);
    assert_eq!(answer, ended, "{}: {arguments:x?}", subject.call.name());
    (subject.check)(&mut machine, &arguments);
}

#[test]
fn every_call_refuses_what_is_wrong() {
    let mut tally = Tally::default();
    for subject in subjects() {
        let before = tally.count;
        let mut at = 0;
        for role in subject.roles {
            tally.check_role(subject, role, at);
            at += role.parameters();
        }
        for (what, change, errno) in subject.wrong {
            tally.check(subject, what, change, *errno);
        }
        // Nothing is wrong for these: no parameters, and any status.
        let can_be_wrong = !matches!(subject.call, Call::sched_yield | Call::proc_exit);
        let name = subject.call.name();
        assert_eq!(tally.count > before, can_be_wrong, "{name}");
    }
    let Tally { count, problems } = tally;
    assert!(
        problems.is_empty(),
        "of {count} calls:\n{}",
        problems.join("\n")
    );
    println!("{count} wrong calls");
}

#[test]
fn every_call_is_a_subject_with_all_its_parameters() {
    for one in Call::ALL {
        let about: Vec<_> = subjects().filter(|subject| subject.call == *one).collect();
        assert_eq!(about.len(), 1, "{}", one.name());
        let parameters: usize = about[0].roles.iter().map(Role::parameters).sum();
        assert_eq!(parameters, letters(*one).len(), "{}", one.name());
        assert!(parameters <= PARAMETERS_MAX);
        let arguments = (about[0].right)(&mut machine());
        assert_eq!(arguments.len(), parameters, "{}", one.name());
    }
}

/// Reads a file of the machine's folder by its own means.
fn content(machine: &mut Machine, path: &str) -> Vec<u8> {
    let fd = machine.open(FOLDER, path, 0, READ, 0).unwrap();
    machine.read(fd, 4096).unwrap()
}

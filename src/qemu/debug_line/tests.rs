//! A machine and a debugger that the tests play, with the relay between them.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::{ENDED, Server, Successor, View};
use crate::qemu::debug_session::Attention;
use crate::qemu::entrance::Entrance;
use crate::qemu::output::Output;
use crate::qemu::packets::{framed, hex};

/// Nothing that is waited for takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn debuggers_come_and_go_and_the_line_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("line");
    let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = tcp.local_addr().unwrap().port();
    let entrances = vec![
        Entrance::Unix(UnixListener::bind(&path).unwrap()),
        Entrance::Tcp(tcp),
    ];
    let (mut machine, line) = UnixStream::pair().unwrap();
    let server = Server::start(line, entrances, None).unwrap();
    // Nobody is there: dropped.
    machine.write_all(b"early").unwrap();
    for _ in 0..2 {
        let mut debugger = UnixStream::connect(&path).unwrap();
        talk(&mut machine, &mut debugger);
    }
    let mut debugger = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    talk(&mut machine, &mut debugger);
    drop((machine, server));
    assert_eq!(debugger.read(&mut [0]).unwrap(), 0);
}

#[test]
fn a_machines_last_words_are_heard() {
    for _ in 0..100 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("line");
        let entrances = vec![Entrance::Unix(UnixListener::bind(&path).unwrap())];
        let (mut machine, line) = UnixStream::pair().unwrap();
        let server = Server::start(line, entrances, None).unwrap();
        let mut debugger = UnixStream::connect(&path).unwrap();
        talk(&mut machine, &mut debugger);
        machine.write_all(b"bye").unwrap();
        drop((machine, server));
        debugger.set_nonblocking(true).unwrap();
        let mut words = [0; 3];
        debugger.read_exact(&mut words).unwrap();
        assert_eq!(&words, b"bye");
    }
}

/// A line that goes from machine to machine, with a debugger on it.
struct Led {
    server: Server,
    debugger: UnixStream,
    views: Receiver<View>,
    _folder: tempfile::TempDir,
}

impl Led {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("line");
        let entrances = vec![Entrance::Unix(UnixListener::bind(&path).unwrap())];
        let (sender, views) = channel();
        let watcher = Box::new(move |view| sender.send(view).unwrap_or(()));
        Self {
            server: Server::of_successors(entrances, watcher).unwrap(),
            debugger: patient(UnixStream::connect(&path).unwrap()),
            views,
            _folder: folder,
        }
    }

    /// Brings a machine; its end of the line.
    fn bring(&self, machine: u64, waits: bool) -> UnixStream {
        let (theirs, line) = UnixStream::pair().unwrap();
        self.server.switch(Successor {
            machine,
            line,
            image: Some(format!("/{machine}").into()),
            waits,
        });
        patient(theirs)
    }

    #[track_caller]
    fn expect_view(&self, attention: Attention, machine: u64) {
        let wanted = View {
            attention,
            machine: Some(machine),
        };
        while self.views.recv_timeout(PATIENCE).unwrap() != wanted {}
    }

    /// Begins a session with `machine`, and lets the program run.
    fn begin(&mut self, machine: &mut UnixStream) {
        say(&mut self.debugger, "qSupported:a");
        expect(machine, "$qSupported:a#");
        say(machine, "PacketSize=800");
        expect(&mut self.debugger, "$PacketSize=800;exec-events+#");
        say(&mut self.debugger, "QStartNoAckMode");
        expect(machine, "$QStartNoAckMode#");
        say(machine, "OK");
        expect(&mut self.debugger, "$OK#");
        self.go_on(machine);
    }

    fn go_on(&mut self, machine: &mut UnixStream) {
        say(&mut self.debugger, "vCont;c:1");
        expect(machine, "$vCont;c:1#");
    }
}

#[test]
fn a_debugger_that_leaves_is_there_until_it_is_answered() {
    for answers in [true, false] {
        let mut led = Led::new();
        let mut first = led.bring(1, false);
        led.begin(&mut first);
        led.expect_view(Attention::Running, 1);
        say(&mut first, "T05thread:1;");
        expect(&mut led.debugger, "$T05thread:1;#");
        led.expect_view(Attention::Still, 1);
        say(&mut led.debugger, "D");
        expect(&mut first, "$D#");
        // Whoever ends machines that nobody looks at any more does not end this one yet.
        std::thread::sleep(Duration::from_millis(50));
        assert!(led.views.try_recv().is_err());
        match answers {
            true => say(&mut first, "OK"),
            false => drop(first),
        }
        expect(&mut led.debugger, "$OK#");
        led.expect_view(Attention::Nobody, 1);
    }
}

fn patient(stream: UnixStream) -> UnixStream {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn say(to: &mut UnixStream, body: &str) {
    to.write_all(&framed(body.as_bytes())).unwrap();
}

/// Reads up to a packet's end, its checksum too; fails unless that is what is expected.
#[track_caller]
fn expect(from: &mut UnixStream, expected: &str) {
    let mut text = String::new();
    while !text.ends_with('#') {
        let mut byte = [0];
        from.read_exact(&mut byte).unwrap();
        text.push(char::from(byte[0]));
    }
    from.read_exact(&mut [0; 2]).unwrap();
    assert_eq!(text, expected);
}

/// Answers as a stub does that is told to let go.
#[track_caller]
fn expect_to_be_let_go(machine: &mut UnixStream) {
    expect(machine, "+$D#");
    say(machine, "OK");
}

/// Answers as a stub does that meets a debugger.
#[track_caller]
fn expect_introduction(machine: &mut UnixStream) {
    for (asked, answer) in [
        ("+$qSupported:a#", "PacketSize=800"),
        ("+$QStartNoAckMode#", "OK"),
        ("+$?#", "T05thread:1;"),
    ] {
        expect(machine, asked);
        say(machine, answer);
    }
}

#[test]
fn a_stop_is_told_behind_what_the_program_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("line");
    let entrances = vec![Entrance::Unix(UnixListener::bind(&path).unwrap())];
    let (mut machine, line) = UnixStream::pair().unwrap();
    let (mut guest, mut console) = UnixStream::pair().unwrap();
    let output = Output::new(&console, &Arc::default()).unwrap();
    let _server = Server::start(line, entrances, Some(output)).unwrap();
    let mut debugger = UnixStream::connect(&path).unwrap();
    say(&mut debugger, "vCont;c:1");
    expect(&mut machine, "$vCont;c:1#");
    guest.write_all(b"hello").unwrap();
    say(&mut machine, "T05thread:1;");
    debugger
        .set_read_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    assert!(debugger.read(&mut [0]).is_err());
    console.read_exact(&mut [0; 5]).unwrap();
    let mut debugger = patient(debugger);
    expect(&mut debugger, "$T05thread:1;#");
}

#[test]
fn what_is_asked_again_is_answered_once() {
    let mut led = Led::new();
    let mut machine = led.bring(1, false);
    let again = [&framed(b"qSupported:a")[..], b"-"].concat();
    led.debugger.write_all(&again.repeat(3)).unwrap();
    expect(&mut machine, "$qSupported:a#");
    // What the one before had asked is none of its own.
    say(&mut machine, "OK");
    say(&mut machine, "PacketSize=800");
    expect(&mut led.debugger, "$PacketSize=800;exec-events+#");
    // Neither of them came a second time.
    say(&mut led.debugger, "vMustReplyEmpty");
    expect(&mut machine, "$vMustReplyEmpty#");
    say(&mut machine, "");
    expect(&mut led.debugger, "$#");
    // The same question may be asked again, and a broken answer asked for.
    led.debugger.write_all(b"-").unwrap();
    say(&mut led.debugger, "vMustReplyEmpty");
    expect(&mut machine, "-$vMustReplyEmpty#");
}

#[test]
fn a_debugger_that_lets_the_program_run_is_led_to_the_next() {
    let mut led = Led::new();
    let mut first = led.bring(1, false);
    led.begin(&mut first);
    led.expect_view(Attention::Running, 1);
    let mut second = led.bring(2, true);
    expect_to_be_let_go(&mut first);
    expect_introduction(&mut second);
    expect(&mut led.debugger, "$T05exec:2f32;#");
    led.expect_view(Attention::Still, 2);
    say(&mut led.debugger, "g");
    expect(&mut second, "$g#");
    // One that is killed leaves nothing behind.
    drop(led.debugger);
    expect_to_be_let_go(&mut second);
}

#[test]
fn a_debugger_keeps_the_program_that_it_holds_still() {
    let mut led = Led::new();
    let mut first = led.bring(1, false);
    led.begin(&mut first);
    say(&mut first, "T05thread:1;");
    expect(&mut led.debugger, "$T05thread:1;#");
    led.expect_view(Attention::Still, 1);
    // Meanwhile others come; those that wait for a debugger wait in vain.
    let mut second = led.bring(2, true);
    expect_to_be_let_go(&mut second);
    let mut third = led.bring(3, false);
    say(&mut led.debugger, "m0,1");
    expect(&mut first, "$m0,1#");
    say(&mut first, "00");
    expect(&mut led.debugger, "$00#");
    say(&mut led.debugger, "vCont;c:1");
    expect_to_be_let_go(&mut first);
    expect_introduction(&mut third);
    expect(&mut led.debugger, "$T05exec:2f33;#");
    led.go_on(&mut third);
    led.expect_view(Attention::Running, 3);
}

#[test]
fn the_end_of_a_program_is_none_for_its_debugger() {
    let mut led = Led::new();
    let mut first = led.bring(1, false);
    led.begin(&mut first);
    say(&mut first, "W07");
    drop(first);
    let words = format!("$O{}#", hex(ENDED.as_bytes()));
    expect(&mut led.debugger, &words);
    let mut second = led.bring(2, false);
    expect_introduction(&mut second);
    expect(&mut led.debugger, "$T05exec:2f32;#");
    // Without a machine it is told so, and asked for by Ctrl-C it hears of the end.
    drop(second);
    say(&mut led.debugger, "g");
    expect(&mut led.debugger, "$E01#");
    say(&mut led.debugger, "vCont;c:1");
    expect(&mut led.debugger, &words);
    led.debugger.write_all(&[3]).unwrap();
    expect(&mut led.debugger, "$X09#");
}

fn talk(machine: &mut UnixStream, debugger: &mut (impl std::io::Read + std::io::Write)) {
    let mut answer = [0; 4];
    debugger.write_all(b"ping").unwrap();
    machine.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"ping");
    machine.write_all(b"pong").unwrap();
    debugger.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"pong");
}

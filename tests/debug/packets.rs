//! What a recording tells a debugger, packet by packet: where gdb would hide a difference, or leave in good order.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use super::invoke::{Place, signal};
use super::travel::record;
use super::{Kept, command};

/// Writes 3 at 64 many times, then computes for a while, writes 7 there and reads where no memory is.
const PROGRAM: &str = r#"(module (memory (export "memory") 1)
    (func $write_last (i32.store (i32.const 64) (i32.const 7))
        (drop (i32.load (i32.const 0x7fffffff))))
    (func (export "_start") (local $count i32)
        (loop $again
            (i32.store (i32.const 64) (i32.const 3))
            (br_if $again (i32.lt_u (local.tee $count (i32.add (local.get $count) (i32.const 1))) (i32.const 20))))
        (loop $again
            (br_if $again (i32.lt_u (local.tee $count (i32.add (local.get $count) (i32.const 1))) (i32.const 2000000))))
        (call $write_last)))"#;

/// A watchpoint for writes, and the four bytes there.
const WATCH: &str = "Z2,40,4";
const VALUE: &str = "m40,4";

/// A debugger's end of the line.
struct Line(BufReader<TcpStream>);

impl Line {
    fn new(address: &str) -> Self {
        Self(BufReader::new(TcpStream::connect(address).unwrap()))
    }

    fn send(&mut self, body: &str) {
        let sum = body.bytes().fold(0u8, u8::wrapping_add);
        let packet = format!("${body}#{sum:02x}");
        self.0.get_mut().write_all(packet.as_bytes()).unwrap();
        let mut acknowledged = [0];
        self.0.read_exact(&mut acknowledged).unwrap();
        assert_eq!(&acknowledged, b"+");
    }

    /// The next packet.
    fn packet(&mut self) -> String {
        let mut packet = Vec::new();
        self.0.read_until(b'#', &mut packet).unwrap();
        self.0.read_exact(&mut [0; 2]).unwrap();
        self.0.get_mut().write_all(b"+").unwrap();
        let text = String::from_utf8(packet).unwrap();
        text.trim_start_matches('$')
            .trim_end_matches('#')
            .to_owned()
    }

    /// The answer to what was sent, and what was said before it.
    fn answer(&mut self) -> (String, String) {
        let mut said = String::new();
        loop {
            let packet = self.packet();
            match packet.strip_prefix('O') {
                Some(digits) if digits != "K" => {
                    let bytes = (0..digits.len()).step_by(2);
                    said.extend(bytes.map(|at| {
                        char::from(u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
                    }));
                }
                _ => return (packet, said),
            }
        }
    }

    fn ask(&mut self, body: &str) -> String {
        self.send(body);
        self.answer().0
    }

    /// What `monitor` tells: which instruction this is, and those of the beginning and the end.
    fn moments(&mut self) -> [u64; 3] {
        self.send("qRcmd,");
        let (_, said) = self.answer();
        let numbers = said.split_whitespace().filter_map(|word| word.parse().ok());
        let numbers: Vec<u64> = numbers.collect();
        numbers.try_into().unwrap_or_else(|_| panic!("{said:?}"))
    }

    fn now(&mut self) -> u64 {
        self.moments()[0]
    }
}

/// A breakpoint at what a register holds, as a packet names it.
fn breakpoint(digits: &str) -> String {
    let address = u64::from_str_radix(digits, 16).unwrap().swap_bytes();
    format!("0,{address:x},1")
}

/// Serves a recording; the address that is told.
fn serve(place: &Place, options: &[&str]) -> (Kept, String) {
    let arguments = [&["debug", "--listen", "0"], options].concat();
    let mut child = Kept(command(place, &arguments).spawn().unwrap());
    let mut told = String::new();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    stderr.read_line(&mut told).unwrap();
    // What it says later would break a pipe that nobody has.
    std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
    let address = told
        .split_once("target remote ")
        .and_then(|(_, rest)| rest.split_once('\''))
        .map(|(address, _)| address.to_owned())
        .unwrap_or_else(|| panic!("no address in {told:?}"));
    (child, address)
}

#[test]
fn a_recording_answers_each_packet_as_it_should() {
    let place = Place::new();
    place.write("twice.wat", PROGRAM);
    record(&place, &[], "twice.wat", 134);
    let (mut child, address) = serve(&place, &["--replay=made.recording"]);
    let mut line = Line::new(&address);
    let [first, begin, end] = line.moments();
    assert!(
        first == begin && 0 < begin && begin < end,
        "{first} {begin} {end}"
    );
    assert!(
        line.ask("qSupported")
            .contains("ReverseStep+;ReverseContinue+")
    );
    assert!(line.ask("bs").contains("replaylog:begin;"));
    assert!(line.ask("bc").contains("replaylog:begin;"));
    assert_eq!(line.now(), begin);

    // Writes that change nothing stop nothing.
    assert_eq!(line.ask(WATCH), "OK");
    assert!(line.ask("c").starts_with("T05") && line.ask(VALUE) == "03000000");
    let three = line.now();
    assert!(line.ask("c").contains("watch:40;"));
    assert_eq!(line.ask(VALUE), "07000000");
    let seven = line.now();
    assert!(line.ask("c").starts_with("T0b"));
    // Back to before each write.
    assert!(line.ask("bc").contains("watch:40;"));
    assert_eq!(
        (line.now(), line.ask(VALUE)),
        (seven - 1, "03000000".to_owned())
    );
    assert!(line.ask("bc").contains("watch:40;"));
    assert_eq!(
        (line.now(), line.ask(VALUE)),
        (three - 1, "00000000".to_owned())
    );
    assert!(line.ask("bc").contains("replaylog:begin;"));

    // A step is one instruction, both ways; an instruction's access is told rather than its breakpoint.
    line.ask("c");
    line.ask("c");
    let rip = |line: &mut Line| line.ask("g")[16 * 16..17 * 16].to_owned();
    let behind = rip(&mut line);
    line.ask("bs");
    assert_eq!(line.now(), seven - 1);
    let store = rip(&mut line);
    assert_ne!(store, behind);
    assert!(line.ask("s").contains("watch:40;"));
    assert_eq!((line.now(), rip(&mut line)), (seven, behind));
    assert_eq!(line.ask(&format!("Z{}", breakpoint(&store))), "OK");
    assert!(line.ask("bc").contains("watch:40;"));
    assert_eq!(line.now(), seven - 1);

    // Nothing is changed.
    for packet in ["M40,1:ff", "X40,1:x", "P10=0000000000000000", "G00"] {
        assert_eq!(line.ask(packet), "E01", "{packet}");
    }
    assert_eq!(line.ask(VALUE), "03000000");

    // One that leaves without a word leaves no points behind, and the place where it was.
    drop(line);
    let mut line = Line::new(&address);
    assert_eq!(line.now(), seven - 1);
    assert!(line.ask("c").starts_with("T0b"));
    // The trap's handler begins where nothing more has run.
    line.ask("s");
    let handler = rip(&mut line);
    assert!(line.ask("c").contains("replaylog:end;"));
    assert_eq!(line.now(), end);
    assert!(line.ask("s").contains("replaylog:end;"));
    let point = breakpoint(&handler);
    assert_eq!(line.ask(&format!("Z{point}")), "OK");
    assert!(line.ask("bc").starts_with("T05"));
    assert_eq!(rip(&mut line), handler);
    assert_eq!(line.ask(&format!("z{point}")), "OK");
    assert!(line.ask("c").contains("replaylog:end;"));

    // A search that is interrupted ends where it began; it may be over before.
    let is_interrupted = |line: &mut Line| {
        line.send("bc");
        line.0.get_mut().write_all(&[3]).unwrap();
        let (answer, _) = line.answer();
        answer.starts_with("T02")
    };
    let mut tries = 0;
    while !is_interrupted(&mut line) {
        while !line.ask("c").contains("replaylog:end;") {}
        tries += 1;
        assert!(tries < 20, "nothing interrupts a search");
    }
    assert_eq!(line.now(), end);
    signal("INT", child.id());
    child.wait().unwrap();
    place.assert_clean();
}

#[test]
fn a_greeting_forgets_the_breakpoints_of_whoever_was_there_before() {
    let place = Place::new();
    place.write("twice.wat", PROGRAM);
    for is_greeted in [false, true] {
        let (mut child, address) = serve(&place, &["twice.wat"]);
        let mut line = Line::new(&address);
        // The first byte is lost on a line that is not up yet.
        line.0.get_mut().write_all(b"+").unwrap();
        assert!(line.ask("qSupported").contains("PacketSize="));
        assert_eq!(line.ask("?"), "T05thread:1;");
        assert_eq!(line.ask(WATCH), "OK");
        if is_greeted {
            line.ask("qSupported");
        }
        let stop = line.ask("c");
        match is_greeted {
            false => assert!(stop.contains("watch:"), "{stop}"),
            // Where no memory is.
            true => assert!(stop[1..].starts_with("0b"), "{stop}"),
        }
        drop(line);
        signal("INT", child.id());
        child.wait().unwrap();
        place.assert_clean();
    }
}

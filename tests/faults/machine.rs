//! A machine that QEMU makes by hand, whose network card hangs on a wire that the test holds.

use std::io::{BufRead as _, BufReader, Write as _};
use std::iter;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use serde_json::{Value, json};

use crate::invoke::{PATIENCE, Place, signal, wait_for};
use crate::tools::build_c;

/// What QEMU ends with after a program that ended well: debug-exit's status is twice the kernel's and one.
const SUCCESS: i32 = 1;

/// The kinds of machine, with the card that fits.
pub(crate) const MICROVM: &str = "-M microvm,acpi=off -device virtio-net-device,netdev=wire";
pub(crate) const Q35: &str = "-M q35 -device virtio-net-pci,netdev=wire";

pub(crate) struct Machine {
    place: Place,
    child: Child,
    lines: Receiver<String>,
    /// All that it wrote so far, for whoever asks why.
    told: Vec<String>,
}

impl Machine {
    /// Boots `program`, a C file of tests/, on a machine of this kind, with this kernel command line; and the other end of
    /// its wire. It ends by itself after `limit`.
    pub(crate) fn start(
        kind: &str,
        program: &str,
        command_line: &str,
        limit: Duration,
    ) -> (Self, UnixStream) {
        let place = Place::new();
        let image = image(&place, program);
        let wire = place.path("wire");
        let listener = UnixListener::bind(&wire).unwrap();
        let netdev = format!(
            "stream,id=wire,server=off,addr.type=unix,addr.path={}",
            wire.display()
        );
        let control = format!("unix:{},server=on,wait=off", place.path("qmp").display());
        let mut child = Command::new("timeout")
            .arg(limit.as_secs().to_string())
            .args([
                "qemu-system-x86_64",
                "-accel",
                "tcg",
                "-cpu",
                "max",
                "-m",
                "64",
            ])
            .args([
                "-nodefaults",
                "-no-user-config",
                "-no-reboot",
                "-display",
                "none",
            ])
            .args(["-serial", "stdio", "-qmp", &control, "-netdev", &netdev])
            .args(["-device", "isa-debug-exit,iobase=0x501,iosize=4"])
            .args(kind.split(' '))
            .args(["-append", command_line, "-kernel"])
            .arg(&image)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line.trim_end().to_owned()).is_err() {
                    break;
                }
            }
        });
        listener.set_nonblocking(true).unwrap();
        let end = wait_for("the machine's card", || listener.accept().ok());
        let machine = Self {
            place,
            child,
            lines,
            told: Vec::new(),
        };
        (machine, end.0)
    }

    /// The next line that it wrote, if there is one.
    pub(crate) fn line(&mut self) -> Option<String> {
        let line = self.lines.try_recv().ok()?;
        self.told.push(line.clone());
        Some(line)
    }

    /// What it wrote so far.
    pub(crate) fn told(&self) -> String {
        self.told.join("\n")
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// The process of QEMU; the one that was started only bounds its time.
    pub(crate) fn qemu(&self) -> u32 {
        let parent = self.child.id().to_string();
        let is_child = |id: &u32| {
            let status = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            // Name and state stand in front: proc(5).
            let after_name = status.rsplit(") ").next().unwrap_or_default();
            after_name.split(' ').nth(1) == Some(&parent)
        };
        let entries = std::fs::read_dir("/proc").unwrap().flatten();
        let mut ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        ids.find(is_child).expect("QEMU runs")
    }

    /// Plugs the wire in or out.
    pub(crate) fn set_link(&self, is_up: bool) {
        self.control(&json!({
            "execute": "set_link", "arguments": {"name": "wire", "up": is_up}
        }));
    }

    /// Lets the machine stand still, its clocks too, or go on.
    pub(crate) fn set_running(&self, is_running: bool) {
        let order = if is_running { "cont" } else { "stop" };
        self.control(&json!({ "execute": order }));
    }

    /// Gives QEMU an order, which must succeed. Source: QEMU Machine Protocol Specification.
    fn control(&self, order: &Value) {
        let stream = UnixStream::connect(self.place.path("qmp")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let mut next = move || lines.next().unwrap().unwrap();
        next();
        for order in ["{\"execute\": \"qmp_capabilities\"}", &order.to_string()] {
            writeln!(&stream, "{order}").unwrap();
            let is_event = |line: &String| line.contains("\"event\"");
            let answer = iter::repeat_with(&mut next).find(|line| !is_event(line));
            assert!(
                answer
                    .as_ref()
                    .is_some_and(|answer| answer.contains("return")),
                "{answer:?}"
            );
        }
    }

    /// Waits for its end, which is a good one.
    pub(crate) fn end(mut self) -> String {
        let status = wait_for("the machine's end", || self.child.try_wait().unwrap());
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.told.push(line);
        }
        assert_eq!(status.code(), Some(SUCCESS), "{}", self.told());
        self.told()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            signal("TERM", self.child.id());
            let _ = self.child.wait();
        }
    }
}

/// Compiles a C program and links it with the kernel.
fn image(place: &Place, program: &str) -> PathBuf {
    build_c(program, &["-O2"], &place.path("program.wasm"));
    place
        .run(&["build", "--release", "-o", "image.elf", "program.wasm"])
        .assert(0, &[]);
    place.path("image.elf")
}

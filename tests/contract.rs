//! What those who ran the first Mewz's images rely on: urunc boots ours as it boots those.
//!
//! The arguments are those of urunc's monitor for QEMU: no machine type (QEMU's own is `pc`) or `q35`, a network card on PCI
//! without the older interface, debug-exit two bytes wide, an address and a gateway on the command line. Only what this
//! machine lacks differs: no KVM, QEMU's user network in the place of a tap.

mod invoke;
mod tools;

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Command, Stdio};

use invoke::{PATIENCE, Place, free_port, wait_for};
use tools::build_c;

/// Status 3, as debug-exit carries it.
const STATUS: i32 = 2 * 3 + 1;

#[test]
fn an_image_boots_as_urunc_boots_it() {
    let place = Place::new();
    build_c("network/contract.c", &["-O1"], &place.path("contract.wasm"));
    let built = place.run(&["build", "--release", "-o", "image.elf", "contract.wasm"]);
    built.assert(0, &[]);
    for machine in [&[][..], &["-M", "q35"]] {
        serve_once(&place, machine);
    }
}

fn serve_once(place: &Place, machine: &[&str]) {
    let port = free_port();
    // The guest is reached at this address alone, so it has to take it from the command line.
    let network = format!(
        "user,id=net0,net=10.99.0.0/24,host=10.99.0.1,dhcpstart=10.99.0.100,\
         hostfwd=tcp:127.0.0.1:{port}-10.99.0.42:8080"
    );
    let mut child = Command::new("timeout")
        .args(["60", "qemu-system-x86_64", "-m", "256M", "-cpu", "max"])
        .args(["-display", "none", "-vga", "none", "-monitor", "null"])
        .args(["-serial", "stdio", "-kernel"])
        .arg(place.path("image.elf"))
        .args([
            "-device",
            "virtio-net-pci,netdev=net0,disable-legacy=on,disable-modern=off,mac=52:54:00:12:34:56",
        ])
        .args(["-netdev", &network, "-no-reboot"])
        .args(["-device", "isa-debug-exit,iobase=0x501,iosize=2"])
        .args(machine)
        .args([
            "-append",
            "ip=10.99.0.42/24 gateway=10.99.0.1 -- one two=2 \"three words\"",
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert_eq!(line.trim_end(), "listening: 0", "{machine:?}");
    let mut stream = wait_for("the port", || {
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()
    });
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    drop(stream);
    assert_eq!(answer, "one\ntwo=2\nthree words\n", "{machine:?}");
    assert_eq!(child.wait().unwrap().code(), Some(STATUS), "{machine:?}");
}

//! `mewz debug --attach --listen`: debuggers that come by a port are led to a machine that is there.

use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;

use super::door::Found;
use super::vscode;
use crate::cli::Outcome;
use crate::cli::failure::Failure;
use crate::cli::words;

/// How often is looked for another program.
const LOOK_NS: i64 = 500_000_000;

/// Listens on a port of this host; none where another one does.
pub(super) fn listen(port: u16) -> Result<TcpListener, Failure> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|problem| {
        Failure::usage(format!("port {port} of this host cannot be listened on")).cause(problem)
    })
}

/// Says how a debugger comes in at `address`; `image` has the symbols of `module`, and a copy of it is where editors look.
pub(super) fn tell(address: SocketAddr, module: &Path, image: &Path) {
    let symbols = copy_for_editors(module, image).unwrap_or_else(|| image.to_owned());
    words::plain(format_args!(
        "waiting for a debugger on {address}: `gdb {} -ex 'target remote {address}'`",
        symbols.display()
    ));
}

fn copy_for_editors(module: &Path, image: &Path) -> Option<PathBuf> {
    let stable = vscode::symbols_path(module);
    std::fs::create_dir_all(stable.parent()?).ok()?;
    std::fs::copy(image, &stable).ok()?;
    Some(stable)
}

/// Leads one debugger after the other to the machine, until that is gone.
pub(super) fn serve(found: &Found, port: u16) -> Outcome {
    let failed = |problem: io::Error| {
        Failure::new("cannot lead a debugger to the machine")
            .cause(problem)
            .hint("a machine that has ended is gone")
    };
    let listener = listen(port)?;
    let address = listener.local_addr().map_err(failed)?;
    let module = &found.note.module;
    let prepared = found.prepare()?;
    prepared.tell();
    let mut image = prepared.image;
    tell(address, module, &image);
    loop {
        // What runs may be another at any time, and a debugger reads its symbols before it comes.
        let now = found.prepare()?.image;
        if now != image {
            copy_for_editors(module, &now);
            image = now;
        }
        if !comes_soon(&listener).map_err(failed)? {
            continue;
        }
        let (debugger, _) = listener.accept().map_err(failed)?;
        let line = UnixStream::connect(found.line()).map_err(failed)?;
        pass_on(&debugger, &line).map_err(failed)?;
    }
}

/// Whether a debugger comes before it is time to look for another program.
fn comes_soon(listener: &TcpListener) -> io::Result<bool> {
    let mut descriptors = [PollFd::new(listener, PollFlags::IN)];
    let pause = Timespec {
        tv_sec: 0,
        tv_nsec: LOOK_NS,
    };
    match rustix::event::poll(&mut descriptors, Some(&pause)) {
        Ok(count) => Ok(count > 0),
        Err(Errno::INTR) => Ok(false),
        Err(problem) => Err(problem.into()),
    }
}

/// Passes bytes on both ways until one of them is done.
fn pass_on(debugger: &TcpStream, line: &UnixStream) -> io::Result<()> {
    // Packets are short and each is waited for.
    debugger.set_nodelay(true)?;
    let (mut from_line, mut to_debugger) = (line.try_clone()?, debugger.try_clone()?);
    let answers = std::thread::spawn(move || {
        // Whoever is gone is gone.
        let _ = io::copy(&mut from_line, &mut to_debugger);
        let _ = to_debugger.shutdown(Shutdown::Both);
    });
    let (mut from_debugger, mut to_line) = (debugger, line);
    let _ = io::copy(&mut from_debugger, &mut to_line);
    let _ = line.shutdown(Shutdown::Both);
    let _ = answers.join();
    Ok(())
}

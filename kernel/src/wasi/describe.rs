//! What WASI knows of the application, in words for a debugger's user.

use core::fmt::{self, Write};

use super::Wasi;
use super::descriptor::Object;

use super::sockets::socket::{Kind, Socket};

impl Wasi {
    /// Writes a line for each descriptor.
    ///
    /// # Errors
    ///
    /// Only those of `out`.
    pub fn describe_descriptors(&self, out: &mut dyn Write) -> fmt::Result {
        for (fd, descriptor) in self.descriptors.iter() {
            write!(out, "{fd:4} ")?;
            match &descriptor.object {
                Object::Stdin => writeln!(out, "standard input")?,
                Object::Output(stream) => writeln!(out, "{stream:?}")?,
                Object::File(file) => writeln!(out, "file {:?} at {}", file.kind, file.cursor)?,
                Object::Directory(directory) => match &directory.preopen {
                    Some(path) => writeln!(out, "folder {}", path.escape_ascii())?,
                    None => writeln!(out, "folder")?,
                },
                Object::Socket(socket) => describe_socket(socket, out)?,
            }
        }
        Ok(())
    }

    /// Writes a line for each socket.
    ///
    /// # Errors
    ///
    /// Only those of `out`.
    pub fn describe_sockets(&self, out: &mut dyn Write) -> fmt::Result {
        let mut count = 0;
        for (fd, descriptor) in self.descriptors.iter() {
            if let Object::Socket(socket) = &descriptor.object {
                count += 1;
                write!(out, "{fd:4} ")?;
                describe_socket(socket, out)?;
            }
        }
        match count {
            0 => writeln!(out, "none"),
            _ => Ok(()),
        }
    }
}

fn describe_socket(socket: &Socket, out: &mut dyn Write) -> fmt::Result {
    // Nobody holds it while no call is under way.
    let Ok(network) = socket.network.try_borrow() else {
        return writeln!(out, "socket");
    };
    match socket.kind {
        Kind::Idle(_, 0) => writeln!(out, "socket"),
        Kind::Idle(_, port) => writeln!(out, "socket bound to port {port}"),
        Kind::Listener(id) => {
            let port = network.listener_endpoint(id).map_or(0, |(_, port)| port);
            writeln!(
                out,
                "listens on port {port}, {} wait",
                network.acceptable(id)
            )
        }
        Kind::Stream(id) => match network.ends(id) {
            Some((local, remote)) => writeln!(out, "connection from {local} to {remote}"),
            None => writeln!(out, "connection"),
        },
        Kind::Datagrams(id, remote) => {
            let end = id.and_then(|id| network.datagrams_endpoint(id));
            write!(out, "datagrams on port {}", end.map_or(0, |(_, port)| port))?;
            match remote {
                Some(remote) => writeln!(out, " to {remote}"),
                None => writeln!(out),
            }
        }
    }
}

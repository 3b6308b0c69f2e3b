//! The ports themselves: opened before anything starts, so that one that is in use is told in words.

use std::fs;
use std::io;
use std::net::TcpListener;

use super::bind;
use crate::cli::failure::{Failure, STATUS_USAGE};
use crate::cli::values::PortPair;
use crate::cli::words;

/// Ports above one that is in use which are tried.
const NEIGHBOURS: u16 = 64;

/// A port of this host, and the port of the program that it leads to.
#[derive(Debug)]
pub(crate) struct FrontPort {
    pub(super) listener: TcpListener,
    /// The port here.
    pub(crate) host: u16,
    /// The program's.
    pub(crate) guest: u16,
}

/// Opens the ports of `pairs`.
pub(crate) fn open(pairs: &[PortPair]) -> Result<Vec<FrontPort>, Failure> {
    let opened = pairs.iter().map(|pair| {
        if pair.is_udp {
            return Err(Failure::usage(format!(
                "datagrams to port {} cannot be forwarded by `mewz dev`",
                pair.guest
            ))
            .hint("`mewz run` forwards them"));
        }
        let wanted = pair.host.unwrap_or(0);
        let listener = bind(wanted).map_err(|problem| not_opened(wanted, &problem))?;
        let host = listener
            .local_addr()
            .map_err(|problem| not_opened(wanted, &problem))?
            .port();
        Ok(FrontPort {
            listener,
            host,
            guest: pair.guest,
        })
    });
    opened.collect()
}

fn not_opened(port: u16, problem: &io::Error) -> Failure {
    let failure = Failure::new(format!("port {port} of this host cannot be used"));
    match problem.kind() {
        io::ErrorKind::AddrInUse => {
            let failure = match holder(port) {
                Some((id, name)) => {
                    failure.cause(format!("`{}` (process {id}) uses it", words::name(&name)))
                }
                None => failure.cause("another program uses it"),
            };
            let free = (port..=port.saturating_add(NEIGHBOURS)).find(|port| bind(*port).is_ok());
            match free {
                Some(free) => failure.hint(format!("port {free} is free; so is any with `auto`")),
                None => failure.hint("`auto` takes any that is free"),
            }
            .with_status(STATUS_USAGE)
        }
        io::ErrorKind::PermissionDenied => failure
            .cause(problem)
            .hint("ports below 1024 belong to the system: take a higher one"),
        _ => failure.cause(problem),
    }
}

/// The process that listens at `port`, as far as this user may know: its id and name.
fn holder(port: u16) -> Option<(u32, String)> {
    let inodes: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| listeners(&table, port))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let mut processes = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    processes.find_map(|id: u32| {
        let files = fs::read_dir(format!("/proc/{id}/fd")).ok()?;
        let is_it = |file: fs::DirEntry| {
            let to = fs::read_link(file.path()).unwrap_or_default();
            inodes.iter().any(|inode| to.as_os_str() == inode.as_str())
        };
        if !files.flatten().any(is_it) {
            return None;
        }
        let name = fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default();
        Some((id, name.trim().to_owned()))
    })
}

/// Inodes of the sockets that listen at `port`. Source: proc_net_tcp.txt of the kernel.
fn listeners(table: &str, port: u16) -> Vec<String> {
    const LISTEN: &str = "0A";
    let listener = |line: &str| {
        let mut words = line.split_whitespace();
        let local = words.nth(1)?;
        let is_port = local.ends_with(&format!(":{port:04X}"));
        let is_listening = words.nth(1)? == LISTEN;
        (is_port && is_listening).then(|| words.nth(5).map(str::to_owned))?
    };
    table.lines().skip(1).filter_map(listener).collect()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::super::ADDRESS;
    use super::{holder, open};
    use crate::cli::values::PortPair;

    fn pair(host: Option<u16>) -> PortPair {
        PortPair {
            host,
            guest: 80,
            is_udp: false,
        }
    }

    #[test]
    fn who_holds_a_port_is_known() {
        let taken = TcpListener::bind((ADDRESS, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let (id, _) = holder(port).unwrap();
        assert_eq!(id, std::process::id());
        let failure = open(&[pair(Some(port))]).unwrap_err();
        let words = failure.text();
        assert!(words.contains(&format!("process {id}")), "{words}");
        assert!(words.contains("is free"), "{words}");
        assert_eq!(failure.status(), 2);
        assert_ne!(open(&[pair(None)]).unwrap()[0].host, 0);
    }
}

//! Why a port of this host can't be opened: who has it, and which one is free.

use std::fs;
use std::io;

use super::failure::{Failure, STATUS_USAGE};
use super::{network, words};

/// Ports above one that is in use which are tried.
const NEIGHBOURS: u16 = 64;

/// The words for a port of this host that can't be opened.
pub(super) fn not_opened(port: u16, is_udp: bool, problem: &io::Error) -> Failure {
    let failure = Failure::new(format!("port {port} of this host cannot be used"));
    match problem.kind() {
        io::ErrorKind::AddrInUse => {
            let failure = match holder(port, is_udp) {
                Some((id, name)) => {
                    failure.cause(format!("`{}` (process {id}) uses it", words::name(&name)))
                }
                None => failure.cause("another program uses it"),
            };
            let free = (port..=port.saturating_add(NEIGHBOURS))
                .find(|port| network::bind(*port, is_udp).is_ok());
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

/// The process that has `port`, as far as this user may know: its id and name.
fn holder(port: u16, is_udp: bool) -> Option<(u32, String)> {
    let (tables, state) = match is_udp {
        true => (["/proc/net/udp", "/proc/net/udp6"], UNCONNECTED),
        false => (["/proc/net/tcp", "/proc/net/tcp6"], LISTEN),
    };
    let inodes: Vec<String> = tables
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| holders(&table, port, state))
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

/// States of sockets in those tables. Source: proc_net_tcp.txt of the kernel.
const LISTEN: &str = "0A";
const UNCONNECTED: &str = "07";

/// Inodes of the sockets that have `port` in `state`.
fn holders(table: &str, port: u16, state: &str) -> Vec<String> {
    let holder = |line: &str| {
        let mut words = line.split_whitespace();
        let local = words.nth(1)?;
        let is_port = local.ends_with(&format!(":{port:04X}"));
        let is_state = words.nth(1)? == state;
        (is_port && is_state).then(|| words.nth(5).map(str::to_owned))?
    };
    table.lines().skip(1).filter_map(holder).collect()
}

//! The program's network: ports settled before the machine starts, so that what is in use is told in words.

use std::io;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::PathBuf;

use super::failure::{Failure, STATUS_USAGE};
use super::taken_port::not_opened;
use super::values::PortPair;
use super::words;
use crate::qemu::config::{Forward, Network};

/// Settles the network: `None` where nothing of it is asked for, and then the machine has no card.
///
/// `listeners` are ports that the program finds open; `is_open` lets it reach others.
pub(super) fn settle(
    pairs: &[PortPair],
    listeners: &[u16],
    is_open: bool,
) -> Result<Option<Network>, Failure> {
    if pairs.is_empty() && listeners.is_empty() && !is_open {
        return Ok(None);
    }
    for (index, port) in listeners.iter().enumerate() {
        if listeners[..index].contains(port) {
            return Err(Failure::usage(format!(
                "the program cannot listen on port {port} twice"
            )));
        }
        if !pairs.iter().any(|pair| pair.guest == *port && !pair.is_udp) {
            words::warning(format_args!(
                "nobody can reach the program's port {port} (`--publish {port}:{port}` forwards one of this host to it)"
            ));
        }
    }
    if let Some(text) = unanswered(pairs, is_open) {
        words::warning(text);
    }
    let mut forwards: Vec<Forward> = Vec::new();
    for pair in pairs {
        let host = match pair.host {
            Some(host) => host,
            None => free_port(pair.is_udp)
                .map_err(|problem| Failure::new("no port of this host is free").cause(problem))?,
        };
        let is_taken = |other: &Forward| other.host == host && other.is_udp == pair.is_udp;
        if forwards.iter().any(is_taken) {
            return Err(Failure::usage(format!(
                "port {host} of this host cannot be forwarded twice"
            )));
        }
        bind(host, pair.is_udp).map_err(|problem| not_opened(host, pair.is_udp, &problem))?;
        if pair.host.is_none() {
            words::plain(format_args!(
                "forwarding 127.0.0.1:{host} to port {} of the program",
                pair.guest
            ));
        }
        forwards.push(Forward {
            address: Ipv4Addr::LOCALHOST,
            host,
            guest: pair.guest,
            is_udp: pair.is_udp,
        });
    }
    Ok(Some(Network {
        forwards,
        listeners: listeners.to_vec(),
        is_open,
        capture: None,
    }))
}

/// What is to be said of datagrams that nobody can answer: QEMU's closed network lets none of the program's out.
pub(super) fn unanswered(pairs: &[PortPair], is_open: bool) -> Option<String> {
    let pair = pairs.iter().find(|pair| pair.is_udp && !is_open)?;
    Some(format!(
        "the program cannot answer datagrams that come to its port {}: QEMU lets none out without `--net`",
        pair.guest
    ))
}

/// Has what crosses the card written to `file`, which is emptied: what can't be written is told before the machine starts.
pub(super) fn capture(network: &mut Option<Network>, file: PathBuf) -> Result<(), Failure> {
    let failure = || Failure::new(format!("cannot capture packets in `{}`", file.display()));
    let Some(network) = network else {
        return Err(failure()
            .cause("the program has no network")
            .hint("`--publish HOST:GUEST`, `--listen PORT` or `--net` gives it one")
            .with_status(STATUS_USAGE));
    };
    std::fs::File::create(&file).map_err(|problem| failure().cause(problem))?;
    network.capture = Some(file);
    Ok(())
}

/// Binds a port of this host and lets it go; returns its number.
pub(super) fn bind(port: u16, is_udp: bool) -> io::Result<u16> {
    let address = (Ipv4Addr::LOCALHOST, port);
    let bound = if is_udp {
        UdpSocket::bind(address)?.local_addr()?
    } else {
        TcpListener::bind(address)?.local_addr()?
    };
    Ok(bound.port())
}

fn free_port(is_udp: bool) -> io::Result<u16> {
    bind(0, is_udp)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::{settle, unanswered};
    use crate::cli::values::PortPair;

    fn pair(host: Option<u16>, guest: u16) -> PortPair {
        PortPair {
            host,
            guest,
            is_udp: false,
        }
    }

    #[test]
    fn without_wishes_there_is_no_card() {
        assert_eq!(settle(&[], &[], false).unwrap(), None);
        assert!(settle(&[], &[], true).unwrap().unwrap().is_open);
    }

    #[test]
    fn datagrams_are_answered_by_an_open_network_alone() {
        let datagrams = PortPair {
            is_udp: true,
            ..pair(None, 53)
        };
        assert!(unanswered(&[pair(None, 80), datagrams], false).is_some());
        assert_eq!(unanswered(&[datagrams], true), None);
        assert_eq!(unanswered(&[pair(None, 80)], false), None);
    }

    #[test]
    fn free_ports_are_found_and_used_ones_told() {
        let network = settle(&[pair(None, 80), pair(None, 81)], &[80], false);
        let network = network.unwrap().unwrap();
        assert_eq!(network.forwards.len(), 2);
        assert!(network.forwards.iter().all(|forward| forward.host > 0));
        assert!(!network.is_open);
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        settle(&[pair(Some(port), 80)], &[], false).unwrap_err();
        settle(&[pair(None, 80)], &[80, 80], false).unwrap_err();
    }
}

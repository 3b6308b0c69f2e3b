//! Sockets, in the forms of preview 1 and of WasmEdge.

mod address;
mod names;
mod open;
mod options;
pub(super) mod socket;
mod transfer;
mod waiting;

use super::{Context, Wasi};
use crate::fs::errno::Errno;
use crate::guest::GuestMemory;
use crate::net::IpAddress;
pub(super) use open::listener;
use socket::Family;
pub use socket::SharedNetwork;
pub(super) use socket::Socket;
pub(super) use transfer::{receive, send};

/// How long a machine whose program has ended goes on sending what is left, and how long while nobody takes any of it.
const FINISH_NS_MAX: u64 = 30_000_000_000;
const FINISH_SILENCE_NS: u64 = 3_000_000_000;

impl Wasi {
    /// The network, if the machine has a card.
    ///
    /// # Errors
    ///
    /// `Netdown` where it has none.
    fn network_of(&mut self, context: &mut Context<'_>) -> Result<SharedNetwork, Errno> {
        let Some(network) = self.network.clone() else {
            if !core::mem::replace(&mut self.has_told_of_network, true) {
                context.system.warn(format_args!(
                    "the application wants a network, and the machine has no card: it got NETDOWN \
                     (`mewz run --net` lets it reach others, `--publish` be reached)"
                ));
            }
            return Err(Errno::Netdown);
        };
        poll(context, &network);
        Ok(network)
    }

    /// Lets what was sent arrive before the machine ends: nobody would go on sending it.
    pub(super) fn finish_network(&mut self, context: &mut Context<'_>) {
        let Some(network) = self.network.clone() else {
            return;
        };
        let end_ns = context.system.monotonic_ns().saturating_add(FINISH_NS_MAX);
        let mut least = usize::MAX;
        let mut deadline_ns = end_ns;
        poll(context, &network);
        loop {
            let left = network.borrow().unacknowledged();
            let now_ns = context.system.monotonic_ns();
            if left < least {
                least = left;
                deadline_ns = now_ns.saturating_add(FINISH_SILENCE_NS).min(end_ns);
            }
            if left == 0 || now_ns >= deadline_ns {
                return;
            }
            wait(self, context, &network, Some(deadline_ns));
        }
    }

    /// Lets the network, if there is one, take in what came and send what is due.
    pub(super) fn poll_network(&self, context: &Context<'_>) {
        if let Some(network) = &self.network {
            poll(context, network);
        }
    }
}

/// Lets the network take in what came and send what is due.
fn poll(context: &Context<'_>, network: &SharedNetwork) {
    network.borrow_mut().poll(context.system.monotonic_ns());
}

/// The address that WasmEdge's structure at `at` leads to, where it is one.
pub(super) fn read_address(memory: &dyn GuestMemory, at: u32) -> Option<IpAddress> {
    address::read(memory, at).ok()
}

/// Sleeps until something may have come, at most until `deadline_ns`, while the network, if there is one, goes on.
pub(super) fn wait_for_any(wasi: &Wasi, context: &mut Context<'_>, deadline_ns: Option<u64>) {
    match &wasi.network {
        Some(network) => wait(wasi, context, network, deadline_ns),
        None => context.system.wait_in_call(deadline_ns, wasi),
    }
}

/// Sleeps until something may have come, at most until `deadline_ns`; then lets the network take it in.
fn wait(wasi: &Wasi, context: &mut Context<'_>, network: &SharedNetwork, deadline_ns: Option<u64>) {
    let now_ns = context.system.monotonic_ns();
    let (has_news, end_ns) = {
        let mut network = network.borrow_mut();
        let next_ns = network.next_ns(now_ns);
        network.set_interrupts(true);
        // What comes from here on interrupts.
        let has_news = network.has_news();
        (has_news, [deadline_ns, next_ns].into_iter().flatten().min())
    };
    if !has_news {
        context.system.wait_in_call(end_ns, wasi);
    }
    network.borrow_mut().set_interrupts(false);
    poll(context, network);
}

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
pub(super) use open::listener;
use socket::Family;
pub use socket::SharedNetwork;
pub(super) use socket::Socket;
pub(super) use transfer::{receive, send};

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

/// Sleeps until something may have come, at most until `deadline_ns`, while the network, if there is one, goes on.
pub(super) fn wait_for_any(
    context: &mut Context<'_>,
    network: Option<&SharedNetwork>,
    deadline_ns: Option<u64>,
) {
    match network {
        Some(network) => wait(context, network, deadline_ns),
        None => context.system.wait(deadline_ns),
    }
}

/// Sleeps until something may have come, at most until `deadline_ns`; then lets the network take it in.
fn wait(context: &mut Context<'_>, network: &SharedNetwork, deadline_ns: Option<u64>) {
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
        context.system.wait(end_ns);
    }
    network.borrow_mut().set_interrupts(false);
    poll(context, network);
}

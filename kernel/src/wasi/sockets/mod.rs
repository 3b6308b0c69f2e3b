//! Sockets, in the forms of preview 1 and of WasmEdge.

mod address;
mod names;
mod open;
mod options;
mod socket;
mod transfer;

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
        network.borrow_mut().poll(context.system.monotonic_ns());
        Ok(network)
    }
}

/// Sleeps until something may have come, at most until `deadline_ns`; then lets the network take it in.
pub(super) fn wait(context: &mut Context<'_>, network: &SharedNetwork, deadline_ns: Option<u64>) {
    let now_ns = context.system.monotonic_ns();
    let next_ns = network.borrow_mut().next_ns(now_ns);
    let end_ns = [deadline_ns, next_ns].into_iter().flatten().min();
    if !network.borrow().has_news() {
        context.system.wait(end_ns);
    }
    network.borrow_mut().poll(context.system.monotonic_ns());
}

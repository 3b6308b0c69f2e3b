//! Who is told when a socket may have become ready, so that waiting for many costs nothing for those that nothing happens to.

use alloc::vec::Vec;

use super::network::{Network, SocketId};

/// Whom to tell of a socket; each is told once.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// The round that the numbers are of.
    round: u64,
    numbers: Vec<u32>,
}

/// The numbers that were told.
#[derive(Debug, Default)]
pub(super) struct Woken {
    round: u64,
    numbers: Vec<u32>,
}

impl Watch {
    fn add(&mut self, woken: &Woken, number: u32) {
        if self.round != woken.round {
            self.round = woken.round;
            self.numbers.clear();
        }
        if !self.numbers.contains(&number) {
            self.numbers.push(number);
        }
    }

    /// Tells whoever watches.
    pub(super) fn tell(&mut self, woken: &mut Woken) {
        if self.round == woken.round {
            woken.numbers.append(&mut self.numbers);
        }
    }
}

impl Network {
    /// Forgets whoever watches.
    pub fn forget_watches(&mut self) {
        self.woken.round += 1;
        self.woken.numbers.clear();
    }

    /// Tells `number` once when the connection may have become readable or writable.
    pub fn watch_connection(&mut self, id: SocketId, number: u32) {
        if let Some(connection) = self.connections.get_mut(id) {
            connection.watch.add(&self.woken, number);
        }
    }

    /// Tells `number` once when there may be a connection to accept.
    pub fn watch_listener(&mut self, id: SocketId, number: u32) {
        if let Some(listener) = self.listeners.get_mut(id) {
            listener.watch.add(&self.woken, number);
        }
    }

    /// Tells `number` once when a datagram may have come, or there may be room for one.
    pub fn watch_datagrams(&mut self, id: SocketId, number: u32) {
        if let Some(watch) = self.datagrams.watch(id) {
            watch.add(&self.woken, number);
        }
    }

    /// Moves the numbers that were told to the end of `numbers`.
    pub fn take_woken(&mut self, numbers: &mut Vec<u32>) {
        numbers.append(&mut self.woken.numbers);
    }
}

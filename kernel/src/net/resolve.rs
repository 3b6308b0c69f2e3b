//! Names to addresses.

use alloc::vec::Vec;

use smoltcp::socket::dns::{self, GetQueryResultError, QueryHandle, StartQueryError};
use smoltcp::wire::{DnsQueryType, IpAddress};

use super::network::Network;
use crate::fs::errno::Errno;

/// How a question stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nobody has answered yet.
    Waiting,
    /// These are the addresses.
    Addresses(Vec<IpAddress>),
    /// There is no such name, or nobody answers.
    Nothing,
}

impl Network {
    /// Asks for the addresses of `name`, of version 4 or 6.
    ///
    /// # Errors
    ///
    /// `Netunreach`: there is no server to ask; `Inval`: it is no name; `Nobufs`.
    pub fn ask(&mut self, name: &str, is_v6: bool) -> Result<QueryHandle, Errno> {
        if !self.has_servers {
            return Err(Errno::Netunreach);
        }
        let kind = if is_v6 {
            DnsQueryType::Aaaa
        } else {
            DnsQueryType::A
        };
        self.touch_common();
        let socket = self.common.get_mut::<dns::Socket<'_>>(self.dns);
        socket
            .start_query(self.interface.context(), name, kind)
            .map_err(|why| match why {
                StartQueryError::NoFreeSlot => Errno::Nobufs,
                StartQueryError::InvalidName => Errno::Inval,
                StartQueryError::NameTooLong => Errno::Nametoolong,
            })
    }

    /// How the question stands; an answer is given once.
    pub fn answer(&mut self, question: QueryHandle) -> Answer {
        let socket = self.common.get_mut::<dns::Socket<'_>>(self.dns);
        match socket.get_query_result(question) {
            Ok(addresses) => Answer::Addresses(addresses.to_vec()),
            Err(GetQueryResultError::Pending) => Answer::Waiting,
            Err(GetQueryResultError::Failed) => Answer::Nothing,
        }
    }
}

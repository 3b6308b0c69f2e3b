//! How the card gets its address.

use alloc::vec::Vec;

use smoltcp::wire::{IpAddress, IpCidr};

/// What the network is started with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Addresses with their networks; where there is none of version 4, DHCP gives one.
    pub addresses: Vec<AddressConfig>,
    /// The ways out, one a version at most.
    pub gateways: Vec<IpAddress>,
    /// Servers that resolve names.
    pub servers: Vec<IpAddress>,
}

/// An address and its network.
pub type AddressConfig = IpCidr;

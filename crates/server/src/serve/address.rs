//! Who is connected how often: no address may take all places.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use hongyan_outgoing::Range;
use parking_lot::Mutex;

/// An IPv6 caller has a whole network of this many leading bits to itself.
const IPV6_NETWORK: u32 = 64;

/// Connections by address; bounded by the number of connections.
#[derive(Clone)]
pub(crate) struct Addresses(Arc<Shared>);

struct Shared {
    most: usize,
    proxies: Vec<Range>,
    open: Mutex<HashMap<IpAddr, usize>>,
}

/// The place of one connection; given back on drop.
pub(crate) struct Place {
    address: IpAddr,
    shared: Arc<Shared>,
}

impl Addresses {
    /// At most `most` connections of one address, but for the proxies, which bring everybody's.
    pub(crate) fn new(most: usize, proxies: &[Range]) -> Self {
        Self(Arc::new(Shared { most, proxies: proxies.to_vec(), open: Mutex::default() }))
    }

    /// A place for one more connection of `address`, if it may have one.
    pub(crate) fn enter(&self, address: IpAddr) -> Option<Place> {
        let is_proxy = self.0.proxies.iter().any(|range| range.holds(address.to_canonical()));
        let address = network(address);
        let mut open = self.0.open.lock();
        let count = open.entry(address).or_default();
        // An entry that is there has a place, which takes it away in the end; a new one is let in.
        if *count >= self.0.most.max(1) && !is_proxy {
            return None;
        }
        *count += 1;
        Some(Place { address, shared: self.0.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.shared.open.lock();
        if let Some(count) = open.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

/// The address, or of IPv6 the network, that one caller has to itself.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            let kept = u128::MAX << (Ipv6Addr::BITS - IPV6_NETWORK);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & kept))
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_its_places_and_gives_them_back() {
        let addresses = Addresses::new(2, &["127.0.0.1".parse().unwrap()]);
        let held = [at("10.0.0.1"), at("::ffff:10.0.0.1")].map(|one| addresses.enter(one));

        assert!(held.iter().all(Option::is_some));
        assert!(addresses.enter(at("10.0.0.1")).is_none());
        assert!(addresses.enter(at("10.0.0.2")).is_some());
        drop(held);
        assert!(addresses.enter(at("10.0.0.1")).is_some());
        assert!(addresses.0.open.lock().is_empty(), "nothing is remembered of who has gone");
    }

    #[test]
    fn a_network_of_ipv6_is_one_address_and_a_proxy_is_not_bounded() {
        let proxies = ["127.0.0.1", "2001:db8:1::/64"].map(|range| range.parse().unwrap());
        let addresses = Addresses::new(1, &proxies);
        let enter = |address| addresses.enter(at(address));

        let one = enter("2001:db8::1");

        assert!(one.is_some() && enter("2001:db8::2").is_none() && enter("2001:db8:0:1::1").is_some());
        let proxied: Vec<_> = (0..9).map(|_| (enter("127.0.0.1"), enter("2001:db8:1::9"))).collect();
        assert!(proxied.iter().all(|(one, other)| one.is_some() && other.is_some()));
    }
}

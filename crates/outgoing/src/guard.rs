//! Which addresses may be called: the open internet, and what the operator allows besides.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Addresses of IPv4 that are not the open internet (IANA's special-purpose registry), and two that clouds keep their
/// secrets behind although they look open.
const CLOSED_V4: &[(Ipv4Addr, u8)] = &[
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10), // carrier-grade NAT; 100.100.100.200 is Alibaba Cloud's metadata
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(168, 63, 129, 16), 32), // Azure's host
    (Ipv4Addr::new(169, 254, 0, 0), 16),   // link-local; 169.254.169.254 is most clouds' metadata
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 31, 196, 0), 24),
    (Ipv4Addr::new(192, 52, 193, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(192, 175, 48, 0), 24),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// Inside 2000::/3, which is the only open part of IPv6: what is not.
const CLOSED_V6: &[(Ipv6Addr, u8)] = &[
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // Teredo, ORCHID and other protocols
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4: holds an address of IPv4
    (Ipv6Addr::new(0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0), 48),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// The only part of IPv6 that is routed openly.
const OPEN_V6: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
/// NAT64: the last 32 bits are an address of IPv4.
const NAT64: (Ipv6Addr, u8) = (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

/// A range of addresses, written `10.1.0.0/16`, `fd00::/8` or one address alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    base: IpAddr,
    bits: u8,
}

/// What is no range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("want a range of addresses like 10.1.0.0/16, fd00::/8 or 192.168.1.7")]
pub struct BadRange;

impl FromStr for Range {
    type Err = BadRange;

    fn from_str(text: &str) -> Result<Self, BadRange> {
        let (base, bits) = text.split_once('/').map_or((text, None), |(base, bits)| (base, Some(bits)));
        let base: IpAddr = base.trim().parse().map_err(|_| BadRange)?;
        let most = if base.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), |bits| bits.trim().parse().map_err(|_| BadRange))?;
        if bits > most { Err(BadRange) } else { Ok(Self { base, bits }) }
    }
}

impl Range {
    /// Whether this address is in it.
    pub fn holds(&self, address: IpAddr) -> bool {
        match (self.base, address) {
            (IpAddr::V4(base), IpAddr::V4(address)) => in_v4((base, self.bits), address),
            (IpAddr::V6(base), IpAddr::V6(address)) => in_v6((base, self.bits), address),
            _ => false,
        }
    }
}

fn in_v4((base, bits): (Ipv4Addr, u8), address: Ipv4Addr) -> bool {
    let shift = 32 - u32::from(bits);
    (u64::from(base.to_bits()) >> shift) == (u64::from(address.to_bits()) >> shift)
}

fn in_v6((base, bits): (Ipv6Addr, u8), address: Ipv6Addr) -> bool {
    let shift = 128 - u32::from(bits);
    let cut = |address: Ipv6Addr| address.to_bits().checked_shr(shift).unwrap_or(0);
    cut(base) == cut(address)
}

/// Says which addresses may be called.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    /// Closed addresses that the operator opens: where receivers stand in the same network.
    pub allowed: Vec<Range>,
}

impl Guard {
    /// Whether this address may be called.
    pub fn allows(&self, address: IpAddr) -> bool {
        // ::ffff:10.0.0.1 is 10.0.0.1 to the kernel, and so it is here.
        let address = address.to_canonical();
        is_open(address) || self.allowed.iter().any(|range| range.holds(address))
    }
}

fn is_open(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_open_v4(address),
        IpAddr::V6(address) if in_v6(NAT64, address) => {
            let [.., a, b, c, d] = address.octets();
            is_open_v4(Ipv4Addr::new(a, b, c, d))
        }
        IpAddr::V6(address) => {
            in_v6(OPEN_V6, address) && !CLOSED_V6.iter().any(|range| in_v6(*range, address))
        }
    }
}

fn is_open_v4(address: Ipv4Addr) -> bool {
    !CLOSED_V4.iter().any(|range| in_v4(*range, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOSED: &[&str] = &[
        "0.0.0.0",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.100.100.200",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.1",
        "192.168.255.255",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::10.0.0.1",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:10::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fdff::1",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
    ];

    const OPEN: &[&str] = &[
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2001:200::1",
        "2400:3200::1",
        "2606:4700:4700::1111",
        "2a00:1450::1",
    ];

    #[test]
    fn what_is_not_the_open_internet_is_closed() {
        let guard = Guard::default();

        for text in CLOSED {
            assert!(!guard.allows(text.parse().unwrap()), "{text} is open");
        }
        for text in OPEN {
            assert!(guard.allows(text.parse().unwrap()), "{text} is closed");
        }
    }

    #[test]
    fn the_operator_opens_a_range_and_no_more() {
        let allowed = ["10.1.0.0/16", "fd00:1::/32", "127.0.0.1"].map(|text| text.parse().unwrap());
        let guard = Guard { allowed: allowed.to_vec() };
        let allows = |text: &str| guard.allows(text.parse().unwrap());

        assert!(
            allows("10.1.2.3") && allows("::ffff:10.1.2.3") && allows("fd00:1::9") && allows("127.0.0.1")
        );
        assert!(!allows("10.2.0.1") && !allows("fd00:2::9") && !allows("127.0.0.2") && !allows("::1"));
    }

    #[test]
    fn a_range_of_everything_holds_everything_of_its_kind() {
        assert!("0.0.0.0/0".parse::<Range>().unwrap().holds("10.0.0.1".parse().unwrap()));
        assert!("::/0".parse::<Range>().unwrap().holds("fd00::1".parse().unwrap()));
        for text in ["", "10.0.0.0/33", "::/129", "10.0.0/8", "x/8", "10.0.0.0/-1"] {
            assert_eq!(text.parse::<Range>(), Err(BadRange), "{text}");
        }
    }
}

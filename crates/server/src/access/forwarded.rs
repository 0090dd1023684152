//! Who really calls, where a proxy stands in front: read from `X-Forwarded-For`, which anybody may write, so only as far
//! as those we trust have written it.

use std::net::{IpAddr, SocketAddr};

use hongyan_outgoing::Range;
use http::HeaderMap;

const FORWARDED_FOR: &str = "x-forwarded-for";
/// Hops looked at, from our side: nobody has more proxies of their own in a row.
const HOPS_MAX: usize = 16;

/// The address nearest to us that is no proxy of ours. Each proxy appends the address that it was called from, so what
/// stands left of the first stranger may be that stranger's invention and is not looked at.
pub(crate) fn client(peer: IpAddr, headers: &HeaderMap, proxies: &[Range]) -> IpAddr {
    let is_proxy = |address: IpAddr| proxies.iter().any(|range| range.holds(address));
    let mut nearest = peer.to_canonical();
    if !is_proxy(nearest) {
        return nearest;
    }
    let lines = headers.get_all(FORWARDED_FOR).iter().rev().filter_map(|line| line.to_str().ok());
    for hop in lines.flat_map(|line| line.rsplit(',')).take(HOPS_MAX) {
        // What is no address was written by nobody whom we know: the proxy that handed it on is all that is sure.
        let Some(address) = read(hop.trim()) else { break };
        nearest = address;
        if !is_proxy(nearest) {
            break;
        }
    }
    nearest
}

/// `1.2.3.4`, `2001:db8::1`, and both with a port, as some proxies write them.
fn read(hop: &str) -> Option<IpAddr> {
    let with_port = || hop.parse::<SocketAddr>().ok().map(|address| address.ip());
    let bare = hop.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
    bare.or_else(with_port).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn seen(peer: &str, lines: &[&'static str]) -> String {
        let proxies: Vec<_> = ["127.0.0.1", "10.1.0.0/16"].map(|text| text.parse().unwrap()).into();
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, HeaderValue::from_static(line));
        }
        client(peer.parse().unwrap(), &headers, &proxies).to_string()
    }

    #[test]
    fn the_nearest_stranger_calls_and_what_it_says_of_itself_is_not_believed() {
        let cases: [(&str, &[&'static str], &str); 10] = [
            ("9.9.9.9", &["1.2.3.4"], "9.9.9.9"),
            ("127.0.0.1", &[], "127.0.0.1"),
            ("127.0.0.1", &["1.2.3.4"], "1.2.3.4"),
            ("::ffff:127.0.0.1", &["1.2.3.4"], "1.2.3.4"),
            ("127.0.0.1", &["6.6.6.6, 1.2.3.4, 10.1.2.3"], "1.2.3.4"),
            ("127.0.0.1", &["6.6.6.6, 1.2.3.4", "10.1.2.3"], "1.2.3.4"),
            ("127.0.0.1", &["6.6.6.6, nonsense"], "127.0.0.1"),
            ("127.0.0.1", &["6.6.6.6, nonsense, 10.1.2.3"], "10.1.2.3"),
            ("127.0.0.1", &["[2001:db8::1]:443"], "2001:db8::1"),
            ("10.1.0.9", &["1.2.3.4:5000"], "1.2.3.4"),
        ];

        for (peer, lines, expected) in cases {
            assert_eq!(seen(peer, lines), expected, "{peer} {lines:?}");
        }
    }
}

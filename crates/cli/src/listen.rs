//! A listening socket with room for many callers at once.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use tokio::net::{TcpListener, TcpSocket};

/// Connections that wait to be accepted; Linux's usual `somaxconn`, which caps it. With the 128 of a plain bind a
/// thousand callers at once overflow the queue, and those turned away try again only after a second.
const WAITING: u32 = 4_096;

/// Listens on `address`; what stands in the way is told with the address.
pub(crate) fn on(address: SocketAddr) -> Result<TcpListener> {
    let listen = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // A restart must not wait for the connections of the last run to be forgotten.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(WAITING)
    };
    listen().with_context(|| address.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_that_is_taken_is_named_in_the_error() {
        let first = on(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let taken = first.local_addr().unwrap();

        let error = on(taken).unwrap_err();

        assert!(format!("{error:#}").contains(&taken.to_string()), "{error:#}");
    }
}

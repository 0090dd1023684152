//! A listening socket with room for many callers at once.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};

use crate::exit::Failure;
use crate::lang::Texts;

/// Connections that wait to be accepted; Linux's usual `somaxconn`, which caps it. With the 128 of a plain bind a
/// thousand callers at once overflow the queue, and those turned away try again only after a second.
const WAITING: u32 = 4_096;

/// Listens on `address`; what stands in the way is told with the address and the option that gives another.
pub(crate) fn on(texts: &Texts, address: SocketAddr) -> Result<TcpListener, Failure> {
    let listen = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // A restart must not wait for the connections of the last run to be forgotten.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(WAITING)
    };
    listen().map_err(|error: io::Error| {
        let told = match error.kind() {
            io::ErrorKind::AddrInUse => texts.get("say.port_taken").to_owned(),
            _ => error.to_string(),
        };
        Failure::Failed(texts.fill("say.cannot_listen", &[("address", &address), ("reason", &told)]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::Lang;

    #[tokio::test]
    async fn an_address_that_is_taken_is_named_in_the_error_with_the_option_that_gives_another() {
        let texts = Texts::new(Lang::En);
        let first = on(&texts, SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let taken = first.local_addr().unwrap();

        let error = on(&texts, taken).unwrap_err().to_string();

        assert!(error.contains(&taken.to_string()) && error.contains("--listen"), "{error}");
    }
}

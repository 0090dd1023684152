//! The line between our client and WeChat, which a test holds, cuts and mends. It reads nothing of what passes:
//! what the client makes of it is what it would make of a real network.

use std::net::{Ipv4Addr, SocketAddr};

use parking_lot::Mutex;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// More than one call or answer of the path has.
const CHUNK: usize = 64 * 1024;

/// What the line does with what comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Open,
    HoldCalls,
    HoldAnswers,
}

/// A line to one simulator.
pub struct Wire {
    address: SocketAddr,
    upstream: watch::Sender<SocketAddr>,
    /// Bound and never listening: while the line refuses, nobody else gets the port.
    _place: Socket,
    flow: watch::Sender<Flow>,
    held: watch::Sender<usize>,
    answered: watch::Sender<usize>,
    open: Mutex<CancellationToken>,
}

impl Wire {
    /// A line to `upstream` that lets everything pass.
    pub fn to(upstream: SocketAddr) -> Self {
        let place = bound(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let address = place.local_addr().ok().and_then(|at| at.as_socket()).expect("it is bound");
        let open = Mutex::new(CancellationToken::new());
        let (flow, held) = (watch::Sender::new(Flow::Open), watch::Sender::new(0));
        let answered = watch::Sender::new(0);
        let upstream = watch::Sender::new(upstream);
        let wire = Self { address, upstream, _place: place, flow, held, answered, open };
        wire.listen();
        wire
    }

    /// Where the client connects to.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on calls do not reach WeChat, and nobody is told.
    pub fn hold_calls(&self) {
        self.flow.send_replace(Flow::HoldCalls);
    }

    /// From now on WeChat hears and acts, and its answers stay on the way.
    pub fn hold_answers(&self) {
        self.flow.send_replace(Flow::HoldAnswers);
    }

    /// Lets everything pass again, what was held first.
    pub fn open(&self) {
        self.flow.send_replace(Flow::Open);
    }

    /// Waits until so many calls or answers are held.
    pub async fn held(&self, count: usize) {
        let mut held = self.held.subscribe();
        held.wait_for(|held| *held >= count).await.expect("the sender lives as long as the wire");
    }

    /// New connections lead elsewhere from now on.
    pub fn redirect(&self, upstream: SocketAddr) {
        self.upstream.send_replace(upstream);
    }

    /// How many answers have passed.
    pub fn answered(&self) -> usize {
        *self.answered.borrow()
    }

    /// Waits until `done`, looking each time an answer has passed.
    pub async fn until(&self, mut done: impl FnMut() -> bool) {
        let mut answered = self.answered.subscribe();
        while !done() {
            answered.changed().await.expect("the sender lives as long as the wire");
        }
    }

    /// Cuts every connection, with what is held in it. New ones are taken.
    pub fn cut(&self) {
        self.refuse();
        self.listen();
    }

    /// Cuts every connection and refuses new ones, until [`Wire::mend`].
    pub fn refuse(&self) {
        self.open.lock().cancel();
    }

    /// Takes connections again after [`Wire::refuse`].
    pub fn mend(&self) {
        self.open();
        self.listen();
    }

    fn listen(&self) {
        let socket = bound(self.address);
        socket.listen(1_024).expect("a bound socket can listen");
        let listener = TcpListener::from_std(socket.into()).expect("it does not block");
        let closed = CancellationToken::new();
        *self.open.lock() = closed.clone();
        let (flow, held, answered) = (self.flow.clone(), self.held.clone(), self.answered.clone());
        let line = Line { upstream: self.upstream.clone(), flow, held, answered };
        tokio::spawn(closed.clone().run_until_cancelled_owned(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (line, closed) = (line.clone(), closed.clone());
                tokio::spawn(closed.run_until_cancelled_owned(async move { line.carry(client).await }));
            }
        }));
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.refuse();
    }
}

fn bound(address: SocketAddr) -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).expect("there are sockets");
    socket.set_reuse_address(true).expect("Linux and macOS have it");
    socket.set_reuse_port(true).expect("Linux and macOS have it");
    socket.set_nonblocking(true).expect("a socket can");
    socket.bind(&address.into()).expect("the port is ours");
    socket
}

#[derive(Clone)]
struct Line {
    upstream: watch::Sender<SocketAddr>,
    flow: watch::Sender<Flow>,
    held: watch::Sender<usize>,
    answered: watch::Sender<usize>,
}

impl Line {
    /// Carries one connection until either side ends it.
    async fn carry(&self, client: TcpStream) {
        let mut flow = self.flow.subscribe();
        // Whoever calls while calls are held is connected when they pass again, wherever the line leads then.
        if *flow.borrow_and_update() == Flow::HoldCalls {
            self.held.send_modify(|held| *held += 1);
            if flow.wait_for(|flow| *flow != Flow::HoldCalls).await.is_err() {
                return;
            }
        }
        let upstream = *self.upstream.borrow();
        let Ok(wechat) = TcpStream::connect(upstream).await else { return };
        let set = client.set_nodelay(true).and_then(|()| wechat.set_nodelay(true));
        if set.is_err() {
            return;
        }
        let ((calls, to_client), (answers, to_wechat)) = (client.into_split(), wechat.into_split());
        tokio::select! {
            () = self.pass(calls, to_wechat, Flow::HoldCalls) => {}
            () = self.pass(answers, to_client, Flow::HoldAnswers) => {}
        }
    }

    async fn pass(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, held_by: Flow) {
        let mut flow = self.flow.subscribe();
        let mut chunk = vec![0; CHUNK];
        loop {
            let Ok(length @ 1..) = from.read(&mut chunk).await else { return };
            let holds = *flow.borrow_and_update() == held_by;
            if holds {
                self.held.send_modify(|held| *held += 1);
                if flow.wait_for(|flow| *flow != held_by).await.is_err() {
                    return;
                }
            }
            if to.write_all(&chunk[..length]).await.is_err() {
                return;
            }
            if held_by == Flow::HoldAnswers {
                self.answered.send_modify(|answered| *answered += 1);
            }
        }
    }
}

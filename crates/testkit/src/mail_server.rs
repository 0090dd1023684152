//! A mail server that keeps what it takes and says no as it is bidden.

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// What it does with what comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Takes it.
    Takes,
    /// Knows nobody by that name and password.
    RefusesLogin,
    /// Does not know this mailbox.
    RefusesMailbox(&'static str),
    /// Wants it later.
    Later,
    /// Says nothing, from the greeting on.
    Hangs,
    /// Hangs up in the middle of the letter.
    HangsUp,
}

/// Where TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begins {
    /// With the first byte.
    AtOnce,
    /// With STARTTLS.
    Later,
    /// Never: STARTTLS is not offered.
    Never,
}

/// A letter it took.
#[derive(Clone, Debug, Default)]
pub struct Posted {
    /// The `AUTH` line that came before, if one did.
    pub login: Option<String>,
    /// Whether it came encrypted.
    pub is_encrypted: bool,
    /// Those of `RCPT TO` that it took.
    pub to: Vec<String>,
    /// Headers and text as they came.
    pub text: String,
}

struct Shared {
    posted: Mutex<Vec<Posted>>,
    manner: Mutex<Manner>,
    begins: Begins,
    tls: TlsAcceptor,
}

/// The server, named `localhost`; it ends with its runtime.
pub struct MailServer {
    address: SocketAddr,
    certificate: Vec<u8>,
    shared: Arc<Shared>,
}

impl MailServer {
    /// Listens on a port of its own and takes everything.
    pub async fn start(begins: Begins) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let address = listener.local_addr().expect("it is bound");
        let (tls, certificate) = acceptor();
        let (posted, manner) = (Mutex::default(), Mutex::new(Manner::Takes));
        let shared = Arc::new(Shared { posted, manner, begins, tls });
        let serving = shared.clone();
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let shared = serving.clone();
                tokio::spawn(async move { shared.serve(tcp).await });
            }
        });
        Self { address, certificate, shared }
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The certificate to trust: DER.
    pub fn certificate(&self) -> Vec<u8> {
        self.certificate.clone()
    }

    /// Does so from now on.
    pub fn be(&self, manner: Manner) {
        *self.shared.manner.lock() = manner;
    }

    /// What it took since the last look.
    pub fn take(&self) -> Vec<Posted> {
        std::mem::take(&mut self.shared.posted.lock())
    }
}

fn acceptor() -> (TlsAcceptor, Vec<u8>) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]);
    let made = made.expect("a certificate can be made");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has the protocol versions it comes with")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("key and certificate belong together");
    (TlsAcceptor::from(Arc::new(config)), made.cert.der().to_vec())
}

impl Shared {
    /// One connection, to its end.
    async fn serve(&self, tcp: TcpStream) -> Option<()> {
        if self.manner() == Manner::Hangs {
            std::future::pending::<()>().await;
        }
        if self.begins == Begins::AtOnce {
            let tls = self.tls.accept(tcp).await.ok()?;
            return Talk::new(self, tls, Greets::Yes).go_on().await.map(drop);
        }
        let tcp = Talk::new(self, tcp, Greets::YesInPlain).go_on().await?;
        let tls = self.tls.accept(tcp).await.ok()?;
        Talk::new(self, tls, Greets::No).go_on().await.map(drop)
    }

    fn manner(&self) -> Manner {
        self.manner.lock().clone()
    }
}

/// How a talk begins: after STARTTLS without a greeting.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Greets {
    Yes,
    YesInPlain,
    No,
}

struct Talk<'a, S> {
    shared: &'a Shared,
    stream: BufReader<S>,
    greets: Greets,
    letter: Posted,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Talk<'a, S> {
    fn new(shared: &'a Shared, stream: S, greets: Greets) -> Self {
        let letter = Posted { is_encrypted: greets != Greets::YesInPlain, ..Posted::default() };
        Self { shared, stream: BufReader::new(stream), greets, letter }
    }

    /// Answers line by line; the stream, when TLS is to begin on it.
    async fn go_on(mut self) -> Option<S> {
        if self.greets != Greets::No {
            self.say("220 localhost").await?;
        }
        loop {
            let line = self.line().await?;
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            match &*verb {
                "EHLO" => self.offer().await?,
                "STARTTLS" => {
                    self.say("220 begin").await?;
                    return Some(self.stream.into_inner());
                }
                "AUTH" => self.log_in(line).await?,
                "RCPT" => self.add_recipient(&line).await?,
                "DATA" => self.read_letter().await?,
                "QUIT" => {
                    self.say("221 bye").await?;
                    return None;
                }
                _ => self.say("250 well").await?,
            }
        }
    }

    async fn offer(&mut self) -> Option<()> {
        let may_start = self.greets == Greets::YesInPlain && self.shared.begins == Begins::Later;
        let start = if may_start { "250-STARTTLS\r\n" } else { "" };
        self.say(&format!("250-localhost\r\n{start}250-8BITMIME\r\n250 AUTH PLAIN LOGIN")).await
    }

    async fn log_in(&mut self, line: String) -> Option<()> {
        self.letter.login = Some(line);
        match self.shared.manner() {
            Manner::RefusesLogin => self.say("535 5.7.8 nobody here is robot").await,
            _ => self.say("235 welcome").await,
        }
    }

    async fn add_recipient(&mut self, line: &str) -> Option<()> {
        let mailbox = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        if matches!(self.shared.manner(), Manner::RefusesMailbox(unknown) if unknown == mailbox) {
            return self.say(&format!("550 5.1.1 {mailbox} is unknown")).await;
        }
        self.letter.to.push(mailbox);
        self.say("250 well").await
    }

    async fn read_letter(&mut self) -> Option<()> {
        self.say("354 go on").await?;
        loop {
            match &*self.line().await? {
                "." => break,
                _ if self.shared.manner() == Manner::HangsUp => return None,
                line => self.letter.text.push_str(&format!("{line}\n")),
            }
        }
        if self.shared.manner() == Manner::Later {
            return self.say("451 4.3.0 later, please").await;
        }
        let is_encrypted = self.letter.is_encrypted;
        let next = Posted { is_encrypted, ..Posted::default() };
        self.shared.posted.lock().push(std::mem::replace(&mut self.letter, next));
        self.say("250 taken").await
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.stream.read_line(&mut line).await.ok()?;
        (read > 0).then(|| line.trim_end().to_owned())
    }

    async fn say(&mut self, text: &str) -> Option<()> {
        self.stream.write_all(format!("{text}\r\n").as_bytes()).await.ok()?;
        self.stream.flush().await.ok()
    }
}

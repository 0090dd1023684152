//! E-mail by a mail server: what is sent, how, and what the server said to it.
//!
//! The name of the server is resolved and vetted like that of a webhook; the connection goes to a vetted address, and TLS
//! asks for the name. Each recipient is offered by itself: one mailbox that is gone keeps nothing from the others.

use std::error::Error as _;
use std::io;
use std::time::{Duration, SystemTime};

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{Error, client::CertificateStore};

use crate::{Failure, Outgoing};

/// Of what a server said so much is told: the rest is advertising.
const SAID_MAX: usize = 200;

/// How the way to the server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// From the first byte.
    Implicit,
    /// After STARTTLS; a server that does not offer it is sent nothing.
    StartTls,
    /// Not at all.
    None,
}

/// A mail server.
#[derive(Clone, Copy)]
pub struct Server<'a> {
    /// Its name.
    pub host: &'a str,
    /// Its port.
    pub port: u16,
    /// How the way to it is encrypted.
    pub encryption: Encryption,
    /// User and password, where it wants them.
    pub login: Option<(&'a str, &'a str)>,
}

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub struct Letter<'a> {
    /// `name@host`, or `Name <name@host>`.
    pub from: &'a str,
    /// The same, each.
    pub to: &'a [String],
    /// One line.
    pub subject: &'a str,
    /// Plain text.
    pub text: &'a str,
    /// The same for every try, so that a reader's program can tell that it has it.
    pub id: &'a str,
    /// When it was written, Unix milliseconds.
    pub at_ms: i64,
}

/// What is no address of a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("want an address like name@example.com, or Name <name@example.com>")]
pub struct BadMailbox;

/// Whether `text` is an address of a mailbox, alone or with a name before it.
pub fn check_mailbox(text: &str) -> Result<(), BadMailbox> {
    mailbox(text).map(drop)
}

fn mailbox(text: &str) -> Result<Mailbox, BadMailbox> {
    let mailbox: Mailbox = text.parse().map_err(|_| BadMailbox)?;
    // Few servers take others (RFC 6531), and those that do not would refuse the whole letter.
    let (user, domain) = (mailbox.email.user(), mailbox.email.domain());
    if user.is_ascii() && domain.is_ascii() { Ok(mailbox) } else { Err(BadMailbox) }
}

impl Outgoing {
    /// Hands a letter to a mail server; how many of its recipients the server refused, of which it took one at least.
    pub async fn mail(&self, server: &Server<'_>, letter: &Letter<'_>) -> Result<usize, Failure> {
        let handed = tokio::time::timeout(self.settings.timeout, self.hand_over(server, letter)).await;
        handed.unwrap_or_else(|_| Err(Failure::Timeout(server.host.to_owned())))
    }

    async fn hand_over(&self, server: &Server<'_>, letter: &Letter<'_>) -> Result<usize, Failure> {
        let told = Told { host: server.host, letter, login: server.login };
        let message = message(letter).map_err(|error| told.refused("the letter", &error))?;
        let mut connection = self.connect_to_mail(server, &message, &told).await?;
        if let Some((user, password)) = server.login {
            let credentials = Credentials::new(user.to_owned(), password.to_owned());
            let login = connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await;
            login.map_err(|error| told.failure("the login", &error))?;
        }
        let refused = offer(&mut connection, &message, &told).await?;
        // It has the letter: how it says goodbye changes nothing.
        let _ = connection.quit().await;
        Ok(refused)
    }

    async fn connect_to_mail(
        &self,
        server: &Server<'_>,
        message: &Message,
        told: &Told<'_>,
    ) -> Result<AsyncSmtpConnection, Failure> {
        let addresses = self.vetted(server.host, server.port).await?;
        // The name the letter comes from: some servers refuse who gives none.
        let from = message.envelope().from().map_or("localhost", |from| from.domain());
        let me = ClientId::Domain(from.to_owned());
        let tls = self.mail_tls(server.host).map_err(|error| told.failure("TLS", &error))?;
        let (implicit, start) = match server.encryption {
            Encryption::Implicit => (Some(tls), None),
            Encryption::StartTls => (None, Some(tls)),
            Encryption::None => (None, None),
        };
        let wait = Some(self.settings.timeout);
        let connected = AsyncSmtpConnection::connect_tokio1(&addresses[..], wait, &me, implicit, None).await;
        let mut connection = connected.map_err(|error| told.failure("the greeting", &error))?;
        if let Some(tls) = start {
            connection.starttls(tls, &me).await.map_err(|error| told.failure("STARTTLS", &error))?;
        }
        Ok(connection)
    }

    fn mail_tls(&self, host: &str) -> Result<TlsParameters, Error> {
        let roots = TlsParameters::builder(host.to_owned()).certificate_store(CertificateStore::WebpkiRoots);
        let add = |roots: lettre::transport::smtp::client::TlsParametersBuilder, der: &Vec<u8>| {
            Ok::<_, Error>(roots.add_root_certificate(Certificate::from_der(der.clone())?))
        };
        self.settings.extra_roots.iter().try_fold(roots, add)?.build_rustls()
    }
}

/// The letter as it goes over the wire.
fn message(letter: &Letter<'_>) -> Result<Message, String> {
    let mailbox = |text: &str| mailbox(text).map_err(|error| error.to_string());
    let at = SystemTime::UNIX_EPOCH + Duration::from_millis(letter.at_ms.try_into().unwrap_or(0));
    // Nobody's holiday notice need answer it (RFC 3834).
    let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
    let mut builder = Message::builder()
        .from(mailbox(letter.from)?)
        .subject(letter.subject.replace(char::is_control, " "))
        .date(at)
        .message_id(Some(format!("<{}>", letter.id)))
        .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
        .header(ContentType::TEXT_PLAIN);
    for to in letter.to {
        builder = builder.to(mailbox(to)?);
    }
    builder.body(letter.text.to_owned()).map_err(|error| error.to_string())
}

/// The letter itself, on a connection that is ready for it.
async fn offer(
    connection: &mut AsyncSmtpConnection,
    message: &Message,
    told: &Told<'_>,
) -> Result<usize, Failure> {
    let envelope = message.envelope();
    let mail = connection.command(Mail::new(envelope.from().cloned(), Vec::new())).await;
    mail.map_err(|error| told.failure("the sender", &error))?;
    let mut refusals = Vec::new();
    for to in envelope.to() {
        match connection.command(Rcpt::new(to.clone(), Vec::new())).await {
            Ok(_) => {}
            Err(error) if error.status().is_some() => refusals.push(error),
            Err(error) => return Err(told.failure("the recipient", &error)),
        }
    }
    if refusals.len() == envelope.to().len() {
        let first = refusals.first().map(|error| told.failure("every recipient", error));
        return Err(first.unwrap_or_else(|| told.refused("the letter", "it has no recipient")));
    }
    connection.command(Data).await.map_err(|error| told.failure("the letter", &error))?;
    let taken = connection.message(&message.formatted()).await;
    taken.map_err(|error| told.failure("the letter", &error))?;
    Ok(refusals.len())
}

/// Makes words of what went wrong, without the addresses and names that servers like to repeat.
struct Told<'a> {
    host: &'a str,
    letter: &'a Letter<'a>,
    login: Option<(&'a str, &'a str)>,
}

impl Told<'_> {
    fn failure(&self, step: &'static str, error: &Error) -> Failure {
        let host = self.host.to_owned();
        let source = error.source().map(ToString::to_string).unwrap_or_default();
        if let Some(code) = error.status() {
            return self.refused(step, &format!("{code} {source}"));
        }
        if error.is_client() {
            return self.refused(step, &source);
        }
        let broken = || io::Error::other(self.cleaned(&error.to_string()));
        match error {
            _ if error.is_timeout() => Failure::Timeout(host),
            _ if error.is_tls() || step == "STARTTLS" => Failure::Tls(host, broken()),
            _ if step == "the greeting" => Failure::Connect(host, broken()),
            _ => Failure::Broken(host),
        }
    }

    fn refused(&self, step: &'static str, said: &str) -> Failure {
        Failure::Refused { host: self.host.to_owned(), step, said: self.cleaned(said) }
    }

    fn cleaned(&self, said: &str) -> String {
        let mailboxes = self.letter.to.iter().map(String::as_str).chain([self.letter.from]);
        let addresses = mailboxes.filter_map(|text| Some(mailbox(text).ok()?.email.to_string()));
        let login = self.login.into_iter().flat_map(|(user, password)| [user, password]).map(str::to_owned);
        let hidden = addresses.chain(login).filter(|text| !text.is_empty());
        let said = hidden.fold(said.replace(char::is_control, " "), |said, text| said.replace(&text, "…"));
        said[..said.floor_char_boundary(SAID_MAX)].trim().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter<'a>(to: &'a [String], subject: &'a str, text: &'a str) -> Letter<'a> {
        let from = "鸿雁 <alert@example.com>";
        Letter { from, to, subject, text, id: "note_7@hongyan", at_ms: 1_795_406_400_000 }
    }

    #[test]
    fn a_letter_says_what_it_is_and_no_name_in_it_adds_a_header() {
        let to = ["ops@example.com".to_owned()];
        let letter = letter(&to, "额度用完\r\nBcc: thief@example.com", "第一行\n.\n第三行");

        let formatted = String::from_utf8(message(&letter).unwrap().formatted()).unwrap();

        for header in [
            "Message-ID: <note_7@hongyan>\r\n",
            "Date: Mon, 23 Nov 2026 04:00:00 +0000\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "To: ops@example.com\r\n",
            "Content-Type: text/plain; charset=utf-8\r\n",
        ] {
            assert!(formatted.contains(header), "{header} is missing: {formatted}");
        }
        assert!(!formatted.contains("\r\nBcc:") && formatted.is_ascii(), "{formatted}");
    }

    #[test]
    fn a_mailbox_has_a_name_before_it_or_not_and_its_address_is_ascii() {
        for good in ["ops@example.com", "值班 <ops@example.com>", "a.b+c@mail.example.com"] {
            assert_eq!(check_mailbox(good), Ok(()), "{good}");
        }
        for bad in ["", "ops", "@example.com", "a@b c", "值班@example.com", "a@b.example\r\nBcc: c@d.example"]
        {
            assert_eq!(check_mailbox(bad), Err(BadMailbox), "{bad}");
        }
    }

    #[test]
    fn what_a_server_says_is_told_without_addresses_and_passwords() {
        let to = ["值班 <ops@example.com>".to_owned()];
        let letter = letter(&to, "", "");
        let told = Told { host: "mail.example.com", letter: &letter, login: Some(("robot", "pass-W0rd")) };

        let said = told.refused("every recipient", "550 <ops@example.com>: robot, pass-W0rd?\r\nno");

        let expected = "mail.example.com refused every recipient: 550 <…>: …, …?  no";
        assert_eq!(said.to_string(), expected);
    }
}

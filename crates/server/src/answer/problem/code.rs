//! The closed set of problem codes, each with its HTTP status and its English title.

use http::StatusCode;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $status:literal, $title:literal;)+) => {
        /// The closed set of problem codes; programs match on these, never on texts.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code { $($(#[$doc])* $name,)+ }

        impl Code {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The word in `code`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }

            /// The HTTP status it is answered with.
            pub fn status(self) -> StatusCode {
                let status = match self { $(Self::$name => $status,)+ };
                StatusCode::from_u16(status).expect("the table holds statuses of HTTP only")
            }

            /// The English title of all problems of this code.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }
        }
    };
}

codes! {
    /// The body is not JSON.
    MalformedJson = "malformed_json", 400, "The body is not JSON";
    /// The body is not UTF-8.
    InvalidUtf8 = "invalid_utf8", 400, "The body is not UTF-8";
    /// The request itself is broken: its path, its query, its body's end.
    BadRequest = "bad_request", 400, "The request cannot be read";
    /// Several accounts are possible and none is named.
    AccountNeeded = "account_needed", 400, "Name the account";
    /// No key, or none that opens anything.
    Unauthorized = "unauthorized", 401, "A valid API key is needed";
    /// No such user, or not their password: the same answer for both.
    LoginFailed = "login_failed", 401, "The login is not right";
    /// The password is right, and the second factor is asked for.
    TotpNeeded = "totp_needed", 401, "The code of the second factor is needed";
    /// A change by the console's cookie that no page of the console sent.
    ForeignOrigin = "foreign_origin", 403, "The request comes from another site";
    /// The key does not allow this.
    Forbidden = "forbidden", 403, "The API key does not allow this";
    /// A callback that WeChat did not sign, or signed too long ago.
    BadSignature = "bad_signature", 403, "The signature does not hold";
    /// There is no such route.
    UnknownRoute = "unknown_route", 404, "There is nothing here";
    /// There is no such account for this key.
    UnknownAccount = "unknown_account", 404, "There is no such account";
    /// There is no such message for this key.
    UnknownMessage = "unknown_message", 404, "There is no such message";
    /// The account has no such template.
    UnknownTemplate = "unknown_template", 404, "There is no such template";
    /// The account has no such application.
    UnknownApplication = "unknown_application", 404, "There is no such application";
    /// The account has no such scenario.
    UnknownScenario = "unknown_scenario", 404, "There is no such scenario";
    /// There is no such approval for this key.
    UnknownApproval = "unknown_approval", 404, "There is no such approval";
    /// There is no such brake for this key.
    UnknownBrake = "unknown_brake", 404, "There is no such brake";
    /// There is no such alert, rule or channel.
    UnknownAlert = "unknown_alert", 404, "There is no such alert, rule or channel";
    /// There is no such webhook.
    UnknownWebhook = "unknown_webhook", 404, "There is no such webhook";
    /// There is no such key, or it was revoked before.
    UnknownKey = "unknown_key", 404, "There is no such key";
    /// There is no such user.
    UnknownUser = "unknown_user", 404, "There is no such user";
    /// There is no such session, or it has ended.
    UnknownSession = "unknown_session", 404, "There is no such session";
    /// The set-up link is wrong, used or too old.
    SetupOver = "setup_over", 410, "This link is not valid any more";
    /// The route exists, for other methods.
    MethodNotAllowed = "method_not_allowed", 405, "The method is not allowed here";
    /// The body did not come in time.
    BodyTimeout = "body_timeout", 408, "The body did not come in time";
    /// Another message has this client_msg_id.
    Conflict = "conflict", 409, "Another message has this client_msg_id";
    /// The account is there already.
    AccountExists = "account_exists", 409, "The account exists already";
    /// A rule or channel of this id is there already.
    AlertExists = "alert_exists", 409, "It exists already";
    /// The account's library has 25 templates.
    LibraryFull = "library_full", 409, "The template library is full";
    /// The user is there already.
    UserExists = "user_exists", 409, "The user exists already";
    /// Nobody else could make an admin.
    LastAdmin = "last_admin", 409, "They are the last admin";
    /// What is applied for is in the account's library.
    TemplateExists = "template_exists", 409, "The account has this template already";
    /// Scenarios fill the template.
    TemplateInUse = "template_in_use", 409, "Scenarios use the template";
    /// WeChat allows it once or a few times a month; `allowed_at` says when again.
    TooSoon = "too_soon", 409, "It is too soon for that";
    /// Not possible in the state it is in.
    WrongState = "wrong_state", 409, "It is not in a state for that";
    /// The message cannot be taken back any more.
    TooLate = "too_late", 409, "It is too late for that";
    /// The body is over the limit.
    BodyTooLarge = "body_too_large", 413, "The body is too large";
    /// The body is of a kind that is not read here.
    UnsupportedMediaType = "unsupported_media_type", 415, "The content type is not supported";
    /// A rule refuses the message; `rule` names it, `until` says from when on it would not.
    Refused = "refused", 422, "A rule refuses the message";
    /// Fields are wrong; `errors` names all of them.
    Invalid = "invalid", 422, "Some fields are not acceptable";
    /// Too many failed tries with API keys.
    Throttled = "throttled", 429, "Too many failed attempts";
    /// A defect here.
    Internal = "internal", 500, "Something went wrong here";
    /// WeChat answered with an error code.
    WeChatRefused = "wechat_refused", 502, "WeChat refused";
    /// WeChat gave no usable answer.
    WeChatUnreachable = "wechat_unreachable", 502, "WeChat could not be reached";
    /// The store cannot write or read now; nothing was accepted.
    StoreUnavailable = "store_unavailable", 503, "The store is unavailable";
    /// A write failed on the disk and the process ends; whether the request took effect is not known.
    StoreStopped = "store_stopped", 503, "The store has stopped";
    /// The process is stopping; nothing was accepted.
    Stopping = "stopping", 503, "The server is stopping";
    /// No answer in time; the request may still take effect.
    Timeout = "timeout", 504, "The answer took too long";
}

//! WeChat's side of the simulator: who calls, what strikes the call, which call it is.

use std::fmt::Write;
use std::net::IpAddr;
use std::sync::Arc;

use http::Method;

use crate::account::{Account, Profile};
use crate::bodies::Permission;
use crate::errcode::Refusal;
use crate::exchange::{Answer, Request};
use crate::faults::{Aftermath, Strike, drawn_ms};
use crate::outbox::Push;
use crate::quota::{Api, Limits};
use crate::rids::{self, Traced};
use crate::token_calls::TokenAsk;
use crate::world::{ActiveFaults, World};
use crate::{quota_calls, send, template_calls, token_calls};

/// A call whose caller is known.
pub(crate) struct Call<'a> {
    pub(crate) world: &'a World,
    pub(crate) request: &'a Request<'a>,
    pub(crate) api: Api,
    pub(crate) account: &'a Arc<Account>,
    pub(crate) profile: Arc<Profile>,
    pub(crate) faults: ActiveFaults,
    pub(crate) now_ms: i64,
    pub(crate) delay_ms: u32,
}

/// The body of a good answer, and the receipt that comes before it.
pub(crate) struct Reply {
    pub(crate) body: Vec<u8>,
    early: Option<Box<Push>>,
}

impl Reply {
    pub(crate) fn text(body: String) -> Reply {
        Reply { body: body.into_bytes(), early: None }
    }

    pub(crate) fn ok() -> Reply {
        Reply::text("{\"errcode\":0,\"errmsg\":\"ok\"}".to_owned())
    }
}

/// How much of a body a rid remembers.
const TRACED_BYTES: usize = 1_024;

/// Answers a call of WeChat's API.
pub(crate) fn answer(world: &World, request: &Request<'_>) -> Answer {
    world.counters.calls.add_one();
    let now_ms = world.now_ms();
    let identified = identify(world, request, now_ms);
    let (api, account) = match identified {
        Ok(identified) => identified,
        Err(refusal) => {
            world.counters.refused(refusal.errcode);
            let rid = rids::rid(now_ms, &world.chance);
            let delay_ms = drawn_ms(world.settings.latency, &world.chance);
            return Answer { delay_ms, ..Answer::refusal(&refusal, &rid) };
        }
    };
    let faults = world.faults_for(&account);
    let latency = faults.iter().find_map(|faults| faults.latency).unwrap_or(world.settings.latency);
    let delay_ms = drawn_ms(latency, &world.chance);
    let profile = account.profile();
    let call = Call { world, request, api, account: &account, profile, faults, now_ms, delay_ms };
    Answer { delay_ms, ..call.answer() }
}

/// Which call it is, and of whose account.
fn identify(world: &World, request: &Request<'_>, now_ms: i64) -> Result<(Api, Arc<Account>), Refusal> {
    let api = Api::from_path(request.path).ok_or(Refusal::of(40066))?;
    if api.needs_post() && *request.method != Method::POST {
        return Err(Refusal::of(43002));
    }
    let account = match api {
        Api::Token | Api::StableToken | Api::ClearQuotaV2 => {
            let ask = TokenAsk::read(api, request)?;
            world.account(&ask.appid).ok_or(Refusal::of(40013))?
        }
        _ => {
            let token = request.param("access_token").ok_or(Refusal::of(41001))?;
            world.tokens.owner(&token, now_ms)?
        }
    };
    Ok((api, account))
}

impl Call<'_> {
    fn answer(&self) -> Answer {
        let strike = self.faults.iter().find_map(|faults| faults.strike(self.api, &self.world.chance));
        let served = match strike {
            Some(Strike::DropBefore) => {
                self.world.counters.dropped_connections.add_one();
                return Answer::dropped();
            }
            Some(Strike::BadGateway) => return Answer::bad_gateway(),
            Some(Strike::Errcode(errcode)) => Err(self.struck(errcode)),
            None => self.serve(),
        };
        let answer = match served {
            Ok(reply) => Answer { before: reply.early, ..Answer::wechat(reply.body) },
            Err(refusal) => self.refuse(&refusal),
        };
        match self.faults.iter().find_map(|faults| faults.aftermath(self.api, &self.world.chance)) {
            None => answer,
            Some(Aftermath::Errcode(errcode)) => {
                Answer { before: answer.before, ..self.refuse(&self.refusal(errcode)) }
            }
            Some(Aftermath::Garbage) => Answer { before: answer.before, ..Answer::garbage() },
            Some(Aftermath::Drop) => {
                self.world.counters.dropped_connections.add_one();
                Answer { before: answer.before, ..Answer::dropped() }
            }
        }
    }

    fn struck(&self, errcode: i32) -> Refusal {
        if errcode == 40249 && self.api == Api::Send {
            send::remember_blocked(self);
        }
        self.refusal(errcode)
    }

    fn refusal(&self, errcode: i32) -> Refusal {
        match errcode {
            47003 => Refusal::bad_field("thing1", "invalid"),
            40164 => not_allowed(self.request.client),
            _ => Refusal::of(errcode),
        }
    }

    fn serve(&self) -> Result<Reply, Refusal> {
        if let Some(allowed) = &self.profile.ip_allow_list
            && !allowed.contains(&self.request.client.to_canonical())
        {
            return Err(not_allowed(self.request.client));
        }
        if self.profile.permission == Permission::Unauthorized && self.api.is_of_templates() {
            return Err(Refusal::of(48001));
        }
        if self.api == Api::Send && self.faults.iter().any(|faults| faults.quota_used_up) {
            return Err(Refusal::of(45009));
        }
        self.account.meters.lock().count(self.api, self.limits(self.api), self.now_ms)?;
        self.dispatch()
    }

    pub(crate) fn limits(&self, api: Api) -> Limits {
        match api {
            Api::Send => self.profile.send_limits,
            _ => Limits::of(api, self.profile.kind),
        }
    }

    fn dispatch(&self) -> Result<Reply, Refusal> {
        match self.api {
            Api::Send => send::send(self).map(|accepted| {
                let msgid = accepted.msgid;
                let mut text = String::with_capacity(64);
                // Writing to a String cannot fail.
                let _ = write!(text, "{{\"errcode\":0,\"errmsg\":\"ok\",\"msgid\":{msgid}}}");
                Reply { early: accepted.early, ..Reply::text(text) }
            }),
            Api::Token | Api::StableToken => token_calls::token(self),
            Api::SetIndustry => template_calls::set_industry(self),
            Api::GetIndustry => Ok(template_calls::get_industry(self)),
            Api::AddTemplate => template_calls::add(self),
            Api::ListTemplates => Ok(template_calls::list(self)),
            Api::DeleteTemplate => template_calls::delete(self),
            Api::BlockedMessages => template_calls::blocked_messages(self),
            Api::QuotaGet => quota_calls::get(self),
            Api::QuotaClear => quota_calls::clear_one(self),
            Api::RidGet => quota_calls::rid(self),
            Api::ClearQuota => quota_calls::clear_all(self),
            Api::ClearQuotaV2 => quota_calls::clear_all_by_secret(self),
            Api::CallbackIps => Ok(Reply::text("{\"ip_list\":[\"127.0.0.1\",\"127.0.0.0/8\"]}".to_owned())),
            Api::DomainIps => Ok(Reply::text("{\"ip_list\":[\"127.0.0.1\"]}".to_owned())),
        }
    }

    fn refuse(&self, refusal: &Refusal) -> Answer {
        self.world.counters.refused(refusal.errcode);
        let rid = rids::rid(self.now_ms, &self.world.chance);
        let answer = Answer::refusal(refusal, &rid);
        let traced = &self.request.body[..self.request.body.len().min(TRACED_BYTES)];
        self.world.rids.keep(Traced {
            rid: rid.into(),
            appid: self.account.appid.clone(),
            path: self.api.path(),
            request_body: String::from_utf8_lossy(traced).into(),
            response_body: String::from_utf8_lossy(&answer.body).into(),
            client: self.request.client,
            at_ms: self.now_ms,
            cost_ms: self.delay_ms,
        });
        answer
    }
}

/// 40164 with the address in both spellings, as live answers have it.
fn not_allowed(client: IpAddr) -> Refusal {
    let text = match client.to_canonical() {
        IpAddr::V4(ip) => format!("invalid ip {ip} ipv6 ::ffff:{ip}, not in whitelist"),
        IpAddr::V6(ip) => format!("invalid ip {ip} ipv6 {ip}, not in whitelist"),
    };
    Refusal::saying(40164, text)
}

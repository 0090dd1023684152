//! What Hongyan does by itself about an error code, in the words of an operator. The table of `classify`, told.

use hongyan_wechat::errcode::{self, Class};

/// What was done about it, in Chinese and in English.
pub fn done_about(errcode: i64) -> (&'static str, &'static str) {
    match errcode::lookup(errcode).map_or(Class::Unknown, |row| row.class) {
        Class::Ok | Class::HeldForReview | Class::Duplicate => {
            ("微信已收下该消息，不会重复发送", "WeChat has the message; it is not sent again")
        }
        Class::RefreshToken => (
            "已重新获取令牌并用同一消息号重发；不消耗重试次数",
            "a new token was fetched and the message goes again under the same id; no attempt is spent",
        ),
        Class::RetrySoon => (
            "已退避后重试；频繁出现时会自动降速",
            "it is tried again after a wait; where it happens often, the account goes slower",
        ),
        Class::RateLimit => (
            "该公众号暂停到下一分钟，并自动降速；不消耗重试次数",
            "the account waits for the next minute and goes slower; no attempt is spent",
        ),
        Class::DailyQuota => (
            "该公众号暂停到次日零点；消息保留排队，不消耗重试次数；额度提高后十分钟内自动恢复",
            "the account waits until midnight in Shanghai; messages stay queued and spend no attempt; a raised quota is \
             noticed within ten minutes",
        ),
        Class::IpNotAllowed | Class::BadAccount => (
            "该公众号已暂停，隔一分钟试探，之后渐慢到十分钟一次（需管理员确认或已被拒绝的 IP 更慢）；处理完后可立即恢复发送；消息保留排队",
            "the account stands still and is tried after a minute, then less often, every ten minutes at last (more slowly \
             where the administrator is asked or has refused); resume it once that is mended; messages stay queued",
        ),
        Class::UserLimited => (
            "该消息推迟后重试：先等十分钟，以后每次加倍，八次之后判为失败；其他人的消息不受影响",
            "the message waits ten minutes, then twice as long each time, and fails after eight tries; others go on",
        ),
        Class::UserUnreachable => (
            "该消息已判为失败；必要时该接收者已列入禁发",
            "the message failed; the person is suppressed where the code says so",
        ),
        Class::BadTemplate
        | Class::BadRequest
        | Class::Content
        | Class::Method
        | Class::Gone
        | Class::Unknown => (
            "该消息已判为失败，不再重试；这不是限流，未降速",
            "the message failed and is not tried again; no other is held up",
        ),
    }
}

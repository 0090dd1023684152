//! The set-up's three pages.

use axum::response::Response;
use http::StatusCode;

use crate::app::App;
use crate::page::{Lang, Page, escape};

/// Copies the key; without the clipboard API (plain HTTP on another machine) by selecting it.
const COPY: &str = "\
const key=document.getElementById('key'),copy=document.getElementById('copy');\
copy.addEventListener('click',async()=>{key.select();\
try{await navigator.clipboard.writeText(key.value)}catch{document.execCommand('copy')}\
copy.textContent=copy.dataset.done});";

/// Asks to make the first key. `token` is letters and digits.
pub(super) fn ask(app: &App, lang: Lang, token: &str) -> Response {
    let text = lang.pick(
        "<p>这个一次性链接会创建第一个管理员 API 密钥（权限 send、read、admin）。密钥只显示一次。</p>",
        "<p>This one-time link makes the first admin API key (scopes send, read, admin). The key is shown once.</p>",
    );
    let button = lang.pick("创建密钥", "Create the key");
    let main = format!(
        "{text}<form method=post action=\"/setup?token={token}&amp;lang={}\"><button>{button}</button></form>",
        lang.word()
    );
    let other = format!("/setup?token={token}&amp;lang={}", lang.pick("en", "zh"));
    page(app, StatusCode::OK, (lang, other), lang.pick("首次设置", "First set-up"), (main, ""))
}

/// Shows the key and what to do with it.
pub(super) fn made(app: &App, lang: Lang, key: &str, base: &str) -> Response {
    let warn = lang.pick(
        "现在就保存它：离开本页后无法再看到。",
        "Save it now: it cannot be shown again once you leave this page.",
    );
    let (copy, copied) = (lang.pick("复制", "Copy"), lang.pick("已复制", "Copied"));
    let label = lang.pick("API 密钥", "API key");
    let main = format!(
        "<p class=warn>{warn}</p><div class=key><input id=key readonly aria-label=\"{label}\" value=\"{}\">\
         <button id=copy type=button data-done=\"{copied}\">{copy}</button></div>{}",
        escape(key),
        next_steps(lang, base)
    );
    let other = format!("/?lang={}", lang.pick("en", "zh"));
    page(app, StatusCode::OK, (lang, other), lang.pick("密钥已创建", "The key is made"), (main, COPY))
}

/// A link that makes nothing any more.
pub(super) fn dead(app: &App, lang: Lang) -> Response {
    let main = lang.pick(
        "<p>链接无效、已过期（24 小时），或已经用过；有了可用的密钥之后链接也不再有效。</p>\
         <p>在服务器上运行 <code>hongyan key create --name admin --scope send,read,admin</code> 可以创建密钥；\
         如果还没有任何密钥，重新启动 <code>hongyan serve</code> 会打印新的链接。</p>",
        "<p>The link is wrong, too old (24 hours) or used; once there is a live key it makes nothing any more.</p>\
         <p>On the server, <code>hongyan key create --name admin --scope send,read,admin</code> makes a key; \
         while there is none at all, <code>hongyan serve</code> prints a new link when it starts.</p>",
    );
    let other = format!("/setup?lang={}", lang.pick("en", "zh"));
    let title = lang.pick("链接已失效", "This link is not valid any more");
    page(app, StatusCode::GONE, (lang, other), title, (main.to_owned(), ""))
}

fn page(
    app: &App,
    status: StatusCode,
    (lang, other): (Lang, String),
    title: &str,
    (main, script): (String, &'static str),
) -> Response {
    Page { status, lang, other, title, main, script }.answer(app)
}

fn next_steps(lang: Lang, base: &str) -> String {
    let account = format!(
        "export KEY=hy_…\n\
         curl {base}/api/v1/accounts -H \"Authorization: Bearer $KEY\" -H 'Content-Type: application/json' \\\n  \
         -d '{{\"appid\":\"wx…\",\"secret\":\"APPSECRET\",\"kind\":\"service\",\"callback\":{{\"token\":\"TOKEN\",\"aes_key\":\"EncodingAESKey\"}}}}'"
    );
    let check = format!(
        "curl -X POST {base}/api/v1/accounts/wx…/templates/sync -H \"Authorization: Bearer $KEY\"\n\
         curl -X POST {base}/api/v1/accounts/wx…/check -H \"Authorization: Bearer $KEY\""
    );
    let send = format!(
        "curl {base}/api/v1/messages -H \"Authorization: Bearer $KEY\" -H 'Content-Type: application/json' \\\n  \
         -d '{{\"touser\":\"OPENID\",\"template_id\":\"TEMPLATE_ID\",\"data\":{{\"thing1\":{{\"value\":\"拿铁\"}}}},\"client_msg_id\":\"test-1\"}}'"
    );
    let steps = [
        (lang.pick("1. 添加公众号", "1. Add an account"), account),
        (lang.pick("2. 同步模板并检查", "2. Sync its templates and check it"), check),
        (lang.pick("3. 发送一条测试消息", "3. Send a test message"), send),
    ];
    steps.map(|(title, command)| format!("<h2>{title}</h2><pre>{}</pre>", escape(&command))).concat()
}

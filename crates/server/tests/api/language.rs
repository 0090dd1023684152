//! What goes wrong is told in Chinese to whoever asks for it, and every sentence has its Chinese.

use std::path::Path;

use axum::body::Body;
use hongyan_domain::{Lang, sentence};
use http::{Request, header};
use serde_json::{Value, json};

use crate::server::{Reply, Server, TEMPLATE, message, message_with};

async fn ask(server: &Server, language: &str, body: String) -> Reply {
    let path = if body.starts_with("{\"messages\"") { "/api/v1/messages/batch" } else { "/api/v1/messages" };
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::AUTHORIZATION, format!("Bearer {}", server.key))
        .header(header::ACCEPT_LANGUAGE, language);
    server.call(request.body(Body::from(body)).unwrap()).await
}

fn wrong() -> Value {
    message_with(json!({ "data": {"thing1": {"value": "字".repeat(21)}, "thing9": "x"} }))
}

#[tokio::test]
async fn a_refused_message_is_told_in_the_callers_language_under_the_same_codes() {
    let server = Server::start().await;

    let english = ask(&server, "en", wrong().to_string()).await.json();
    let chinese = ask(&server, "zh-CN,zh;q=0.9,en;q=0.8", wrong().to_string()).await.json();

    assert_eq!(english["title"], "Some fields are not acceptable");
    assert_eq!(english["errors"][0]["message"], "has 21 characters: at most 20 are allowed, shorten it");
    assert_eq!(
        (&chinese["title"], &chinese["detail"]),
        (&json!("部分字段不合要求"), &json!("3 个字段不合要求"))
    );
    assert_eq!(chinese["errors"][0]["message"], "有 21 个字符：最多 20 个，请缩短");
    assert_eq!(chinese["errors"][1]["message"], "缺失：模板在“时间”之后显示它");
    let codes = |problem: &Value| {
        let errors = problem["errors"].as_array().unwrap().iter();
        errors.map(|error| (error["field"].clone(), error["code"].clone())).collect::<Vec<_>>()
    };
    assert_eq!((codes(&english), &english["type"]), (codes(&chinese), &chinese["type"]));
}

#[tokio::test]
async fn the_errors_of_a_batch_are_told_in_the_callers_language() {
    let server = Server::start().await;
    let body = json!({ "messages": [message(), message_with(json!({ "touser": "" }))] });

    let chinese = ask(&server, "zh", body.to_string()).await.json();

    assert_eq!(chinese["results"][1]["error"]["detail"], "touser：缺失：请给出接收者的 openid");
}

#[tokio::test]
async fn what_is_refused_before_any_handler_is_told_in_the_callers_language() {
    let server = Server::start().await;
    let request = Request::get("/api/v1/messages").header(header::ACCEPT_LANGUAGE, "zh");

    let refused = server.call(request.body(Body::empty()).unwrap()).await;
    let malformed = ask(&server, "zh", "{\"touser\": x}".to_owned()).await;

    assert_eq!(refused.json()["title"], "需要有效的 API 密钥");
    assert!(refused.headers.contains_key(header::WWW_AUTHENTICATE));
    assert_eq!(malformed.json()["detail"], "第 1 行第 12 列：此处应为一个值");
    assert_eq!(malformed.headers[header::CONTENT_TYPE], "application/problem+json");
}

#[tokio::test]
async fn the_texts_of_an_unknown_template_and_message_name_the_way_out() {
    let server = Server::start().await;

    let template =
        ask(&server, "en", message_with(json!({ "template_id": "NONE" })).to_string()).await.json();
    let unknown = server.get("/api/v1/messages/order-1-paid").await.json();

    assert_ne!(TEMPLATE, "NONE");
    assert!(template["detail"].as_str().unwrap().contains("hongyan template sync"), "{template}");
    assert!(unknown["detail"].as_str().unwrap().contains("?client_msg_id="), "{unknown}");
}

/// What makes a sentence for callers; the last text in its brackets is the sentence, of `says!` the first.
const MAKERS: [&str; 13] = [
    "says!(",
    "FieldError::new(",
    "Problem::new(",
    "Self::new(Code::",
    "bad(",
    "fault(",
    "bad_format(",
    "refused(",
    "unsupported(",
    "quoted_in(",
    "refuse(",
    "wrong(",
    "(BadExpression,",
];

/// Texts that stand in a binding before they are handed to one of those.
const BINDINGS: [&str; 4] = ["let message =", "let detail =", "const A_TIME: &str =", "let allowed ="];

/// A text that is put together from others, or is an error of another crate.
fn is_sentence(text: &str) -> bool {
    text.contains(' ') && text.contains(char::is_alphabetic) && !text.starts_with("data.")
}

/// The text that begins at `from`, without its quotation marks and escapes; where it ends.
fn text_at(source: &str, from: usize) -> (String, usize) {
    let (mut text, mut chars) = (String::new(), source[from..].char_indices());
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (text, from + at + 1),
            '\\' => match chars.next().map(|(_, escaped)| escaped) {
                // A line that goes on without a break.
                Some('\n') => {
                    while chars.clone().next().is_some_and(|(_, c)| c.is_whitespace()) {
                        chars.next();
                    }
                }
                Some(c) => text.push(c),
                None => break,
            },
            c => text.push(c),
        }
    }
    (text, source.len())
}

/// The texts between the bracket before `from` and the one that closes it.
fn texts_in_brackets(source: &str, from: usize) -> Vec<String> {
    let (mut texts, mut depth, mut at) = (Vec::new(), 1, from);
    while depth > 0 && at < source.len() {
        match source.as_bytes()[at] {
            b'"' => {
                let (text, end) = text_at(source, at + 1);
                texts.push(text);
                at = end;
                continue;
            }
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    texts
}

fn sentences_of(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]").next().unwrap_or_default();
    let made = MAKERS.iter().flat_map(|maker| {
        let whole =
            source.match_indices(maker).filter(|(at, _)| !source[..*at].ends_with(char::is_alphanumeric));
        whole.filter_map(|(at, _)| {
            let mut texts = texts_in_brackets(source, at + maker.len()).into_iter();
            // Behind the sentence stand the values of its places.
            if *maker == "says!(" { texts.next() } else { texts.rfind(|text| is_sentence(text)) }
        })
    });
    let bound = BINDINGS.iter().flat_map(|binding| {
        source.match_indices(binding).filter_map(|(at, _)| {
            let (blank, _) = source[at + binding.len()..].split_once('"')?;
            let is_text = blank.trim().is_empty();
            is_text.then(|| text_at(source, at + binding.len() + blank.len() + 1).0)
        })
    });
    let turned = source.match_indices("\".into()").filter_map(|(end, _)| {
        let text = source[..end].rsplit_once(" \"")?.1;
        Some(text.replace("\\\"", "\"")).filter(|text| is_sentence(text))
    });
    made.chain(bound).chain(turned).collect()
}

fn sources(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => sources(&path, found),
            false if path.extension().is_some_and(|ext| ext == "rs") => found.push(path),
            false => {}
        }
    }
}

#[test]
fn every_sentence_for_callers_has_its_chinese() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    [
        "domain/src/request.rs",
        "domain/src/setting.rs",
        "domain/src/policy/patch.rs",
        "domain/src/data.rs",
        "domain/src/validate.rs",
        "domain/src/field_rule.rs",
        "domain/src/date_time.rs",
    ]
    .iter()
    .for_each(|file| files.push(crates.join(file)));
    files.extend(
        ["engine/src/path/accept/check.rs", "engine/src/path/trigger.rs"].map(|file| crates.join(file)),
    );
    sources(&crates.join("server/src"), &mut files);
    sources(&crates.join("scenario/src"), &mut files);
    files.push(crates.join("cli/src/exit.rs"));

    let (mut count, mut missing) = (0, Vec::new());
    for file in files {
        for text in sentences_of(&std::fs::read_to_string(&file).unwrap()) {
            count += 1;
            if sentence::in_lang(&text, Lang::Zh) == text {
                missing.push(format!("{}: {text}", file.strip_prefix(crates).unwrap().display()));
            }
        }
    }

    assert!(count > 90, "only {count} sentences were found: the search is blind");
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn every_title_has_its_chinese() {
    for code in hongyan_server::Code::ALL {
        assert_ne!(sentence::in_lang(code.title(), Lang::Zh), code.title());
    }
}

//! Traces: the request that brings a message and the try to send it are in one, with nothing of the person in it.

use hongyan_testkit::{Spans, World};
use opentelemetry_sdk::trace::SpanData;
use serde_json::json;

async fn world(spans: &Spans) -> World {
    let tracer = spans.tracer();
    World::build().engine(|settings| settings.tracer = Some(tracer)).start().await
}

fn named<'a>(spans: &'a [SpanData], name: &str) -> Vec<&'a SpanData> {
    spans.iter().filter(|span| span.name == name).collect()
}

fn attribute(span: &SpanData, key: &str) -> Option<String> {
    span.attributes.iter().find(|pair| pair.key.as_str() == key).map(|pair| pair.value.to_string())
}

#[tokio::test]
async fn a_try_is_in_the_trace_of_the_request_that_brought_its_message() {
    let spans = Spans::default();
    let world = world(&spans).await;
    spans.take();

    let id = world.send(&world.body(0)).await;
    world.drain().await;

    let all = spans.take();
    let (request, tried) = (named(&all, "POST /api/v1/messages")[0], named(&all, "send template_message")[0]);
    assert_eq!(tried.span_context.trace_id(), request.span_context.trace_id());
    assert_eq!(tried.parent_span_id, request.span_context.span_id());
    assert_eq!(attribute(tried, "messaging.message.id"), Some(id));
    assert_eq!(
        (attribute(tried, "hongyan.outcome"), attribute(tried, "wechat.errcode")),
        (Some("sent".into()), Some("0".into()))
    );
    assert_eq!(attribute(request, "http.response.status_code"), Some("202".into()));
    let openid = &world.official().openids[0];
    assert!(!format!("{all:?}").contains(openid.as_str()), "a span tells an openid");
    world.finish().await;
}

#[tokio::test]
async fn a_callers_trace_goes_on_and_one_that_is_not_sampled_makes_no_span() {
    let spans = Spans::default();
    let world = world(&spans).await;
    spans.take();
    let id = "4bf92f3577b34da6a3ce929d0e0e4736";
    let called = |flags: &str| format!("00-{id}-00f067aa0b0902c7-{flags}");

    world.api().follow("/api/v1/messages/msg_x", &[("traceparent", &called("01"))]).await;
    world.api().follow("/api/v1/recipients/oSecret", &[("traceparent", &called("00"))]).await;

    let all = spans.take();
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!(all[0].span_context.trace_id().to_string(), id);
    assert_eq!(all[0].parent_span_id.to_string(), "00f067aa0b0902c7");
    assert_eq!(all[0].name, "GET /api/v1/messages/{id}");
    world.finish().await;
}

#[tokio::test]
async fn what_is_read_from_the_store_begins_a_trace_and_a_refusal_is_an_error_in_it() {
    let spans = Spans::default();
    let mut world = world(&spans).await;
    world.order("pause", &json!({ "reason": "test" })).await.expect(200);
    let id = world.send(&world.body(0)).await;
    world.restart().await;
    world.faults(json!({ "errcodes": [{ "errcode": 43004, "rate": 1.0 }] }));
    spans.take();

    world.order("resume", &json!({})).await.expect(200);
    world.drain().await;

    let all = spans.take();
    let tried = named(&all, "send template_message")[0];
    assert_eq!(tried.parent_span_id, opentelemetry::trace::SpanId::INVALID);
    assert_eq!(
        (attribute(tried, "messaging.message.id"), attribute(tried, "wechat.errcode")),
        (Some(id), Some("43004".into()))
    );
    assert!(matches!(tried.status, opentelemetry::trace::Status::Error { .. }), "{:?}", tried.status);
    world.finish().await;
}

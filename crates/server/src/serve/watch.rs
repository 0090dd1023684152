//! Around every request: it is named, counted, bounded in time, and goes to its end even if the caller leaves.

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hongyan_domain::Lang;

use crate::answer::problem::{Code, Problem};
use crate::app::App;
use crate::monitor::requests::RequestId;
use crate::request::lang::wished;

/// Runs the request as a task of its own: a message that is being committed when its caller hangs up must still
/// reach the dispatcher. A panic in it is an answer, and the server goes on.
pub(crate) async fn watch(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let underway = app.requests().begin(request.method(), app.now());
    request.extensions_mut().insert(underway.shown.clone());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let lang = wished(request.headers());
    let path = route.as_ref().map(MatchedPath::as_str);
    let response = match app.closing().enter(path) {
        Some(entry) => {
            let answer = async move {
                let _inside = entry;
                next.run(request).await
            };
            run(&app, (underway.id, path), answer).await
        }
        None => Problem::new(Code::Stopping, "nothing was done; give it again").into_response(),
    };
    let mut response = in_lang(response, lang);
    let took = app.requests().end(underway, route.as_ref(), &mut response);
    app.metrics().count(path, response.status(), took);
    response
}

async fn run(
    app: &App,
    (id, route): (RequestId, Option<&str>),
    answer: impl Future<Output = Response> + Send + 'static,
) -> Response {
    let running = tokio::spawn(answer);
    match tokio::time::timeout(app.settings().request_timeout, running).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => {
            tracing::error!(route = route.unwrap_or_default(), request_id = %id, %error, "a request failed");
            Problem::new(Code::Internal, "it is in the server's log").into_response()
        }
        Err(_) => {
            let detail = "it may still take effect: ask again with the same client_msg_id";
            Problem::new(Code::Timeout, detail).into_response()
        }
    }
}

/// A problem is told in the caller's language; every other answer is what it is.
fn in_lang(response: Response, lang: Lang) -> Response {
    match response.extensions().get::<Problem>() {
        Some(problem) if lang != Lang::default() => problem.answer(lang),
        _ => response,
    }
}

//! What the server answers.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use task_16_solution::{Jobs, Phase, Work};
use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::metrics;

const SLOW: Duration = Duration::from_secs(2);

/// What is work goes through the layer of its kind; what is not has none.
pub fn router(jobs: &Arc<Jobs>, budget: Duration) -> Router {
    let later = HeaderValue::from(budget.as_secs_f64().ceil() as u64);
    let through = |work| {
        let (jobs, later) = (jobs.clone(), later.clone());
        from_fn(move |request, next| let_in(jobs.clone(), work, later.clone(), request, next))
    };
    let short = Router::new().route("/fast", get(async || "fast\n")).layer(through(Work::Short));
    let long = Router::new().route("/slow", get(slow)).layer(through(Work::Long));
    Router::new()
        .route("/ready", get(ready))
        .route("/healthz", get(async || "alive\n"))
        .route("/metrics", get(scraped))
        .with_state(jobs.clone())
        .merge(short)
        .merge(long)
}

/// Runs the rest of the request as a job.
async fn let_in(jobs: Arc<Jobs>, work: Work, later: HeaderValue, request: Request, next: Next) -> Response {
    let (answer, answered) = oneshot::channel();
    let job = async move { drop(answer.send(next.run(request).await)) };
    let response = match jobs.submit(work, job) {
        Ok(()) => answered.await.ok(),
        Err(_) => None,
    };
    response.unwrap_or_else(|| {
        (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, later)], "not here any more\n").into_response()
    })
}

async fn slow() -> &'static str {
    sleep(SLOW).await;
    "slow\n"
}

async fn ready(State(jobs): State<Arc<Jobs>>) -> (StatusCode, String) {
    let phase = jobs.phase();
    let status = match phase {
        Phase::Running => StatusCode::OK,
        Phase::Quiescing | Phase::Draining => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, format!("{phase}\n"))
}

async fn scraped(State(jobs): State<Arc<Jobs>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], metrics::expose(&jobs))
}

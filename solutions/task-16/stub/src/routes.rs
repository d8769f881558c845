//! What the server answers.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use task_16::{Jobs, Work};
use tokio::time::sleep;

use crate::metrics;

const SLOW: Duration = Duration::from_secs(2);

/// What the handlers share.
#[derive(Clone)]
struct Desk {
    jobs: Arc<Jobs>,
    retry_after: u64,
}

/// `/fast` is short work, `/slow` is long work. `/ready`, `/healthz` and `/metrics` are none.
///
/// Who is refused is told to come back when `budget` is over: by then this instance is gone.
pub fn router(jobs: &Arc<Jobs>, budget: Duration) -> Router {
    let retry_after = budget.as_secs() + u64::from(budget.subsec_nanos() > 0);
    Router::new()
        .route(
            "/fast",
            get(async |State(desk): State<Desk>| desk.work(Work::Short, async { "fast\n" }).await),
        )
        .route("/slow", get(async |State(desk): State<Desk>| desk.work(Work::Long, slow()).await))
        .route("/ready", get(ready))
        .route("/healthz", get(async || "alive\n"))
        .route("/metrics", get(scraped))
        .with_state(Desk { jobs: jobs.clone(), retry_after })
}

impl Desk {
    /// Hands the work in, and waits for what comes of it.
    async fn work(self, work: Work, job: impl Future<Output = &'static str> + Send + 'static) -> Response {
        let (jobs, retry_after) = (self.jobs, self.retry_after);
        let _ = (jobs, job);
        todo!("submit this {work:?} job and answer what it says, or 503 with Retry-After: {retry_after}")
    }
}

async fn slow() -> &'static str {
    sleep(SLOW).await;
    "slow\n"
}

async fn ready(State(desk): State<Desk>) -> (StatusCode, String) {
    let _ = desk.jobs;
    todo!("answer with the phase: 200, and 503 from the signal on")
}

async fn scraped(State(desk): State<Desk>) -> impl IntoResponse {
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], metrics::expose(&desk.jobs))
}

//! What the server answers.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use task_16_solution::{Jobs, Phase, Work};
use tokio::sync::oneshot;
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
        let (answer, answered) = oneshot::channel();
        let submitted = self.jobs.submit(work, async move {
            // Whoever wants it may have hung up.
            let _ = answer.send(job.await);
        });
        match submitted {
            Ok(()) => match answered.await {
                Ok(text) => text.into_response(),
                Err(_) => self.elsewhere("cut off: the deadline of the drain has come"),
            },
            Err(refused) => self.elsewhere(&refused.to_string()),
        }
    }

    fn elsewhere(&self, why: &str) -> Response {
        let headers = [(RETRY_AFTER, self.retry_after.to_string())];
        (StatusCode::SERVICE_UNAVAILABLE, headers, format!("{why}\n")).into_response()
    }
}

async fn slow() -> &'static str {
    sleep(SLOW).await;
    "slow\n"
}

async fn ready(State(desk): State<Desk>) -> (StatusCode, String) {
    let phase = desk.jobs.phase();
    let status = if phase == Phase::Running { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, format!("{phase}\n"))
}

async fn scraped(State(desk): State<Desk>) -> impl IntoResponse {
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], metrics::expose(&desk.jobs))
}

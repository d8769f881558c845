//! What the service answers.

use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Router, middleware};

use crate::in_flight::{self, InFlight};
use crate::order::{NewOrder, Order};
use crate::phase::{Phase, Progress};
use crate::relay::Bell;
use crate::store::{Placed, Store, Unavailable};

/// An order is a few words.
const LARGEST_BODY: usize = 16 * 1024;
const LONGEST_KEY: usize = 255;
/// When somebody should ask again, in seconds.
const LATER: &str = "1";

/// What the handlers share.
#[derive(Clone)]
pub struct Desk {
    pub store: Store,
    pub bell: Bell,
    pub progress: Progress,
}

/// `/orders` is work, and counted. Probes are none.
pub fn router(desk: Desk, in_flight: &InFlight) -> Router {
    Router::new()
        .route("/orders", post(place))
        .route("/orders/{id}", get(show))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(middleware::from_fn_with_state(in_flight.clone(), in_flight::count))
        .route("/ready", get(ready))
        .route("/healthz", get(async || "alive\n"))
        .with_state(desk)
}

/// 201 and 200 mean: it and its event are stored.
async fn place(State(desk): State<Desk>, headers: HeaderMap, body: Bytes) -> Response {
    let Some(key) = key(&headers) else {
        return no(StatusCode::BAD_REQUEST, "an Idempotency-Key of up to 255 visible characters is needed");
    };
    let order = match NewOrder::read(&body) {
        Ok(order) => order,
        Err(why) => return no(StatusCode::UNPROCESSABLE_ENTITY, &why),
    };
    match desk.store.place(key, &order).await {
        Ok(Placed::New(order)) => {
            desk.bell.ring();
            yes(StatusCode::CREATED, &order)
        }
        Ok(Placed::Known(order)) => yes(StatusCode::OK, &order),
        Ok(Placed::Different) => {
            no(StatusCode::UNPROCESSABLE_ENTITY, "this Idempotency-Key is that of another order")
        }
        Err(unavailable) => later(&unavailable),
    }
}

async fn show(State(desk): State<Desk>, id: Result<Path<i64>, PathRejection>) -> Response {
    let none = || no(StatusCode::NOT_FOUND, "there is no such order");
    let Ok(Path(id)) = id else { return none() };
    match desk.store.order(id).await {
        Ok(Some(order)) => yes(StatusCode::OK, &order),
        Ok(None) => none(),
        Err(unavailable) => later(&unavailable),
    }
}

async fn ready(State(desk): State<Desk>) -> (StatusCode, String) {
    let phase = desk.progress.now();
    let ready = if phase == Phase::Running { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (ready, format!("{phase}\n"))
}

fn key(headers: &HeaderMap) -> Option<&str> {
    let key = headers.get("idempotency-key")?.to_str().ok()?;
    (1..=LONGEST_KEY).contains(&key.len()).then_some(key)
}

fn yes(status: StatusCode, order: &Order) -> Response {
    let order = serde_json::to_string(order).expect("an order can be written as JSON");
    (status, [(CONTENT_TYPE, "application/json")], order).into_response()
}

fn no(status: StatusCode, why: &str) -> Response {
    (status, format!("{why}\n")).into_response()
}

fn later(Unavailable(why): &Unavailable) -> Response {
    eprintln!("database: {why}");
    (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, LATER)], "ask again\n").into_response()
}

//! Orders in PostgreSQL, and the events that nobody has been told yet.

use std::time::Duration;

use futures_util::future::join;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{PgConnection, Postgres, Row as _, Transaction};
use tokio::time::timeout;

use crate::order::{NewOrder, Order};

static MIGRATIONS: Migrator = sqlx::migrate!("src/migrations");

/// For requests. The relay has one of its own: those that hang in a lock hold all of theirs.
const CONNECTIONS: u32 = 10;
/// How long a request may wait for the database, all in all. A client that hears nothing asks again, and
/// what waits here holds the drain.
const PATIENCE: Duration = Duration::from_secs(2);

/// The database. Clones share its connections.
#[derive(Clone)]
pub struct Store {
    requests: PgPool,
    events: PgPool,
}

/// What has become of an order that was handed in.
#[derive(Debug, PartialEq, Eq)]
pub enum Placed {
    /// It is stored, and so is its event.
    New(Order),
    /// It had been stored before, with this key.
    Known(Order),
    /// With this key, something else had been stored before.
    Different,
}

/// The database cannot be asked now, or has not answered in time. What was asked for may have been done.
#[derive(Debug)]
pub struct Unavailable(pub String);

impl From<sqlx::Error> for Unavailable {
    fn from(error: sqlx::Error) -> Self {
        Self(error.to_string())
    }
}

/// An event that is to be published, and the row that it lies in.
pub struct Event {
    pub row: i64,
    pub order: i64,
    pub text: String,
}

/// Events that nobody else publishes as long as this is held: other instances pass over them.
pub struct Batch {
    transaction: Transaction<'static, Postgres>,
    pub events: Vec<Event>,
}

impl Store {
    /// Connects, and brings the tables up to date.
    ///
    /// # Errors
    ///
    /// If the server cannot be reached, or its tables are those of a later version.
    pub async fn connect(options: PgConnectOptions) -> Result<Self, sqlx::Error> {
        let pool = |most| PgPoolOptions::new().max_connections(most).acquire_timeout(PATIENCE);
        let requests = pool(CONNECTIONS).connect_with(options.clone()).await?;
        MIGRATIONS.run(&requests).await?;
        Ok(Self { requests, events: pool(1).connect_lazy_with(options) })
    }

    /// Stores an order and its event, both or neither.
    ///
    /// # Errors
    ///
    /// If there was no answer in time. The order may be stored all the same: with the same key one can ask
    /// again, and it is still one order.
    ///
    /// # Cancellation
    ///
    /// As for an error: stored with its event, or not at all.
    pub async fn place(&self, key: &str, order: &NewOrder) -> Result<Placed, Unavailable> {
        in_time(async {
            let mut transaction = self.requests.begin().await?;
            let Some(id) = insert(&mut transaction, key, order).await? else {
                let known = by_key(&mut transaction, key).await?;
                return Ok(if known.what == *order { Placed::Known(known) } else { Placed::Different });
            };
            let order = Order { id, what: order.clone() };
            sqlx::query("INSERT INTO outbox (order_id, event) VALUES ($1, $2)")
                .bind(id)
                .bind(order.accepted_event())
                .execute(&mut *transaction)
                .await?;
            // Whoever acknowledges before this line acknowledges what may never be.
            transaction.commit().await?;
            Ok(Placed::New(order))
        })
        .await
    }

    /// The order with this number.
    ///
    /// # Errors
    ///
    /// If there was no answer in time.
    pub async fn order(&self, id: i64) -> Result<Option<Order>, Unavailable> {
        in_time(async {
            let row = sqlx::query("SELECT id, customer, item, quantity FROM orders WHERE id = $1")
                .bind(id)
                .fetch_optional(&self.requests)
                .await?;
            Ok(row.map(|row| read(&row)))
        })
        .await
    }

    /// How many events Kafka has not confirmed, whoever publishes them.
    ///
    /// # Errors
    ///
    /// If there was no answer in time.
    pub async fn untold(&self) -> Result<i64, Unavailable> {
        in_time(async {
            Ok(sqlx::query_scalar("SELECT count(*) FROM outbox").fetch_one(&self.requests).await?)
        })
        .await
    }

    /// Takes the oldest events that nobody publishes.
    ///
    /// # Errors
    ///
    /// If the database cannot be asked.
    pub async fn take_events(&self, most: i64) -> Result<Batch, sqlx::Error> {
        let mut transaction = self.events.begin().await?;
        let rows =
            sqlx::query("SELECT id, order_id, event FROM outbox ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED")
                .bind(most)
                .fetch_all(&mut *transaction)
                .await?;
        let event = |row: &sqlx::postgres::PgRow| Event {
            row: row.get("id"),
            order: row.get("order_id"),
            text: row.get("event"),
        };
        Ok(Batch { events: rows.iter().map(event).collect(), transaction })
    }

    /// Closes all connections, when they have done what they are at.
    ///
    /// It has no end of its own: one that hangs is waited for.
    pub async fn close(&self) {
        join(self.requests.close(), self.events.close()).await;
    }
}

impl Batch {
    /// Forgets the events in these rows for good. The rest is there to be taken again.
    ///
    /// # Errors
    ///
    /// If the database cannot be asked. Then all are there to be taken again, and are published twice.
    pub async fn published(mut self, rows: &[i64]) -> Result<(), sqlx::Error> {
        sqlx::query("DELETE FROM outbox WHERE id = ANY($1)")
            .bind(rows)
            .execute(&mut *self.transaction)
            .await?;
        self.transaction.commit().await
    }
}

/// `None` if there is an order with this key. It waits for one that is just being stored.
async fn insert(
    connection: &mut PgConnection,
    key: &str,
    order: &NewOrder,
) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar(
        "INSERT INTO orders (idempotency_key, customer, item, quantity) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (idempotency_key) DO NOTHING RETURNING id",
    )
    .bind(key)
    .bind(&order.customer)
    .bind(&order.item)
    .bind(i64::from(order.quantity))
    .fetch_optional(connection)
    .await
}

async fn by_key(connection: &mut PgConnection, key: &str) -> Result<Order, sqlx::Error> {
    let row = sqlx::query("SELECT id, customer, item, quantity FROM orders WHERE idempotency_key = $1")
        .bind(key)
        .fetch_one(connection)
        .await?;
    Ok(read(&row))
}

fn read(row: &sqlx::postgres::PgRow) -> Order {
    let quantity: i64 = row.get("quantity");
    let what = NewOrder {
        customer: row.get("customer"),
        item: row.get("item"),
        quantity: u32::try_from(quantity).unwrap_or(u32::MAX),
    };
    Order { id: row.get("id"), what }
}

/// One clock around all of it: waiting for a connection, each statement, the commit.
async fn in_time<T>(work: impl Future<Output = Result<T, Unavailable>>) -> Result<T, Unavailable> {
    timeout(PATIENCE, work).await.unwrap_or_else(|_| Err(Unavailable("no answer in time".to_owned())))
}

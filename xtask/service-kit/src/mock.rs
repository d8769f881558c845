//! The embedded cluster on its thread.
//!
//! librdkafka brings a broker for tests, which must stay on the thread that made it, and end after the
//! clients of its own process.

use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

type Cluster = MockCluster<'static, DefaultProducerContext>;
type Order = Box<dyn FnOnce(&Cluster) + Send>;

pub(crate) struct Mock {
    pub(crate) bootstrap: String,
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl Mock {
    /// One broker: it is enough for everything but a change of leaders.
    pub(crate) fn start() -> Result<Self, String> {
        let (orders, inbox) = mpsc::channel::<Order>();
        let (ready, started) = mpsc::channel();
        let thread = thread::spawn(move || {
            let cluster = match MockCluster::new(1) {
                Ok(cluster) => cluster,
                Err(error) => return drop(ready.send(Err(error.to_string()))),
            };
            let _ = ready.send(Ok(cluster.bootstrap_servers()));
            for order in inbox {
                order(&cluster);
            }
        });
        let bootstrap = started.recv().unwrap_or_else(|_| Err("its thread has ended".to_owned()))?;
        Ok(Self { bootstrap, orders: Some(orders), thread: Some(thread) })
    }

    /// Does something with the cluster, on its thread.
    pub(crate) fn with<T: Send + 'static>(&self, order: impl FnOnce(&Cluster) -> T + Send + 'static) -> T {
        let (sender, answer) = mpsc::channel();
        let order = move |cluster: &Cluster| drop(sender.send(order(cluster)));
        let orders = self.orders.as_ref().expect("orders are taken until the drop");
        orders.send(Box::new(order)).expect("the thread of the cluster lives");
        answer.recv().expect("the thread of the cluster lives")
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

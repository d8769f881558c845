//! The registry, and the walks through it.

use std::sync::{Arc, Mutex};

use tokio::time::Instant;

use crate::drainable::Drainable;
use crate::failure::{Refused, StartError};
use crate::report::Report;

/// The components of a service, in the order in which they depend on each other.
///
/// Share it among tasks in an [`Arc`]. Dropped without a drain, it drains nothing.
#[derive(Default)]
pub struct Lifecycle {
    components: Mutex<Vec<Component>>,
    // TODO: what the walks have to know of each other.
}

#[expect(dead_code, reason = "nobody reads them yet")]
struct Component {
    name: String,
    component: Arc<dyn Drainable>,
}

impl Lifecycle {
    /// A lifecycle without components.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a component: it is started after those that are there already, and drained before them.
    ///
    /// It may be called at any time before the drain, also while components are being started, and by one of
    /// them.
    ///
    /// # Errors
    ///
    /// [`Refused`] if there is a component with this name, or the drain has begun. The component is dropped.
    pub fn register(&self, name: &str, component: impl Drainable + 'static) -> Result<(), Refused> {
        let components = self.components.lock().expect("nobody panics while holding the lock");
        let component = Component { name: name.to_owned(), component: Arc::new(component) };
        todo!("register {:?} after the {} that are there, or refuse it", component.name, components.len())
    }

    /// Starts the components that are not started, in their order, each when the one before it is ready.
    ///
    /// Called again, it goes on where the last call has stopped; called at the same time, the calls come one
    /// after the other.
    ///
    /// Dropped, this changes nothing: the start goes on. What ends it is [`drain`](Self::drain).
    ///
    /// # Errors
    ///
    /// [`StartError`] if the start of a component fails or panics, or if the drain begins. What has been started
    /// by then is drained by [`drain`](Self::drain).
    pub async fn start(&self) -> Result<(), StartError> {
        todo!("start the components one after the other, until one fails or the drain begins")
    }

    /// Drains the components that are started, in reverse, each when the one before it is done; or joins the drain
    /// that has begun. Returns how it went.
    ///
    /// It begins with the first poll: nothing is registered or started from then on, and what is just being
    /// started is cut off. `deadline` is one for all: what is not done by then is cut off, and those that are
    /// left are called all the same, and get as far as they can without waiting. A component that fails, panics
    /// or hangs costs the others nothing but time.
    ///
    /// There is one drain, with the deadline of its first caller, and one report for all callers.
    ///
    /// Dropped, this changes nothing: the drain goes on.
    pub async fn drain(&self, deadline: Instant) -> Report {
        todo!("drain what is started in reverse until {deadline:?}, whatever becomes of each, and report it")
    }
}

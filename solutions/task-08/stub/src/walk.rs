//! The drain itself.

use tokio::time::Instant;

use crate::component::Component;
use crate::outcome::{Ended, Outcome};
use crate::plan::Plan;

/// Drains each component when those that need it have ended, and reports.
///
/// This one takes them as they come, and gives each of them all the time: it is the drain that your service has today.
pub(crate) async fn walk(components: Vec<Component>, plan: Plan, deadline: Instant) -> Vec<Ended> {
    let Plan {} = plan;
    let mut all = Vec::new();
    for Component { name, drain, .. } in components {
        let begun = Instant::now();
        let outcome = match drain(deadline).await {
            Ok(()) => Outcome::Complete,
            Err(error) => Outcome::Failed(format!("{error:#}")),
        };
        all.push(Ended { name, outcome, duration: begun.elapsed() });
    }
    all
}

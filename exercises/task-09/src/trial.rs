//! One trial: start, rehearse, load, signal, look.

use crate::options::Options;
use crate::report::Report;

/// Starts the service, sends it the signal while requests are in flight, and says what it did.
///
/// When this returns, or is dropped, nothing is left that it has started.
pub async fn run(options: &Options) -> Report {
    todo!(
        "start {:?}, await that it is up, rehearse, have requests in flight, send {}, and judge what you saw",
        options.program,
        options.signal
    )
}

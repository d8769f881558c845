//! How far the shutdown is.

use tokio::sync::watch;

/// The phases of the server's life, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Asks for work and does it.
    Serving,
    /// Asks for no more work, and does what comes all the same.
    Leaving,
    /// Takes no new connections, and answers what it has.
    Closing,
}

/// Follows the phase. Clones follow the same one.
pub type Follower = watch::Receiver<Phase>;

/// Waits until the last phase begins.
pub async fn closing(mut follower: Follower) {
    // An error means that nobody can change it any more, which is the end of the server, too.
    let _ = follower.wait_for(|phase| *phase == Phase::Closing).await;
}

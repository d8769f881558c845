//! SIGINT and SIGTERM.

use std::io;
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator;
use tokio::sync::oneshot;

/// The two signals that ask for a drain. They mean the same: SIGINT is a person at a terminal, SIGTERM
/// is Kubernetes or systemd.
pub struct Signals(oneshot::Receiver<()>);

impl Signals {
    /// Installs the handlers. From here on neither signal kills the process, nor does a second one: the
    /// thread takes them all.
    ///
    /// # Errors
    ///
    /// If the operating system refuses.
    pub fn install() -> io::Result<Self> {
        let mut signals = iterator::Signals::new([SIGINT, SIGTERM])?;
        let (first, wait) = oneshot::channel();
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            let mut first = Some(first);
            for _signal in signals.forever() {
                if let Some(first) = first.take() {
                    let _ = first.send(());
                }
            }
        })?;
        Ok(Self(wait))
    }

    /// Waits for the first signal; one that has come since [`install`](Self::install) counts.
    pub async fn recv(&mut self) {
        let _ = (&mut self.0).await;
    }
}

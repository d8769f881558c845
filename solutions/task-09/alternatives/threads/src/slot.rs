//! Where the service lies: whoever ends the trial ends it.

use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};

use crate::service::Service;

/// Clones are the same slot.
#[derive(Clone, Default)]
pub struct Slot(Arc<Mutex<Content>>);

#[derive(Default)]
enum Content {
    #[default]
    Nothing,
    Service(Service),
    /// Nothing comes in any more.
    Closed,
}

impl Slot {
    /// Starts a service into it, unless it was closed.
    ///
    /// # Errors
    ///
    /// If it cannot be started, or may not be any more.
    pub fn fill<T>(&self, start: impl FnOnce() -> Result<(Service, T), String>) -> Result<T, String> {
        self.with(|content| {
            if matches!(content, Content::Closed) {
                return Err("the trial was stopped".to_owned());
            }
            let (service, rest) = start()?;
            *content = Content::Service(service);
            Ok(rest)
        })
    }

    /// Kills what is in it, and lets nothing in any more.
    pub fn close(&self) {
        self.with(|content| *content = Content::Closed);
    }

    /// How the service ended, if it has.
    ///
    /// # Errors
    ///
    /// If the operating system does not say, or there is none.
    pub fn exited(&self) -> Result<Option<ExitStatus>, String> {
        self.of_service(|service| service.exited().map_err(|error| error.to_string()))?
    }

    /// Does this with the service.
    ///
    /// # Errors
    ///
    /// If there is none any more.
    pub fn of_service<T>(&self, work: impl FnOnce(&mut Service) -> T) -> Result<T, String> {
        self.with(|content| match content {
            Content::Service(service) => Ok(work(service)),
            _ => Err("the trial was stopped".to_owned()),
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut Content) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

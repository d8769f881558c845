//! Redis: a server of one's own.

use std::ops::Deref;

use drain_kit::Scenario;
use drain_services::{Service, redis};

use crate::throwaway::Throwaway;

/// A Redis server for one test, which can be suspended and stopped: see [`Throwaway`]. To start one
/// takes 20 ms, so that none is shared.
pub struct Redis<'a> {
    scenario: &'a Scenario,
    server: Throwaway<'a>,
}

impl<'a> Redis<'a> {
    /// Starts an empty server; ends the scenario without a verdict if neither Redis nor Valkey is
    /// installed.
    #[track_caller]
    pub fn start(scenario: &'a Scenario) -> Self {
        Self { scenario, server: Throwaway::start(scenario, Service::Redis) }
    }

    /// Sends a command whose answer is a text, a number or nothing; the scenario fails if the server
    /// says no.
    #[track_caller]
    pub fn ask(&self, command: &[&str]) -> Option<String> {
        redis::ask(self.server.port(), command).unwrap_or_else(|error| {
            self.scenario.fail(format!("an answer to `{}`", command.join(" ")), error)
        })
    }
}

impl<'a> Deref for Redis<'a> {
    type Target = Throwaway<'a>;

    fn deref(&self) -> &Throwaway<'a> {
        &self.server
    }
}

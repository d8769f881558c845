//! Placeholder.
pub(crate) fn check(_scenario: &drain_kit::Scenario) {}

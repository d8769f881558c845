//! Acceptance tests for task 15.

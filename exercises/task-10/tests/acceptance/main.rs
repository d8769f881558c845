//! Acceptance tests for task 10.

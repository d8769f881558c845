//! Acceptance tests for task 9.

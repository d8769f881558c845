//! Acceptance tests for task 17.

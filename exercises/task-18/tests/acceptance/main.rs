//! Acceptance tests for task 18.

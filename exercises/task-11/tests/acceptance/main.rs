//! Acceptance tests for task 11.

#[cfg(feature = "solution")]
extern crate task_11_solution as task_11;

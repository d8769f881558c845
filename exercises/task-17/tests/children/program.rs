//! Children that are not servers, to try the parent on.
#![forbid(unsafe_code)]

fn main() {}

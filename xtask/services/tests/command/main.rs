//! The command as its users meet it: with real servers, each test in a state folder of its own.

mod compose;
mod life_cycle;
mod site;
mod what_is_missing;

//! From a submission to its verdict. Knows neither the commands nor the screen.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `submission` | what is judged: whose crate, in which workspace |
//! | `manifest` | what a partner's manifest must say, so that a copy can be judged |
//! | `scratch` | a temporary copy of the workspace for a partner's crate or a patched solution |
//! | `engine` | builds a submission, runs its criteria, sorts what was found by light |
//! | `compile`, `librdkafka` | cargo, its progress and its errors; only who needs Kafka pays for it |
//! | `proof` | was it built from what lies there now? |
//! | `cores` | who may use the processors, while many proofs go on at once |
//! | `criteria`, `race` | runs criteria side by side; the same code under thousands of schedules |
//! | `supervise` | one criterion in a process of its own, with limits; nothing survives it |
//! | `word` | the word for what became of a criterion, and its story |
//! | `verdict` | lights, words, stories, exit codes |
//! | `tamper` | are the tests still those that are committed? |

pub(crate) mod compile;
mod cores;
pub(crate) mod criteria;
pub(crate) mod engine;
mod librdkafka;
mod manifest;
pub(crate) mod proof;
pub(crate) mod race;
pub(crate) mod scratch;
pub(crate) mod submission;
pub(crate) mod supervise;
pub(crate) mod tamper;
pub(crate) mod verdict;
mod word;

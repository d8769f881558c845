//! The five rules.

use std::ops::RangeInclusive;

use crate::finding::Finding;
use crate::modules::Modules;
use crate::source::Source;

/// What one file has shown.
pub struct Examined {
    /// What was found, in whatever order, of all rules, and allowed or not.
    pub findings: Vec<Finding>,
    /// The lines of each item, from its first attribute on: what an allow before it allows.
    pub items: Vec<RangeInclusive<usize>>,
    /// The lines of what was left out, because it belongs to tests: no allow is judged there.
    pub left_out: Vec<RangeInclusive<usize>>,
}

/// Finds what the rules say in this source, which is the file of this number among the modules. With `tests` also in the
/// code of tests.
pub fn audit(source: &Source, modules: &Modules, file: usize, tests: bool) -> Examined {
    // `modules.resolve(module, path)` says what a name means in a module. What a `use` in a block, a variable or a
    // parameter makes of it is yours, and so is the inside of macros, which `syn` has as tokens.
    let module = modules.module(file);
    todo!(
        "find the five rules in {} ({} items, of {module:?}), tests: {tests}",
        source.path,
        source.file.items.len()
    )
}

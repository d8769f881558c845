//! What is found, and what could not be audited.

use proc_macro2::Span;

use crate::rule::Rule;
use crate::source::Source;

/// A place in the code, with what is wrong there.
///
/// The order of findings is that of their places.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file, as it was named or walked to.
    pub path: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// Where its last character is.
    pub end_line: usize,
    /// Behind its last character.
    pub end_column: usize,
    /// What was broken.
    pub rule: Rule,
    /// What happens during a drain.
    pub message: String,
    /// The line of the code.
    pub text: String,
    /// Whether it can mostly be judged where it stands, without whoever calls.
    pub sure: bool,
}

impl Finding {
    /// What this rule finds at this place.
    pub fn new(rule: Rule, source: &Source, span: Span) -> Self {
        let (start, end) = (span.start(), span.end());
        let finding = Self::on(rule, source, start.line, start.column + 1);
        Self { end_line: end.line, end_column: end.column + 1, ..finding }
    }

    /// What this rule finds from this character to the end of the line. Both numbers begin with 1.
    pub fn on(rule: Rule, source: &Source, line: usize, column: usize) -> Self {
        let text = source.line(line).to_owned();
        let end_column = text.chars().count() + 1;
        Self {
            path: source.path.clone(),
            line,
            column,
            end_line: line,
            end_column,
            rule,
            message: rule.message().to_owned(),
            text,
            sure: matches!(rule, Rule::Loop | Rule::Allow),
        }
    }

    /// The line without its indentation.
    pub fn source(&self) -> &str {
        self.text.trim()
    }
}

/// What could not be audited.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file or folder.
    pub path: String,
    /// Why, in one line.
    pub message: String,
}

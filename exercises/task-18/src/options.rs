//! The command line.

use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt as _};

use crate::rule::Rule;

const USAGE: &str =
    "task-18 [--format human|json|sarif] [--rule RULE]... [--all] [--tests] [--baseline FILE] PATH...";

/// What is to be audited, and how.
pub struct Options {
    /// The files and folders, at least one.
    pub paths: Vec<PathBuf>,
    /// The form of the answer.
    pub format: Format,
    /// The rules that are asked for.
    pub rules: Vec<Rule>,
    /// Whether what is not sure is reported, too.
    pub all: bool,
    /// Whether the code of tests is audited, too.
    pub tests: bool,
    /// What is known, from an earlier answer.
    pub baseline: Option<PathBuf>,
}

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// With the source line, and carets below it.
    Human,
    /// One object, of a version.
    Json,
    /// The standard for what such tools say, version 2.1.0.
    Sarif,
}

impl Options {
    /// Reads the command line.
    ///
    /// # Errors
    ///
    /// In one line, what cannot be used, or what is missing.
    pub fn from_args() -> Result<Self, lexopt::Error> {
        Self::read(Parser::from_env())
    }

    fn read(mut parser: Parser) -> Result<Self, lexopt::Error> {
        let mut options = Self {
            paths: Vec::new(),
            format: Format::Human,
            rules: Vec::new(),
            all: false,
            tests: false,
            baseline: None,
        };
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("format") => options.format = parser.value()?.parse_with(format)?,
                Arg::Long("rule") => options.rules.push(parser.value()?.parse_with(rule)?),
                Arg::Long("all") => options.all = true,
                Arg::Long("tests") => options.tests = true,
                Arg::Long("baseline") => options.baseline = Some(parser.value()?.into()),
                Arg::Value(path) => options.paths.push(path.into()),
                other => return Err(other.unexpected()),
            }
        }
        if options.paths.is_empty() {
            return Err(format!("no path is named: {USAGE}").into());
        }
        if options.rules.is_empty() {
            options.rules.extend(Rule::TO_ASK_FOR);
        }
        Ok(options)
    }
}

fn format(text: &str) -> Result<Format, &'static str> {
    match text {
        "human" => Ok(Format::Human),
        "json" => Ok(Format::Json),
        "sarif" => Ok(Format::Sarif),
        _ => Err("human, json or sarif is wanted"),
    }
}

fn rule(text: &str) -> Result<Rule, &'static str> {
    Rule::named(text).ok_or("sleep, exit, loop, wait or detached is wanted")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Options, String> {
        let words = line.split_whitespace();
        Options::read(Parser::from_iter(["task-18"].into_iter().chain(words))).map_err(|bad| bad.to_string())
    }

    #[test]
    fn all_rules_are_asked_for_unless_some_are_named() {
        assert_eq!(read("src").ok().unwrap().rules, Rule::TO_ASK_FOR);
        assert_eq!(read("src --rule exit --rule wait").ok().unwrap().rules, [Rule::Exit, Rule::Wait]);
    }

    #[test]
    fn what_cannot_be_used_is_told_in_one_line() {
        for line in ["", "--format", "--format xml src", "--rule allow src", "--rule", "--quiet src"] {
            assert_eq!(read(line).err().unwrap().lines().count(), 1, "{line}");
        }
    }
}

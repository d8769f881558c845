//! What is allowed, by comments in the code.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use proc_macro2::{TokenStream, TokenTree};

use crate::audit::Examined;
use crate::finding::Finding;
use crate::rule::Rule;
use crate::source::Source;

const MARK: &str = "// drain-audit:";

/// A comment that allows something, or wants to.
struct Allow {
    line: usize,
    column: usize,
    /// The lines on which it allows findings.
    lines: RangeInclusive<usize>,
    /// What it names. `None` is a rule that does not exist.
    rules: Vec<Option<Rule>>,
    has_reason: bool,
}

/// Takes away what the comments of this source allow, and what these rules do not ask for; adds the comments that do not
/// allow.
pub fn judge(source: &Source, examined: Examined, rules: &[Rule]) -> Vec<Finding> {
    let Examined { mut findings, items, left_out } = examined;
    for allow in allows(source, &items, &left_out) {
        let before = findings.len();
        findings.retain(|finding| {
            !allow.has_reason
                || !allow.lines.contains(&finding.line)
                || !allow.rules.contains(&Some(finding.rule))
        });
        let asked_for = allow.rules.iter().flatten().any(|rule| rules.contains(rule));
        let all_asked_for = rules.len() == Rule::TO_ASK_FOR.len();
        let why = if allow.rules.contains(&None) || allow.rules.is_empty() {
            "this allow names no rule that exists"
        } else if !allow.has_reason {
            "this allow has no reason"
        } else if findings.len() == before {
            Rule::Allow.message()
        } else {
            continue;
        };
        if asked_for || all_asked_for {
            let finding = Finding::on(Rule::Allow, source, allow.line, allow.column);
            findings.push(Finding { message: why.to_owned(), ..finding });
        }
    }
    findings.retain(|finding| finding.rule == Rule::Allow || rules.contains(&finding.rule));
    findings
}

fn allows(
    source: &Source,
    items: &[RangeInclusive<usize>],
    left_out: &[RangeInclusive<usize>],
) -> Vec<Allow> {
    if !source.text.contains(MARK) {
        return Vec::new();
    }
    let tokens = Tokens::of(&source.tokens);
    let mut found = Vec::new();
    for (number, text) in source.text.lines().enumerate().map(|(index, text)| (index + 1, text)) {
        for (byte, _) in text.match_indices(MARK) {
            let column = text[..byte].chars().count();
            let left_out = left_out.iter().any(|lines| lines.contains(&number));
            if left_out || tokens.cover(number, column) {
                continue;
            }
            let behind_code = !text[..byte].trim().is_empty();
            let first = if behind_code { number } else { tokens.next_line(number) };
            let item = items.iter().find(|lines| !behind_code && *lines.start() == first);
            let (rules, has_reason) = read(text[byte + MARK.len()..].trim());
            let lines = item.cloned().unwrap_or(first..=first);
            found.push(Allow { line: number, column: column + 1, lines, rules, has_reason });
            break;
        }
    }
    found
}

/// What it names, and whether it has a reason: `allow(sleep, wait): ...`.
fn read(text: &str) -> (Vec<Option<Rule>>, bool) {
    let inside = text.strip_prefix("allow(").and_then(|rest| rest.split_once(')'));
    let Some((names, reason)) = inside else { return (Vec::new(), false) };
    let rules = names.split(',').map(|name| Rule::named(name.trim())).collect();
    (rules, reason.trim_start().strip_prefix(':').is_some_and(|reason| !reason.trim().is_empty()))
}

/// Where the tokens stand: a `//` in none of them begins a comment.
struct Tokens {
    /// First and last place of each that is no bracket, in order.
    places: Vec<((usize, usize), (usize, usize))>,
    lines: Vec<usize>,
}

impl Tokens {
    fn of(tokens: &TokenStream) -> Self {
        let mut places = Vec::new();
        let mut lines = HashSet::new();
        let mut open = vec![tokens.clone().into_iter()];
        while let Some(innermost) = open.last_mut() {
            let Some(token) = innermost.next() else {
                open.pop();
                continue;
            };
            let span = token.span();
            let (start, end) = (span.start(), span.end());
            lines.insert(start.line);
            match token {
                TokenTree::Group(group) => open.push(group.stream().into_iter()),
                _ => places.push(((start.line, start.column), (end.line, end.column))),
            }
        }
        let mut lines: Vec<usize> = lines.into_iter().collect();
        lines.sort_unstable();
        Self { places, lines }
    }

    fn cover(&self, line: usize, column: usize) -> bool {
        let behind = self.places.partition_point(|(start, _)| *start <= (line, column));
        self.places[..behind].iter().rev().take(8).any(|(_, end)| (line, column) < *end)
    }

    /// The first line behind this one on which a token begins.
    fn next_line(&self, line: usize) -> usize {
        let next = self.lines.partition_point(|of_token| *of_token <= line);
        self.lines.get(next).copied().unwrap_or(line)
    }
}

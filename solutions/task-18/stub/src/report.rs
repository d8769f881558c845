//! The answer, in each of its formats.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use serde_json::{Value, json};

use crate::finding::{Finding, Problem};
use crate::options::Format;
use crate::rule::Rule;
use crate::run::Audited;

/// The answer as it is printed.
pub fn render(audited: &Audited, format: Format, coloured: bool) -> String {
    match format {
        Format::Human => human(audited, coloured),
        Format::Json => format!("{}\n", json(audited)),
        Format::Sarif => format!("{:#}\n", sarif(audited)),
    }
}

fn human(audited: &Audited, coloured: bool) -> String {
    let renderer = if coloured { Renderer::styled() } else { Renderer::plain() };
    let mut text = String::new();
    for finding in &audited.findings {
        let snippet = Snippet::source(finding.text.as_str())
            .path(finding.path.as_str())
            .line_start(finding.line)
            .annotation(AnnotationKind::Primary.span(underlined(finding)));
        let level = if finding.sure { Level::ERROR } else { Level::WARNING };
        let title = level.primary_title(finding.message.as_str()).id(finding.rule.name());
        let help = Level::HELP.message(finding.rule.suggestion());
        text += &renderer.render(&[title.element(snippet).element(help)]);
        text += "\n";
    }
    text + &summary(audited)
}

/// The bytes of its first line that belong to it.
fn underlined(finding: &Finding) -> std::ops::Range<usize> {
    let byte = |column: usize| {
        finding.text.char_indices().nth(column - 1).map_or(finding.text.len(), |(byte, _)| byte)
    };
    let end = if finding.end_line == finding.line { byte(finding.end_column) } else { finding.text.len() };
    byte(finding.column)..end
}

fn summary(audited: &Audited) -> String {
    let mut text =
        format!("{} in {}", count(audited.findings.len(), "finding"), count(audited.files, "file"));
    if audited.known > 0 {
        text += &format!(", {} known", audited.known);
    }
    if !audited.problems.is_empty() {
        text += &format!(", {} not audited", audited.problems.len());
    }
    text + "\n"
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn json(audited: &Audited) -> Value {
    let finding = |finding: &Finding| {
        json!({
            "rule": finding.rule.name(),
            "path": finding.path,
            "line": finding.line,
            "column": finding.column,
            "end_line": finding.end_line,
            "end_column": finding.end_column,
            "message": finding.message,
            "suggestion": finding.rule.suggestion(),
            "sure": finding.sure,
            "source": finding.source(),
        })
    };
    let problem = |problem: &Problem| json!({ "path": problem.path, "message": problem.message });
    json!({
        "version": 1,
        "files": audited.files,
        "known": audited.known,
        "findings": audited.findings.iter().map(finding).collect::<Vec<_>>(),
        "problems": audited.problems.iter().map(problem).collect::<Vec<_>>(),
    })
}

fn sarif(audited: &Audited) -> Value {
    let rule = |rule: &Rule| {
        json!({
            "id": rule.name(),
            "shortDescription": { "text": rule.message() },
            "help": { "text": rule.suggestion() },
        })
    };
    let result = |finding: &Finding| {
        json!({
            "ruleId": finding.rule.name(),
            "level": if finding.sure { "error" } else { "warning" },
            "message": { "text": format!("{}: {}", finding.message, finding.rule.suggestion()) },
            "locations": [{ "physicalLocation": {
                "artifactLocation": { "uri": uri(&finding.path) },
                "region": {
                    "startLine": finding.line,
                    "startColumn": finding.column,
                    "endLine": finding.end_line,
                    "endColumn": finding.end_column,
                },
            }}],
        })
    };
    let notification = |problem: &Problem| {
        json!({
            "level": "error",
            "message": { "text": problem.message },
            "locations": [{ "physicalLocation": { "artifactLocation": { "uri": uri(&problem.path) } } }],
        })
    };
    let rules: Vec<_> = Rule::TO_ASK_FOR.iter().chain([&Rule::Allow]).map(rule).collect();
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "drain-audit", "rules": rules } },
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": true,
                "toolExecutionNotifications": audited.problems.iter().map(notification).collect::<Vec<_>>(),
            }],
            "results": audited.findings.iter().map(result).collect::<Vec<_>>(),
        }],
    })
}

/// A path as a relative or absolute reference: what is not plain is written as `%XX`.
fn uri(path: &str) -> String {
    path.bytes().fold(String::new(), |mut uri, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                uri.push(byte.into())
            }
            _ => uri += &format!("%{byte:02X}"),
        }
        uri
    })
}

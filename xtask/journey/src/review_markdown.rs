//! A review as Markdown, for a pull request.

use std::fmt::Write as _;

use crate::difference::Difference;
use crate::markdown::{code, fenced, verdict};
use crate::page::{harmless, shortened};
use crate::review::Review;
use crate::review_page::LONGEST_LINE;
use crate::seen::Looked;

/// Of a difference, a comment has room for so many lines.
const MOST_LINES: usize = 300;

pub(crate) fn of(review: &Review<'_>) -> String {
    let packet = review.packet;
    let mut out = verdict(&packet.submission.verdict);
    let ticked = review.ticked();
    let all = review.finished.len() + review.right.len();
    let _ = writeln!(out, "\n## Seen by a program: {} of {all}\n", ticked.len());
    for looked in ticked {
        let command =
            looked.item.command().map(|command| format!(" ({})", code(command))).unwrap_or_default();
        let _ = writeln!(out, "- [x] **{}.** {}{command}", looked.item.title(), code(looked.said()));
    }
    out += "\n## Left for your eyes\n";
    for (list, open) in review.open() {
        let _ = writeln!(out, "\n### {list}\n");
        open.into_iter().for_each(|looked| out += &item(looked));
    }
    out += "\n## Three questions\n\nBugs that others had here. Ask each other, before you look.\n\n";
    for (number, asked) in (1..).zip(&review.questions) {
        let _ = writeln!(out, "{number}. Suppose that **{}**. {}", asked.bug.bug, asked.asked);
        let _ = writeln!(out, "   To look: `cargo xtask zoo {} {}`", packet.selection, asked.bug.name);
    }
    out += "\n## Beside the reference\n\n";
    match &review.to_reference {
        Some(differences) => {
            out += "`-` is this submission, `+` the reference.\n\n";
            out += &differ(differences);
        }
        None => out += "Nothing has been written yet, so the reference is not shown.\n",
    }
    if let (Some(differences), Some(other)) = (&review.to_other, &packet.other) {
        let _ = writeln!(
            out,
            "\n## Beside the other one\n\n{} {}\n",
            other.verdict.ending(),
            code(&other.verdict.path)
        );
        out += "`-` is this submission, `+` the other one.\n\n";
        out += &differ(differences);
    }
    harmless(&out)
}

fn item(looked: &Looked) -> String {
    let mut out = format!("- [ ] **{}**{}\n", looked.item.heading, looked.item.text);
    if !looked.said().is_empty() {
        let _ = writeln!(out, "      {}", code(looked.said()));
    }
    for place in &looked.places {
        let _ = writeln!(out, "  - {} {}", code(&place.at), code(&shortened(&place.line, LONGEST_LINE)));
    }
    if looked.left_out > 0 {
        let _ = writeln!(out, "  - ({} more)", looked.left_out);
    }
    out
}

fn differ(differences: &[Difference]) -> String {
    if differences.is_empty() {
        return "No difference.\n".to_owned();
    }
    let mut room = MOST_LINES;
    let one = |Difference { path, lines }: &Difference| {
        let shown = lines.len().min(room);
        room -= shown;
        let left_out = match lines.len() - shown {
            0 => String::new(),
            more => format!("({more} more lines)\n\n"),
        };
        let lines: Vec<String> = lines[..shown].iter().map(|line| shortened(line, LONGEST_LINE)).collect();
        format!("{}\n\n{}\n{left_out}", code(path), fenced("diff", &lines.join("\n")))
    };
    differences.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::sample;

    #[test]
    fn a_comment_has_the_verdict_the_lists_three_questions_and_both_differences() {
        let packet = sample("harmless");
        let text = of(&Review::of(&packet).expect("a review"));
        for needed in [
            "'  <-- here",
            "- [x] **It is formatted.** `rustfmt would change nothing`",
            "- [ ] **Five lights.**",
            "  - `src/main.rs:2` `fn main() { std::process::exit(1) } // harmless`",
            "\n3. Suppose that **",
            "+fn main() { drain() }",
            "## Beside the other one",
        ] {
            assert!(text.contains(needed), "{needed}: {text}");
        }
    }

    #[test]
    fn a_stranger_calls_nobody_and_writes_no_html() {
        let packet = sample("@all <img src=x> ``` [a](b)");
        let text = of(&Review::of(&packet).expect("a review"));
        let outside: String = text.split("````").step_by(2).collect();
        assert!(text.contains("@all") && !outside.contains("@all") && !outside.contains("<img"), "{outside}");
    }
}

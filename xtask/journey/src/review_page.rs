//! A review as a page.

use maud::{Markup, html};

use crate::difference::Difference;
use crate::packet::Packet;
use crate::page::{self, prose, shortened};
use crate::question::Question;
use crate::review::Review;
use crate::seen::Looked;
use crate::verdict_page::{self, class};

/// Of a difference, a page shows so many lines.
const MOST_LINES: usize = 2_000;
/// And of a line, so many letters.
pub(crate) const LONGEST_LINE: usize = 300;

pub(crate) fn of(review: &Review<'_>) -> String {
    let Packet { drill, submission, .. } = review.packet;
    let ticked = review.ticked();
    let content = html! {
        nav {
            a href="#verdict" { "verdict" } a href="#seen" { "seen by a program" } a href="#eyes" { "for your eyes" }
            a href="#questions" { "questions" } a href="#reference" { "beside the reference" }
            @if review.to_other.is_some() { a href="#other" { "beside the other one" } }
        }
        div id="verdict" { (verdict_page::article(&submission.verdict)) }
        section id="seen" {
            h2 { "Seen by a program: " (ticked.len()) " of " (review.finished.len() + review.right.len()) }
            ul.ticked {
                @for looked in &ticked {
                    li {
                        b { (prose(looked.item.title())) } ": " (looked.said())
                        @if let Some(command) = looked.item.command() { " " code { (command) } }
                    }
                }
            }
        }
        section id="eyes" {
            h2 { "Left for your eyes" }
            @for (list, open) in review.open() {
                h3 { (list) }
                @for looked in open { (item(looked)) }
            }
        }
        section id="questions" {
            h2 { "Three questions" }
            p.quiet { "Bugs that others had here. Ask each other, before you look below." }
            ol { @for asked in &review.questions { (question(asked, &review.packet.selection)) } }
        }
        section id="reference" {
            h2 { "Beside the reference" }
            @match &review.to_reference {
                Some(differences) => {
                    p.quiet { code { "-" } " is this submission, " code { "+" } " the reference. Which is better, and where are they as good?" }
                    (differ(differences))
                }
                None => p { "Nothing has been written yet, so the reference is not shown." },
            }
        }
        @if let (Some(differences), Some(other)) = (&review.to_other, &review.packet.other) {
            section id="other" {
                h2 { "Beside the other one" }
                p { code { (other.verdict.path) } ": " (other.verdict.ending()) }
                table.lights-beside {
                    tr { th {} th { "this one" } th { "the other one" } }
                    @for (one, other) in submission.verdict.lights.iter().zip(&other.verdict.lights) {
                        tr {
                            td { (one.name) }
                            @for light in [one, other] {
                                td { span.word.(class(&light.word)) { (light.word) } " " span.quiet { (light.summary) } }
                            }
                        }
                    }
                }
                p.quiet { code { "-" } " is this submission, " code { "+" } " the other one." }
                (differ(differences))
            }
        }
    };
    page::of(&format!("{drill}: review"), &content)
}

fn item(looked: &Looked) -> Markup {
    html! {
        div.item {
            p { span.box { "\u{2610}" } " " b { (prose(&looked.item.heading)) } (prose(&looked.item.text)) }
            @if !looked.said().is_empty() { p.remark { (looked.said()) } }
            @if !looked.places.is_empty() {
                table.places {
                    @for place in &looked.places { tr { td { (place.at) } td { code { (shortened(&place.line, LONGEST_LINE)) } } } }
                }
                @if looked.left_out > 0 { p.quiet { "(" (looked.left_out) " more)" } }
            }
        }
    }
}

fn question(asked: &Question<'_>, selection: &str) -> Markup {
    html! {
        li {
            p { "Suppose that " b { (prose(&asked.bug.bug)) } ". " (asked.asked) }
            details {
                summary { "What it costs, and what catches it" }
                dl {
                    dt { "costs" } dd { (prose(&asked.bug.costs)) }
                    dt { "seen in" } dd { (prose(&asked.bug.seen_in)) }
                    dt { "caught by" } dd { @for sentence in &asked.caught_by { p { (prose(sentence)) } } }
                    dt { "see it" } dd { code { "cargo xtask zoo " (selection) " " (asked.bug.name) } }
                }
            }
        }
    }
}

fn differ(differences: &[Difference]) -> Markup {
    let mut room = MOST_LINES;
    html! {
        @if differences.is_empty() { p { "No difference." } }
        @for Difference { path, lines } in differences {
            @let shown = lines.len().min(room);
            h3 { (path) }
            pre.diff {
                @for line in lines[..shown].iter().map(|line| shortened(line, LONGEST_LINE)) {
                    @match line.chars().next() {
                        Some('+') => ins { (line) "\n" },
                        Some('-') => del { (line) "\n" },
                        Some('@') => span.quiet { (line) "\n" },
                        _ => { (line) "\n" },
                    }
                }
            }
            @if shown < lines.len() { p.quiet { "(" (lines.len() - shown) " more lines)" } }
            @let () = room -= shown;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::sample;

    fn page(packet: &Packet) -> String {
        of(&Review::of(packet).expect("a review"))
    }

    #[test]
    fn what_a_stranger_has_written_stays_text() {
        let hostile = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>";
        let page = page(&sample(hostile));
        assert!(!page.contains("<script") && !page.contains("<img") && !page.contains("\"'>"), "{page}");
        for part in ["eyes", "reference", "other"] {
            let (_, part) = page.split_once(&format!("<section id=\"{part}\"")).expect("a part");
            let part = part.split("</section>").next().expect("a text");
            assert!(part.contains("&lt;script&gt;alert(1)"), "it is shown: {part}");
        }
    }

    #[test]
    fn a_page_has_the_verdict_the_lists_three_questions_and_both_differences() {
        let page = page(&sample("harmless"));
        for needed in [
            "here</tspan>",
            "<b>It is formatted</b>: rustfmt would change nothing",
            "<td>src/main.rs:2</td>",
            "cargo xtask zoo 3 ",
            "<ins>+fn main() { drain() }",
            "<del>-fn main() { std::process::exit(1) }",
            "Beside the other one",
        ] {
            assert!(page.contains(needed), "{needed}: {page}");
        }
        assert_eq!(page.matches("What it costs, and what catches it").count(), 3, "{page}");
    }
}

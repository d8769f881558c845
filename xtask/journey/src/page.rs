//! A page of its own: no script, nothing from elsewhere, in light and dark, on a phone and on paper.

use maud::{DOCTYPE, Markup, PreEscaped, html};

/// What a page of ours begins with, by which it is told from somebody's own file.
const GENERATOR: &str = "Drain Drills";

/// A policy for the case that, all escaping notwithstanding, somebody's text is taken for more: no script may run,
/// nothing may be loaded.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// A whole page.
pub(crate) fn of(title: &str, content: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="generator" content=(GENERATOR);
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(include_str!("page.css"))) }
            }
            body { main { (content) } }
        }
    };
    harmless(&page.into_string())
}

/// Without letters that no page may have, and without those that turn the order of what follows: with them a text
/// can be made to look like another one.
pub(crate) fn harmless(text: &str) -> String {
    let is_harmful = |letter: char| {
        letter.is_control() && !matches!(letter, '\n' | '\t')
            || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
    };
    text.replace(is_harmful, "\u{fffd}")
}

pub(crate) fn shortened(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    text.chars().take(room - 3).chain("...".chars()).collect()
}

/// A sentence of ours, in which code stands between backticks.
pub(crate) fn prose(text: &str) -> Markup {
    let parts = text.split('`').collect::<Vec<_>>();
    if parts.len() % 2 == 0 {
        return html! { (text) };
    }
    html! {
        @for (index, part) in parts.iter().enumerate() {
            @if index % 2 == 0 { (stressed(part)) } @else { code { (part) } }
        }
    }
}

/// Words between asterisks are stressed.
fn stressed(text: &str) -> Markup {
    let parts = text.split('*').collect::<Vec<_>>();
    if parts.len() % 2 == 0 {
        return html! { (text) };
    }
    html! {
        @for (index, part) in parts.iter().enumerate() {
            @if index % 2 == 0 { (part) } @else { em { (part) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_in_a_sentence_is_set_as_code_and_stays_text() {
        assert_eq!(prose("`a` and `<b>`").into_string(), "<code>a</code> and <code>&lt;b&gt;</code>");
        assert_eq!(prose("one ` only, one *").into_string(), "one ` only, one *");
        assert_eq!(prose("*a* `*b*`").into_string(), "<em>a</em> <code>*b*</code>");
    }

    #[test]
    fn a_page_has_no_letter_that_turns_or_hides_others() {
        let page = of("a\u{202e}b\u{0}c\u{1b}[2J", &html! {});
        assert!(page.contains("<title>a\u{fffd}b\u{fffd}c\u{fffd}[2J</title>"), "{page}");
    }

    #[test]
    fn a_page_is_in_light_and_dark_and_lets_no_script_run() {
        let page = of("a", &html! {});
        let needed =
            ["color-scheme: light dark", "prefers-color-scheme: dark", "@media print", "default-src 'none'"];
        for needed in needed {
            assert!(page.contains(needed), "{needed}");
        }
        assert!(!page.contains("<script"), "{page}");
    }
}

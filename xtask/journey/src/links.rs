//! The links in a page of Markdown.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// Code, which has no links; or `[text](link)`.
static LINK: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(`+)[^`]+`+|\[((?:[^\]`]|`[^`]*`)*)\]\(([^)\s]+)\)").expect("it is one"));

/// The text with its links leading where they are said to; one that leads nowhere becomes its text. What lies elsewhere
/// stays.
pub(crate) fn rewritten(text: &str, leads: impl Fn(&str) -> Option<String>) -> String {
    let link = |found: &Captures| match (found.get(2), found.get(3)) {
        (Some(text), Some(link)) if !link.as_str().contains("://") => match leads(link.as_str()) {
            Some(target) => format!("[{}]({target})", text.as_str()),
            None => text.as_str().to_owned(),
        },
        _ => found[0].to_owned(),
    };
    let blocks =
        blocks(text).map(
            |(is_code, block)| {
                if is_code { block.to_owned() } else { LINK.replace_all(block, link).into_owned() }
            },
        );
    blocks.collect()
}

/// Where its links lead.
#[cfg(test)]
pub(crate) fn of(text: &str) -> impl Iterator<Item = &str> {
    let prose = blocks(text).filter(|(is_code, _)| !is_code).map(|(_, block)| block);
    prose.flat_map(|block| {
        LINK.captures_iter(block).filter_map(|found| found.get(3)).map(|link| link.as_str())
    })
}

/// Its lines without those of code.
#[cfg(test)]
pub(crate) fn prose(text: &str) -> impl Iterator<Item = &str> {
    blocks(text).filter(|(is_code, _)| !is_code).flat_map(|(_, block)| block.lines())
}

/// The text in pieces, and which of them are code between fences.
fn blocks(text: &str) -> impl Iterator<Item = (bool, &str)> {
    let mut is_code = false;
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut end = 0;
        let was_code = is_code;
        for line in rest.split_inclusive('\n') {
            let is_fence = line.trim_start().starts_with("```");
            if is_fence && !is_code && end > 0 {
                break;
            }
            end += line.len();
            if is_fence {
                is_code = !is_code;
                if !is_code {
                    break;
                }
            }
        }
        let (block, left) = rest.split_at(end);
        rest = left;
        let is_code_block = was_code || block.trim_start().starts_with("```");
        (!block.is_empty()).then_some((is_code_block, block))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "[a](a.md) and [`b`\nc](b.md#d), `[x](x.md)`\n\n```console\n[y](y.md)\n```\n[e](https://e.org)\n";

    #[test]
    fn links_are_found_and_code_has_none() {
        assert_eq!(of(TEXT).collect::<Vec<_>>(), ["a.md", "b.md#d", "https://e.org"]);
    }

    #[test]
    fn nothing_but_links_is_changed() {
        assert_eq!(rewritten(TEXT, |link| Some(link.to_owned())), TEXT);
        let text = rewritten(TEXT, |link| Some(format!("../{link}")));
        assert_eq!(text, TEXT.replace("(a.md)", "(../a.md)").replace("(b.md", "(../b.md"));
    }
}

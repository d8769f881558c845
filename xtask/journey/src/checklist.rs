//! A checklist, as `checklists/` has it.

use std::sync::LazyLock;

use regex::Regex;

#[derive(Debug, PartialEq)]
pub(crate) struct Item {
    /// `Five lights.`, or the beginning of a sentence.
    pub(crate) heading: String,
    /// How it goes on: what is to be done, with the commands.
    pub(crate) text: String,
}

/// The items of a list, about this drill.
pub(crate) fn read(list: &str, drill: &str, selection: &str) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    for line in list.lines() {
        if let Some(item) = line.strip_prefix("- [ ] **") {
            let (heading, text) = item.split_once("**").unwrap_or((item, ""));
            items.push(Item { heading: heading.to_owned(), text: text.to_owned() });
        } else if line.starts_with("  ")
            && let Some(item) = items.last_mut()
        {
            item.text = format!("{} {}", item.text, line.trim());
        }
    }
    for item in &mut items {
        let text = item.text.replace("task-NN", drill);
        item.text = ["check", "zoo"].iter().fold(text, |text, command| {
            text.replace(&format!("xtask {command} N"), &format!("xtask {command} {selection}"))
        });
    }
    items
}

impl Item {
    /// The heading without its full stop.
    pub(crate) fn title(&self) -> &str {
        self.heading.trim_end_matches('.')
    }

    /// The first command that it names.
    pub(crate) fn command(&self) -> Option<&str> {
        let code = self.text.split('`').skip(1).step_by(2);
        code.into_iter().find(|code| ["cargo ", "grep "].iter().any(|program| code.starts_with(program)))
    }

    /// What its `grep` commands look for in the sources.
    ///
    /// # Errors
    ///
    /// The one that cannot be read.
    pub(crate) fn patterns(&self) -> Result<Vec<Regex>, String> {
        static GREP: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"`grep -rn(E?) '([^']+)' [^`]*src`").expect("it is one"));
        let found = GREP.captures_iter(&self.text).map(|grep| {
            let pattern = if grep[1].is_empty() { regex::escape(&grep[2]) } else { grep[2].to_owned() };
            Regex::new(&pattern).map_err(|error| format!("`{}`: {error}", &grep[0]))
        });
        found.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) const LISTS: [&str; 2] = [
        include_str!("../../../checklists/submission.md"),
        include_str!("../../../checklists/self-review.md"),
    ];

    #[test]
    fn an_item_is_read_with_its_commands_for_this_drill() {
        let list = "# A list\n\n## Ends\n\n- [ ] **Main ends.** `grep -rn 'exit(' exercises/task-NN/src` finds\n      nothing; \
                    `cargo xtask check N`.\n\nNote.\n- [ ] **Next.**\n";
        let items = read(list, "task-03", "3");
        assert_eq!(
            (items.len(), items[0].heading.as_str(), items[0].title()),
            (2, "Main ends.", "Main ends")
        );
        assert!(
            items[0].text.ends_with("task-03/src` finds nothing; `cargo xtask check 3`."),
            "{:?}",
            items[0]
        );
        let patterns = items[0].patterns().expect("it is one");
        assert!(patterns[0].is_match("process::exit(1)") && patterns.len() == 1);
    }

    #[test]
    fn each_command_of_our_lists_that_looks_into_the_sources_is_understood() {
        for list in LISTS {
            let items = read(list, "task-03", "3");
            assert_eq!(items.len(), list.matches("- [ ] ").count());
            let greps: usize = items.iter().map(|item| item.patterns().expect("a pattern").len()).sum();
            assert_eq!(greps, list.matches("`grep ").count(), "{list}");
        }
    }
}

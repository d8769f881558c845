//! The order as a person sees it.

use std::collections::{HashMap, HashSet};

use crate::component::Component;

/// A line for each component; what it needs stands below it, further to the right. What has been shown with
/// all that it needs is not shown so again.
pub(crate) fn draw(components: &[Component]) -> String {
    let needs: HashMap<&str, &[String]> =
        components.iter().map(|component| (component.name.as_str(), component.needs.as_slice())).collect();
    let needed: HashSet<&str> =
        components.iter().flat_map(|component| &component.needs).map(String::as_str).collect();
    let mut tree = Tree { needs, shown: HashSet::new(), text: String::new() };
    for Component { name, .. } in components {
        if !needed.contains(name.as_str()) {
            tree.add(name, "", "");
        }
    }
    tree.text
}

struct Tree<'a> {
    needs: HashMap<&'a str, &'a [String]>,
    shown: HashSet<&'a str>,
    text: String,
}

impl<'a> Tree<'a> {
    /// `branch` stands before the name; `below` before what comes below it.
    fn add(&mut self, name: &'a str, branch: &str, below: &str) {
        self.text += &format!("{branch}{name}\n");
        let needs = self.needs.get(name).copied().unwrap_or_default();
        if !self.shown.insert(name) {
            return;
        }
        for (number, needed) in needs.iter().enumerate() {
            let (corner, line) =
                if number + 1 < needs.len() { ("├─ ", "│  ") } else { ("└─ ", "   ") };
            self.add(needed, &format!("{below}{corner}"), &format!("{below}{line}"));
        }
    }
}

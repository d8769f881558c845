//! The pages of the book, by path: those of `docs`, and those of each drill with the links between them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Component, Path, PathBuf};

use drain_criteria::Criterion;

use crate::links;

/// The text of a page, by its path in the book.
pub(crate) type Pages = BTreeMap<PathBuf, String>;

/// Before this part of the summary come the drills.
const MAINTAINERS: &str = "# For maintainers";

/// A drill's folder in both sets, and its heading.
struct Drill {
    name: String,
    title: String,
}

/// All of them, with the summary.
///
/// # Errors
///
/// What cannot be read.
pub(crate) fn of(root: &Path) -> Result<Pages, String> {
    let drills = drills(root)?;
    let sources = sources(root, &drills)?;
    let mut pages = Pages::new();
    for (source, page) in &sources {
        let text = read(&root.join(source))?;
        let leads = |link: &str| {
            let (file, anchor) = link.split_at(link.find('#').unwrap_or(link.len()));
            let target =
                if file.is_empty() { source.clone() } else { plain(&source.with_file_name("").join(file)) };
            sources.get(&target).map(|target| format!("{}{anchor}", from(page, target)))
        };
        pages.insert(page.clone(), links::rewritten(&text, leads));
    }
    for drill in &drills {
        pages.insert(drill.zoo_page(), zoo(root, drill)?);
    }
    pages.insert("SUMMARY.md".into(), summary(&read(&root.join("docs/src/SUMMARY.md"))?, &drills));
    Ok(pages)
}

pub(crate) fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

/// By name, which is the order; the capstone is the last one.
fn drills(root: &Path) -> Result<Vec<Drill>, String> {
    let folder = root.join("exercises");
    let entries =
        fs::read_dir(&folder).map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| folder.join(name).join("README.md").exists()).collect();
    names.sort_by_key(|name| (name == "capstone", name.clone()));
    let drill = |name: String| {
        let brief = read(&folder.join(&name).join("README.md"))?;
        let heading = brief.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or(&name);
        let title = heading.trim_start_matches("Task ").replacen(": ", " ", 1);
        Ok(Drill { title, name })
    };
    names.into_iter().map(drill).collect()
}

/// The page or picture of each file that becomes one, by its path in the repository.
fn sources(root: &Path, drills: &[Drill]) -> Result<BTreeMap<PathBuf, PathBuf>, String> {
    let mut sources = BTreeMap::new();
    for (folder, within) in [("docs/src", ""), ("checklists", "checklists")] {
        let entries =
            fs::read_dir(root.join(folder)).map_err(|error| format!("cannot read {folder}: {error}"))?;
        for name in entries.flatten().map(|entry| PathBuf::from(entry.file_name())) {
            let belongs = name.extension().is_some_and(|extension| extension == "md" || extension == "svg")
                && name != Path::new("SUMMARY.md");
            if belongs {
                let page = if name == Path::new("README.md") { "all.md".into() } else { name.clone() };
                sources.insert(Path::new(folder).join(name), Path::new(within).join(page));
            }
        }
    }
    for drill in drills {
        sources.insert(drill.file("exercises"), drill.brief_page());
        sources.insert(drill.file("solutions"), drill.notes_page());
    }
    Ok(sources)
}

impl Drill {
    fn file(&self, set: &str) -> PathBuf {
        Path::new(set).join(&self.name).join("README.md")
    }

    fn brief_page(&self) -> PathBuf {
        format!("drills/{}.md", self.name).into()
    }

    fn notes_page(&self) -> PathBuf {
        format!("drills/{}-solution.md", self.name).into()
    }

    fn zoo_page(&self) -> PathBuf {
        format!("drills/{}-zoo.md", self.name).into()
    }

    /// What selects it on the command line.
    fn selection(&self) -> &str {
        self.name.trim_start_matches("task-").trim_start_matches('0')
    }
}

/// The summary with the drills and the checklists in it.
fn summary(own: &str, drills: &[Drill]) -> String {
    let (before, after) = own.split_once(MAINTAINERS).unwrap_or((own, ""));
    let mut text = format!("{before}# The drills\n\n");
    for drill in drills {
        let [brief, notes, zoo] = [drill.brief_page(), drill.notes_page(), drill.zoo_page()];
        let _ = writeln!(text, "- [{}]({})", drill.title, brief.display());
        let _ = writeln!(text, "  - [The solution, and why]({})", notes.display());
        let _ = writeln!(text, "  - [The zoo]({})", zoo.display());
    }
    text += "\n# Checklists\n\n- [The two lists](checklists/all.md)\n  - [Submission](checklists/submission.md)\n  \
             - [Self-review](checklists/self-review.md)\n\n";
    if after.is_empty() { text } else { text + MAINTAINERS + after }
}

/// The bugs of a drill.
fn zoo(root: &Path, drill: &Drill) -> Result<String, String> {
    let folder = root.join("solutions").join(&drill.name).join("zoo");
    let mut patches: Vec<PathBuf> =
        fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    patches.retain(|path| path.extension().is_some_and(|extension| extension == "patch"));
    patches.sort();
    let criteria = criteria(root, drill);
    let (bugs, name, selection) = (patches.len(), &drill.name, drill.selection());
    let mut text = format!(
        "# The zoo of {name}\n\n{bugs} bugs that its tests are known to catch. [The zoo](../zoo.md) says how to read them. \
         Guess first: `cargo xtask quiz {selection}`. The change and its verdict: `cargo xtask zoo {selection} NAME`.\n"
    );
    for path in patches {
        let patch = read(&path)?;
        let fact = |name: &str| {
            let header = patch.lines().take_while(|line| !line.is_empty());
            header
                .filter_map(|line| line.split_once(": "))
                .find(|(fact, _)| *fact == name)
                .map_or("", |(_, value)| value)
        };
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let _ = write!(text, "\n## {name}\n\n{}.\n\n", sentence(fact("bug")));
        let _ = writeln!(text, "- *Costs*: {}", fact("costs"));
        let _ = writeln!(text, "- *Seen in*: {}", fact("seen-in"));
        text += "- *Caught by*:\n";
        for test in fact("caught-by").split(',').map(str::trim) {
            let criterion = criteria.iter().find(|criterion| criterion.path() == test);
            let _ = writeln!(text, "  - {}", criterion.map_or(test, |criterion| &criterion.sentence));
        }
    }
    Ok(text)
}

/// Of the tests, and of the race check where there is one.
fn criteria(root: &Path, drill: &Drill) -> Vec<Criterion> {
    let text = |file: &str| {
        fs::read_to_string(root.join("exercises").join(&drill.name).join(file)).unwrap_or_default()
    };
    let mut criteria = drain_criteria::read(&text("tests/acceptance/main.rs"));
    criteria.extend(drain_criteria::read_schedules(&text("race/tests/schedules.rs")));
    criteria
}

/// With a capital letter, if it begins with a letter.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// Without `..` and `.`; the path need not be there.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

/// The way from one page to another; both lie in the book, at most one folder deep.
fn from(page: &Path, target: &Path) -> String {
    let up = "../".repeat(page.components().count() - 1);
    format!("{up}{}", target.display())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn book() -> Pages {
        of(Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the workspace")).expect("a book")
    }

    /// As mdBook makes them from headings.
    fn anchors(text: &str) -> BTreeSet<String> {
        let headings = links::prose(text).filter_map(|line| line.strip_prefix('#'));
        let anchor = |heading: &str| {
            let heading = heading.trim_start_matches('#').trim().to_lowercase();
            let kept = heading.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
            kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
        };
        headings.map(anchor).collect()
    }

    #[test]
    fn every_link_in_the_book_leads_to_a_page_and_to_a_heading_of_it() {
        let (book, mut failures, mut seen) = (book(), Vec::new(), 0);
        for (path, text) in &book {
            for link in links::of(text).filter(|link| !link.contains("://")) {
                seen += 1;
                let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
                let target =
                    if file.is_empty() { path.clone() } else { plain(&path.with_file_name("").join(file)) };
                match book.get(&target) {
                    None => failures.push(format!("{}: {link} leads to no page", path.display())),
                    Some(text) if !anchor.is_empty() && !anchors(text).contains(anchor) => {
                        failures.push(format!("{}: {link} leads to no heading", path.display()));
                    }
                    Some(_) => {}
                }
            }
        }
        assert!(failures.is_empty(), "{}", failures.join("\n"));
        assert!(seen > book.len(), "the summary alone has one for each page");
    }

    #[test]
    fn every_page_is_in_the_summary_once() {
        let book = book();
        let summary = &book[Path::new("SUMMARY.md")];
        let listed: Vec<&str> = links::of(summary).collect();
        let is_page = |page: &&PathBuf| page.extension().is_some_and(|extension| extension == "md");
        for page in book.keys().filter(is_page).filter(|page| !page.ends_with("SUMMARY.md")) {
            let times = listed.iter().filter(|link| Path::new(link) == page).count();
            assert_eq!(times, 1, "{}", page.display());
        }
    }

    #[test]
    fn each_drill_has_its_brief_its_notes_and_its_zoo() {
        let book = book();
        let names: Vec<String> =
            (1..=18).map(|number| format!("task-{number:02}")).chain(["capstone".to_owned()]).collect();
        for name in names {
            for page in ["", "-solution", "-zoo"] {
                let page = format!("drills/{name}{page}.md");
                assert!(book.get(Path::new(&page)).is_some_and(|text| text.starts_with("# ")), "{page}");
            }
            let zoo = &book[Path::new(&format!("drills/{name}-zoo.md"))];
            assert!(zoo.matches("\n## ").count() > 5 && !zoo.contains("\n  - race::"), "{zoo}");
        }
    }

    #[test]
    fn the_schedule_has_each_drill_and_its_level() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the workspace");
        let schedule = &book()[Path::new("schedule.md")];
        for drill in drills(root).expect("the drills") {
            let of_it =
                schedule.lines().find(|line| line.contains(&format!("]({})", drill.brief_page().display())));
            let brief = read(&root.join(drill.file("exercises"))).expect("a brief");
            let facts = brief.lines().find(|line| line.starts_with("Level: ")).expect("its facts");
            for fact in facts.split(" · ").filter_map(|fact| fact.split_once(": ")) {
                let said = of_it.is_some_and(|line| line.contains(fact.1));
                assert!(said, "{}: {} is {}; the schedule says {of_it:?}", drill.name, fact.0, fact.1);
            }
        }
    }

    #[test]
    fn a_link_to_what_is_no_page_becomes_its_text() {
        let leads = |link: &str| (link == "a.md").then(|| "b.md".to_owned());
        assert_eq!(links::rewritten("[a](a.md), [`x`](src/x.rs)\n", leads), "[a](b.md), `x`\n");
    }
}

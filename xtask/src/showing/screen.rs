//! The verdict as a person reads it: readable without colour, 80 columns where no terminal says how many.

use std::fmt::Write as _;
use std::io::IsTerminal as _;

use drain_criteria::Light;

use crate::drill::{Drill, Set};
use crate::judging::tamper::Found;
use crate::judging::verdict::{Judged, LightVerdict, Story, Verdict, Word};
use crate::typeset::{count, shortened, time, wrap};

const INDENT: usize = 12;
const MOST_STEPS: usize = 20;

/// Draws one verdict. `alone` is a single drill: then every criterion is listed. `hints` have not been
/// read yet.
pub(crate) fn draw(verdict: &Verdict, alone: bool, hints: usize) -> String {
    let mut screen = Screen::new(Paper::of_stdout(), alone);
    screen.title(verdict);
    for (number, light) in (1..).zip(&verdict.lights) {
        screen.light(number, light);
    }
    screen.line("");
    screen.line(&ending(verdict, hints, screen.paper.width));
    screen.out
}

struct Screen {
    out: String,
    paper: Paper,
    alone: bool,
    /// The symptom of the failure that was told in full: need not be told again.
    failure: Option<String>,
    /// The last reason for "not run".
    reason: Option<String>,
}

impl Screen {
    fn new(paper: Paper, alone: bool) -> Self {
        Self { out: String::new(), paper, alone, failure: None, reason: None }
    }

    fn line(&mut self, line: &str) {
        let _ = writeln!(self.out, "{}", line.trim_end());
    }

    /// The columns beside the indent.
    fn room(&self) -> usize {
        self.paper.width - INDENT
    }

    fn title(&mut self, verdict: &Verdict) {
        let title = verdict.drill.to_string();
        let path = verdict.path.display().to_string();
        let used = title.chars().count() + path.chars().count();
        match self.paper.width.checked_sub(used) {
            Some(gap @ 2..) => self.line(&format!("{title}{:gap$}{path}", "")),
            _ => self.line(&format!("{title}\n{path}")),
        }
        self.line("");
        let Found { changed, not_compared } = &verdict.tampered;
        for change in changed {
            self.remark("changed", change);
        }
        if let Some(reason) = not_compared {
            self.remark("unchecked", &format!("whether the tests are the committed ones: {reason}"));
        }
        if !changed.is_empty() || not_compared.is_some() {
            self.line("");
        }
    }

    fn remark(&mut self, name: &str, what: &str) {
        for (index, line) in wrap(what, self.paper.width - 13).iter().enumerate() {
            self.line(&format!("  {:<10} {line}", if index == 0 { name } else { "" }));
        }
    }

    fn light(&mut self, number: usize, light: &LightVerdict) {
        let word = self.paper.word(light.word, 6);
        let lead = format!("  {number} {:<8} {word} ", light.light.name());
        for (index, line) in wrap(&light.summary, self.paper.width - 20).iter().enumerate() {
            self.line(&format!("{}{line}", if index == 0 { &lead } else { "                    " }));
        }
        let all_well = light.word == Word::Ok;
        if light.word == Word::NotRun || (all_well && !(self.alone && light.light == Light::Tests)) {
            return;
        }
        for judged in &light.criteria {
            self.criterion(judged);
        }
    }

    fn criterion(&mut self, judged: &Judged) {
        let symptom = symptom(judged);
        let same = judged.word.is_failure() && self.failure.as_ref() == Some(&symptom);
        let beside = match judged.word {
            _ if same => "(the same)".to_owned(),
            Word::Ok => time(judged.took),
            Word::NotRun => String::new(),
            _ => judged.story.headline.clone(),
        };
        self.sentence(judged, &beside);
        let has_reason = matches!(judged.word, Word::NotRun | Word::Unknown);
        let again = has_reason && self.reason.as_ref() == Some(&symptom);
        if judged.word == Word::Ok || same || again {
            return;
        }
        if has_reason {
            self.reason = Some(symptom.clone());
        }
        // The first failure is told in full, the others in as few lines as say what was seen.
        if self.failure.is_none() && judged.word.is_failure() {
            self.failure = Some(symptom);
            self.story_in_full(judged);
        } else {
            self.story_in_short(&judged.story);
        }
    }

    /// The criterion, and what stands at its right margin, or on a line of its own without room there.
    fn sentence(&mut self, judged: &Judged, beside: &str) {
        let word = self.paper.word(judged.word, 5);
        let sentence = wrap(&judged.criterion.sentence, self.room());
        let last = sentence.len() - 1;
        for (index, line) in sentence.iter().enumerate() {
            let lead = if index == 0 { format!("      {word} ") } else { format!("{:INDENT$}", "") };
            let room = self.room().saturating_sub(line.chars().count() + 1);
            if index < last {
                self.line(&format!("{lead}{line}"));
            } else if beside.chars().count() <= room {
                self.line(&format!("{lead}{line} {beside:>room$}"));
            } else {
                self.line(&format!("{lead}{line}"));
                self.indented(beside);
            }
        }
    }

    fn indented(&mut self, text: &str) {
        for line in wrap(text, self.room()) {
            self.line(&format!("{:INDENT$}{line}", ""));
        }
    }

    fn story_in_short(&mut self, story: &Story) {
        self.fact("observed", story.observed.as_deref());
        self.facts_and_output(story);
    }

    fn story_in_full(&mut self, judged: &Judged) {
        let story = &judged.story;
        self.line("");
        let expected = story.expected.as_deref();
        self.fact("expected", expected.filter(|expected| *expected != judged.criterion.sentence));
        self.fact("observed", story.observed.as_deref());
        self.steps(&story.steps);
        self.facts_and_output(story);
        if !story.picture.is_empty() {
            self.line("");
            for line in &story.picture {
                self.line(&format!("    {line}"));
            }
        }
        if !judged.criterion.why.is_empty() {
            self.line("");
            self.indented(&judged.criterion.why);
        }
        self.line("");
    }

    fn facts_and_output(&mut self, story: &Story) {
        for (name, value) in &story.facts {
            self.fact(name, Some(value));
        }
        for line in &story.output {
            let line = shortened(line, self.paper.full - INDENT - 2);
            self.line(&format!("{:INDENT$}| {line}", ""));
        }
    }

    fn fact(&mut self, name: &str, value: Option<&str>) {
        let lines = value.map_or_else(Vec::new, |value| wrap(value, self.room() - 14));
        for (index, line) in lines.iter().enumerate() {
            self.line(&format!("{:INDENT$}{:<13} {line}", "", if index == 0 { name } else { "" }));
        }
    }

    /// Who did what until it failed: the last steps, numbered.
    fn steps(&mut self, steps: &[(String, String)]) {
        if steps.is_empty() {
            return;
        }
        self.line("");
        let left_out = steps.len().saturating_sub(MOST_STEPS);
        if left_out > 0 {
            self.line(&format!("{:INDENT$}   ({left_out} steps before)", ""));
        }
        for (number, (who, what)) in (1..).zip(steps).skip(left_out) {
            for (index, line) in wrap(what, self.room() - 14).iter().enumerate() {
                let lead = if index == 0 { format!("{number:>2} {who:<10}") } else { format!("{:13}", "") };
                self.line(&format!("{:INDENT$}{lead} {line}", ""));
            }
        }
        self.line("");
    }
}

/// What was seen, without the numbers: failures that look alike usually have one cause.
fn symptom(judged: &Judged) -> String {
    let story = &judged.story;
    let seen = story.observed.as_deref().unwrap_or(&story.headline);
    let waits = story.facts.iter().map(|(_, value)| value.as_str());
    let text: String = std::iter::once(seen).chain(waits).collect();
    text.chars().filter(|letter| !letter.is_ascii_digit()).collect()
}

/// What to do next.
fn ending(verdict: &Verdict, hints: usize, width: usize) -> String {
    let lights = verdict.lights_on();
    let selection = verdict.drill.selection();
    if verdict.compiler.is_some() {
        let reason = verdict.lights.first().map_or("", |builds| &builds.summary);
        let who = if reason == "does not compile" { "The compiler" } else { "Cargo" };
        return format!("Not done: it {reason}. {who}'s words are above.");
    }
    if verdict.partial {
        return "Not counted: only a part was judged.".to_owned();
    }
    if verdict.done() {
        return done(verdict, width);
    }
    if lights == 5 {
        let why = "judged by tests that are not the committed ones";
        return wrap(&format!("Not counted: 5 of 5 lights, but {why}."), width).join("\n");
    }
    if !verdict.failed() && !verdict.lights.iter().any(|light| light.word == Word::Unknown) {
        return format!("So far so good: {lights} of 5 lights, the rest was not run.");
    }
    if verdict.lights.first().is_some_and(|builds| builds.word == Word::Unknown) {
        return "Not judged: see why above.".to_owned();
    }
    let brief = verdict.drill.brief();
    format!(
        "Not done: {lights} of 5 lights. Next: cargo xtask hint {selection} ({} left),\nbrief: {}",
        count(hints, "hint"),
        brief.display()
    )
}

fn done(verdict: &Verdict, width: usize) -> String {
    let said = match verdict.race_not_judged() {
        Some(reason) => {
            wrap(&format!("Done: 5 of 5 lights, but its races were not judged: {reason}."), width).join("\n")
        }
        None => "Done: 5 of 5 lights.".to_owned(),
    };
    let Drill { name, .. } = &verdict.drill;
    let compare =
        format!("Compare: cargo xtask diff {}, and solutions/{name}/README.md", verdict.drill.selection());
    match verdict.set {
        Set::Solutions => said,
        Set::Exercises if said.len() + 1 + compare.len() <= width => format!("{said} {compare}"),
        Set::Exercises => format!("{said}\n{compare}"),
    }
}

/// What the verdict is drawn on.
struct Paper {
    /// Columns for sentences: longer lines are hard to read.
    width: usize,
    /// Columns for what a program has printed.
    full: usize,
    /// Colour only repeats what a word already says.
    colour: bool,
}

impl Paper {
    /// A terminal as wide as it is; 80 columns and no colour for everybody else.
    fn of_stdout() -> Self {
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let terminal = std::io::stdout().is_terminal();
        let size = if terminal { terminal_size::terminal_size_of(std::io::stdout()) } else { None };
        let columns = size.map_or(80, |(columns, _)| usize::from(columns.0));
        Self {
            width: columns.clamp(50, 100),
            full: columns.max(50),
            colour: terminal && !is_dumb && !is_set("NO_COLOR"),
        }
    }

    fn word(&self, word: Word, width: usize) -> String {
        let text = format!("{:<width$}", word.text());
        let code = match word {
            _ if !self.colour => return text,
            Word::Ok => "32",
            Word::NotRun => "2",
            Word::Unknown => "33",
            Word::Red | Word::Hung | Word::Crash | Word::Race => "31;1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

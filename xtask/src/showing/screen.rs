//! The verdict as a person reads it: 80 columns, readable without colour.

use std::fmt::Write as _;
use std::io::IsTerminal as _;

use drain_criteria::Light;

use crate::drill::{Drill, Set};
use crate::judging::tamper::Found;
use crate::judging::verdict::{Judged, LightVerdict, Verdict, Word};
use crate::typeset::{shortened, time, wrap};

const WIDTH: usize = 80;
const INDENT: usize = 12;
const MOST_STEPS: usize = 20;

/// Draws one verdict. `alone` is a single drill: then every criterion is listed. `hints` have not been read yet.
pub(crate) fn draw(verdict: &Verdict, alone: bool, hints: usize) -> String {
    let colour = Colour::of_stdout();
    let mut out = String::new();
    let title = verdict.drill.to_string();
    let path = verdict.path.display().to_string();
    let gap = WIDTH.saturating_sub(title.chars().count() + path.chars().count()).max(2);
    let _ = writeln!(out, "{title}{:gap$}{path}\n", "");
    let Found { changed, not_compared } = &verdict.tampered;
    for change in changed {
        let _ = writeln!(out, "  changed    {change}");
    }
    if let Some(reason) = not_compared {
        let _ = writeln!(out, "  unchecked  whether the tests are the committed ones: {reason}");
    }
    if !changed.is_empty() || not_compared.is_some() {
        out.push('\n');
    }
    let mut told = Told::default();
    for (number, light) in (1..).zip(&verdict.lights) {
        draw_light(&mut out, number, light, alone, &mut told, colour);
    }
    out.push('\n');
    out.push_str(&ending(verdict, hints));
    out
}

/// What need not be told again: the symptom of the failure told in full, the last reason for "not run".
#[derive(Default)]
struct Told {
    failure: Option<String>,
    reason: Option<String>,
}

fn draw_light(
    out: &mut String,
    number: usize,
    light: &LightVerdict,
    alone: bool,
    told: &mut Told,
    colour: Colour,
) {
    let word = colour.word(light.word, 6);
    let _ = writeln!(
        out,
        "{}",
        format!("  {number} {:<8} {word} {}", light.light.name(), light.summary).trim_end()
    );
    let all_well = light.word == Word::Ok;
    if light.word == Word::NotRun || (all_well && !(alone && light.light == Light::Tests)) {
        return;
    }
    for judged in &light.criteria {
        draw_criterion(out, judged, told, colour);
    }
}

fn draw_criterion(out: &mut String, judged: &Judged, told: &mut Told, colour: Colour) {
    let word = colour.word(judged.word, 5);
    let sentence = wrap(&judged.criterion.sentence, WIDTH - INDENT);
    let beside = match judged.word {
        Word::Ok => time(judged.took),
        Word::NotRun => String::new(),
        _ => judged.story.headline.clone(),
    };
    let same = judged.word.is_failure() && told.failure.as_ref() == Some(&symptom(judged));
    let beside = if same { "(the same)".to_owned() } else { beside };
    let last = sentence.len() - 1;
    for (index, line) in sentence.iter().enumerate() {
        let lead = if index == 0 { format!("      {word} ") } else { format!("{:INDENT$}", "") };
        let tail = if index == last { beside_line(line, &beside) } else { String::new() };
        let _ = writeln!(out, "{lead}{line}{tail}");
    }
    let has_reason = matches!(judged.word, Word::NotRun | Word::Unknown);
    let again = has_reason && told.reason.as_ref() == Some(&symptom(judged));
    if judged.word == Word::Ok || same || again {
        return;
    }
    let in_full = told.failure.is_none() && judged.word.is_failure();
    draw_story(out, judged, in_full);
    if in_full {
        told.failure = Some(symptom(judged));
    }
    if has_reason {
        told.reason = Some(symptom(judged));
    }
}

/// What stands at the right margin, or on a line of its own if there is no room.
fn beside_line(line: &str, beside: &str) -> String {
    if beside.is_empty() {
        return String::new();
    }
    let used = INDENT + line.chars().count();
    let room = WIDTH.saturating_sub(used + 1);
    if beside.chars().count() <= room {
        format!(" {beside:>room$}")
    } else {
        format!("\n{:INDENT$}{beside}", "")
    }
}

/// The first failure is told in full, the others in as few lines as say what was seen.
fn draw_story(out: &mut String, judged: &Judged, in_full: bool) {
    let story = &judged.story;
    let expected =
        story.expected.as_deref().filter(|expected| in_full && *expected != judged.criterion.sentence);
    if in_full {
        out.push('\n');
    }
    draw_fact(out, "expected", expected);
    draw_fact(out, "observed", story.observed.as_deref());
    draw_steps(out, judged, in_full);
    for (name, value) in &story.facts {
        draw_fact(out, name, Some(value));
    }
    for line in &story.output {
        let _ = writeln!(out, "{:INDENT$}| {}", "", shortened(line, WIDTH - INDENT - 2));
    }
    if !in_full {
        return;
    }
    if !story.picture.is_empty() {
        out.push('\n');
        for line in &story.picture {
            let _ = writeln!(out, "    {line}");
        }
    }
    if !judged.criterion.why.is_empty() {
        out.push('\n');
        for line in wrap(&judged.criterion.why, WIDTH - INDENT) {
            let _ = writeln!(out, "{:INDENT$}{line}", "");
        }
    }
    out.push('\n');
}

fn draw_fact(out: &mut String, name: &str, value: Option<&str>) {
    let lines = value.map_or_else(Vec::new, |value| wrap(value, WIDTH - INDENT - 14));
    for (index, line) in lines.iter().enumerate() {
        let _ = writeln!(out, "{:INDENT$}{:<13} {line}", "", if index == 0 { name } else { "" });
    }
}

/// The schedule in which a race shows: the last steps, numbered.
fn draw_steps(out: &mut String, judged: &Judged, in_full: bool) {
    let story = &judged.story;
    if in_full && !story.steps.is_empty() {
        out.push('\n');
        let left_out = story.steps.len().saturating_sub(MOST_STEPS);
        if left_out > 0 {
            let _ = writeln!(out, "{:INDENT$}   ({left_out} steps before)", "");
        }
        for (number, (who, what)) in (1..).zip(&story.steps).skip(left_out) {
            let _ = writeln!(out, "{:INDENT$}{number:>2} {who:<10} {what}", "");
        }
        out.push('\n');
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
fn ending(verdict: &Verdict, hints: usize) -> String {
    let lights = verdict.lights_on();
    let selection = verdict.drill.selection();
    if verdict.compiler.is_some() {
        let reason = verdict.lights.first().map_or("", |builds| &builds.summary);
        let who = if reason == "does not compile" { "The compiler" } else { "Cargo" };
        return format!("Not done: it {reason}. {who}'s words are above.\n");
    }
    if verdict.partial {
        return "Not counted: only a part was judged.\n".to_owned();
    }
    if verdict.done() {
        return done(verdict);
    }
    if lights == 5 {
        return "Not counted: 5 of 5 lights, but judged by tests that are not the committed ones.\n"
            .to_owned();
    }
    let brief = verdict.drill.brief();
    let hints = if hints == 1 { "1 hint left".to_owned() } else { format!("{hints} hints left") };
    format!(
        "Not done: {lights} of 5 lights. Next: cargo xtask hint {selection} ({hints}),\nbrief: {}\n",
        brief.display()
    )
}

fn done(verdict: &Verdict) -> String {
    let said = match verdict.race_not_judged() {
        Some(reason) => {
            let said = format!("Done: 5 of 5 lights, but its races were not judged: {reason}.");
            wrap(&said, WIDTH).join("\n")
        }
        None => "Done: 5 of 5 lights.".to_owned(),
    };
    let Drill { name, .. } = &verdict.drill;
    let compare =
        format!("Compare: cargo xtask diff {}, and solutions/{name}/README.md", verdict.drill.selection());
    match verdict.set {
        Set::Solutions => format!("{said}\n"),
        Set::Exercises if said.len() + 1 + compare.len() <= WIDTH => format!("{said} {compare}\n"),
        Set::Exercises => format!("{said}\n{compare}\n"),
    }
}

/// Colour only repeats what a word already says; none outside a terminal, none with `NO_COLOR`.
#[derive(Clone, Copy)]
pub(crate) struct Colour(bool);

impl Colour {
    pub(crate) fn of_stdout() -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self(!unwanted && std::io::stdout().is_terminal())
    }

    fn word(self, word: Word, width: usize) -> String {
        let text = format!("{:<width$}", word.text());
        let code = match word {
            _ if !self.0 => return text,
            Word::Ok => "32",
            Word::NotRun => "2",
            Word::Unknown => "33",
            Word::Red | Word::Hung | Word::Crash | Word::Race => "31;1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

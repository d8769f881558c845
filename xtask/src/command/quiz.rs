//! Questions about the bugs of a drill, and a score.

mod question;

use lexopt::prelude::*;
use tinyjson::JsonValue;

use crate::answer;
use crate::command::Command;
use crate::command::quiz::question::{Kind, Question, Zoo};
use crate::drill::{Drill, Set};
use crate::error::{Error, Result};
use crate::judging::engine::{self, Asked};
use crate::judging::race;
use crate::judging::scratch::Scratch;
use crate::judging::submission::Submission;
use crate::judging::verdict::{Verdict, Word};
use crate::progress::Progress;
use crate::reporter::Reporter;
use crate::selection;
use crate::showing::screen;
use crate::specimen::{self, Specimen};
use crate::typeset::{self, count};
use crate::value::{self, list, number, object, text};

const WIDTH: usize = 74;

pub(crate) const COMMAND: Command = Command {
    name: "quiz",
    summary: "questions about the bugs of a drill",
    help: "\
usage: cargo xtask quiz SELECTION [OPTIONS]

Shows what somebody changed in the solution, or what a bug costs, and asks which
bug it is. Bugs that you know come last. Best done after the drill: it tells what
was waiting for you.

  --questions N   so many; 5 if you do not say
  --verdict       judge the solution with each bug in it, which takes a while: shows
                  the verdict, and asks for the bug; or shows the change, and asks
                  which criterion sees it
  --seed N        the same questions again, for a partner
  --json          the questions with their answers as JSON; nobody is asked

Answer with a letter, with enter if you do not know, with q to stop. The exit
code is 0 whatever you know.

examples: cargo xtask quiz 3
          cargo xtask quiz 3 --verdict --questions 2
",
    run,
};

struct Options {
    questions: usize,
    verdict: bool,
    seed: u64,
    json: bool,
}

fn run(mut arguments: lexopt::Parser) -> Result<u8> {
    let (mut words, mut seed) = (Vec::new(), None);
    let mut options = Options { questions: 5, verdict: false, seed: 0, json: false };
    while let Some(argument) = arguments.next()? {
        match argument {
            Value(word) => words.push(word.string()?),
            Long("questions") => options.questions = super::at_least_one("--questions", &mut arguments)?,
            Long("verdict") => options.verdict = true,
            Long("seed") => seed = Some(arguments.value()?.parse()?),
            Long("json") => options.json = true,
            argument => return Err(argument.unexpected().into()),
        }
    }
    let [drill] = selection::required(&words, "quiz")?
        .try_into()
        .map_err(|_| Error::new("a quiz is about one drill's zoo: name one"))?;
    options.seed = seed.unwrap_or_else(|| std::time::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_secs()));
    let quiz = Quiz::new(drill, &options)?;
    if options.json { quiz.as_json() } else { quiz.ask() }
}

struct Quiz<'a> {
    drill: Drill,
    zoo: Zoo,
    options: &'a Options,
    known: Vec<String>,
}

/// A question, and what is shown above it.
struct Asks {
    question: Question,
    shown: String,
}

impl<'a> Quiz<'a> {
    fn new(drill: Drill, options: &'a Options) -> Result<Self> {
        let mut criteria = drill.criteria()?;
        criteria.extend(race::scenarios(&drill)?);
        let zoo = Zoo { bugs: specimen::bugs(&drill)?, criteria };
        if zoo.bugs.len() < 2 {
            return Err(Error::new(format!("the zoo of {} is too small to ask about", drill.name)));
        }
        let known = Progress::load()?.known(&drill);
        Ok(Self { drill, zoo, options, known })
    }

    /// The bugs that are asked about, each with its number.
    fn bugs(&self) -> impl Iterator<Item = (usize, &Specimen)> {
        (1..).zip(self.zoo.bugs(self.options.questions, self.options.seed, &self.known))
    }

    fn ask(&self) -> Result<u8> {
        let (mut right, mut asked) = (0, 0);
        let all = self.bugs().count();
        println!("{}: what goes wrong with it\n", self.drill);
        for (number, bug) in self.bugs() {
            let Asks { question, shown } = self.asks(number, bug)?;
            println!("{number} of {all}  {}\n\n{}\n", question.asked(), shown.trim_end());
            for (letter, choice) in ('a'..).zip(&question.choices) {
                print_beside(&format!("  {letter}  "), choice);
            }
            println!();
            let answer = match answer_to(&question)? {
                Answer::Choice(index) => Some(index),
                Answer::Unknown => None,
                Answer::Nobody if asked == 0 => {
                    return Err(Error::new("nobody answers: `--json` has the questions with their answers"));
                }
                Answer::Enough | Answer::Nobody => break,
            };
            asked += 1;
            let is_right = answer == Some(question.right);
            right += usize::from(is_right);
            let letter = (b'a' + question.right as u8) as char;
            let said = match answer {
                Some(_) if is_right => "Right.".to_owned(),
                Some(_) => format!("No, it is {letter}."),
                None => format!("It is {letter}."),
            };
            println!("\n{said}\n");
            self.tell(bug);
            self.remember(bug, is_right)?;
        }
        if asked > 0 {
            print!("{right} of {asked} right. ");
        }
        println!("{}", self.standing()?);
        Ok(0)
    }

    fn asks(&self, number: usize, bug: &Specimen) -> Result<Asks> {
        let is_odd = number % 2 == 1;
        if !self.options.verdict {
            let kind = if is_odd { Kind::Change } else { Kind::Costs };
            let question = self.zoo.question(bug, kind, &[], self.options.seed);
            return Ok(Asks { shown: shown(&question)?, question });
        }
        let verdict = self.judged(bug)?;
        let criteria = verdict.lights.iter().flat_map(|light| &light.criteria);
        let green = criteria.filter(|judged| judged.word == Word::Ok).map(|judged| judged.criterion.path());
        let kind = if is_odd { Kind::Verdict } else { Kind::Criterion };
        let question = self.zoo.question(bug, kind, &green.collect::<Vec<_>>(), self.options.seed);
        let shown = if question.kind == Kind::Verdict { seen(&verdict) } else { shown(&question)? };
        Ok(Asks { question, shown })
    }

    /// The verdict on the solution with this bug in it.
    fn judged(&self, bug: &Specimen) -> Result<Verdict> {
        let scratch = Scratch::of_drill("quiz", &self.drill)?;
        scratch.apply(&self.drill, &bug.path)?;
        let submission = Submission::in_scratch(&self.drill, Set::Solutions, &scratch);
        // The name of the patch would tell.
        let submission = Submission { shown: "the solution, with a bug".into(), ..submission };
        let reporter = if self.options.json { Reporter::silent() } else { Reporter::new() };
        engine::judge(&submission, &Asked::all_lights(), &reporter)
    }

    /// All that is known about a bug.
    fn tell(&self, bug: &Specimen) {
        for (label, fact) in [("bug", "bug"), ("costs", "costs"), ("seen in", "seen-in")] {
            print_beside(&format!("    {label:<10}  "), fact_of(bug, fact));
        }
        for (index, sentence) in self.zoo.sentences(bug).iter().enumerate() {
            let label = if index == 0 { "caught by" } else { "" };
            print_beside(&format!("    {label:<10}  "), sentence);
        }
        println!("    its verdict: cargo xtask zoo {} {}\n", self.drill.selection(), bug.name);
    }

    /// At once: a quiz that is broken off has counted.
    fn remember(&self, bug: &Specimen, is_known: bool) -> Result<()> {
        let mut progress = Progress::load()?;
        progress.set_known(&self.drill, &bug.name, is_known);
        progress.save()
    }

    fn standing(&self) -> Result<String> {
        let known = Progress::load()?.known(&self.drill);
        let known = self.zoo.bugs.iter().filter(|bug| known.contains(&bug.name)).count();
        Ok(format!("You know {known} of the {} of {}.", count(self.zoo.bugs.len(), "bug"), self.drill.name))
    }

    fn as_json(&self) -> Result<u8> {
        let row = |(number, bug): (usize, &Specimen)| -> Result<JsonValue> {
            let Asks { question, shown } = self.asks(number, bug)?;
            Ok(object([
                ("asked", text(question.asked())),
                ("shown", text(shown)),
                ("choices", list(question.choices.iter().map(text))),
                ("right", value::number(question.right as f64)),
                ("bug", text(&bug.name)),
            ]))
        };
        let rows = self.bugs().map(row).collect::<Result<Vec<_>>>()?;
        value::print(&object([
            ("version", number(1)),
            ("drill", text(&self.drill.name)),
            ("seed", text(self.options.seed.to_string())),
            ("questions", list(rows)),
        ]))?;
        Ok(0)
    }
}

impl Question {
    fn asked(&self) -> &'static str {
        match self.kind {
            Kind::Change => "Somebody has changed this. Which bug is it?",
            Kind::Costs => "This is what it costs. Which bug is it?",
            Kind::Verdict => "This is the verdict. Which bug is it?",
            Kind::Criterion => "This is a bug. Which criterion sees it?",
        }
    }
}

/// What is known without a verdict.
fn shown(question: &Question) -> Result<String> {
    let bug = &question.bug;
    if question.kind == Kind::Costs {
        return Ok(beside("    ", fact_of(bug, "costs")));
    }
    let patch = specimen::read_patch(&bug.path)?.to_string();
    let change = patch.split_once("\n\n").map_or(patch.as_str(), |(_, change)| change);
    let change: String = change.lines().map(|line| format!("    {line}\n")).collect();
    Ok(match question.kind {
        Kind::Criterion => format!("{}\n{change}", beside("    ", fact_of(bug, "bug"))),
        _ => change,
    })
}

/// A verdict without its last words, which are for somebody who works on it.
fn seen(verdict: &Verdict) -> String {
    let drawn = screen::draw(verdict, true, 0);
    drawn.rsplit_once("\n\n").map_or(drawn.clone(), |(seen, _)| seen.to_owned())
}

enum Answer {
    Choice(usize),
    Unknown,
    Enough,
    /// There is nobody who could answer, or not any more.
    Nobody,
}

fn answer_to(question: &Question) -> Result<Answer> {
    let last = b'a' + question.choices.len() as u8 - 1;
    loop {
        let asked = format!("a-{}, enter if you do not know, q to stop: ", last as char);
        let Some(said) = answer::to(&asked)? else { return Ok(Answer::Nobody) };
        match said.to_lowercase().as_bytes() {
            [] => return Ok(Answer::Unknown),
            b"q" => return Ok(Answer::Enough),
            [letter] if (b'a'..=last).contains(letter) => {
                return Ok(Answer::Choice(usize::from(letter - b'a')));
            }
            _ => println!("`{}` is none of them", typeset::plain(&said)),
        }
    }
}

fn fact_of<'a>(bug: &'a Specimen, name: &str) -> &'a str {
    bug.fact(name).unwrap_or("-")
}

/// A text of several lines, all beside the end of what stands in front.
fn beside(front: &str, what: &str) -> String {
    let indent = front.chars().count();
    let lines = typeset::wrap(what, WIDTH - indent);
    let lines = lines.iter().enumerate();
    lines
        .map(|(index, line)| {
            format!("{}{line}\n", if index == 0 { front.to_owned() } else { " ".repeat(indent) })
        })
        .collect()
}

fn print_beside(front: &str, what: &str) {
    print!("{}", beside(front, what));
}

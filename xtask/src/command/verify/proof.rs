//! One thing to prove, and how it went.

use std::slice;
use std::time::{Duration, Instant};

use drain_criteria::Criterion;

use crate::command::verify::papers;
use crate::command::verify::worker::Worker;
use crate::drill::{Drill, Set};
use crate::error::{Error, Result};
use crate::judging::scratch::Scratch;
use crate::judging::submission::Submission;
use crate::judging::verdict::{Judged, Word};
use crate::judging::{compile, engine, race};
use crate::reporter::Reporter;
use crate::specimen::{self, Specimen};

/// So many answers count of a criterion that has not caught a bug the first time,
const ANSWERS: usize = 10;
/// and so often at least it must have caught it.
const NEARLY_ALWAYS: usize = 8;
/// So often it is asked for them: that the machine was too busy is no answer.
const ASKED: usize = 20;

pub(super) struct Proof {
    pub(super) drill: Drill,
    pub(super) subject: Subject,
    /// Criterion by criterion: its name and the word it got.
    pub(super) words: Vec<(String, Word)>,
    pub(super) problems: Vec<String>,
    /// The criteria that do not catch this bug each time, though nearly: how often.
    pub(super) nearly: Vec<String>,
    pub(super) took: Duration,
    /// Of that, what it waited until it could build, and what building took.
    pub(super) waited: Duration,
    pub(super) built: Duration,
    /// How often a criterion was asked again, because the machine had been too busy.
    pub(super) asked_again: usize,
    /// It was made before, and nothing has changed that it depends on.
    pub(super) known: bool,
}

#[derive(Clone)]
pub(super) enum Subject {
    /// Brief, hints, notes, headers: what can be seen without running anything.
    Papers,
    Stub,
    Solution,
    Bug(Specimen),
    Alternative(Specimen),
}

impl Subject {
    /// All of a drill: those first that take long, so that none of them is left alone at the end.
    pub(super) fn all_of(drill: &Drill) -> Result<Vec<Self>> {
        let (races, bugs): (Vec<_>, Vec<_>) =
            specimen::bugs(drill)?.into_iter().partition(Specimen::only_a_race);
        let mut subjects = vec![Self::Papers, Self::Solution, Self::Stub];
        subjects.extend(specimen::alternatives(drill)?.into_iter().map(Self::Alternative));
        subjects.extend(races.into_iter().chain(bugs).map(Self::Bug));
        Ok(subjects)
    }

    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Papers => "papers",
            Self::Stub => "stub",
            Self::Solution => "solution",
            Self::Bug(_) => "bug",
            Self::Alternative(_) => "alternative",
        }
    }

    pub(super) fn name(&self) -> &str {
        self.specimen().map_or("", |specimen| &specimen.name)
    }

    pub(super) fn specimen(&self) -> Option<&Specimen> {
        match self {
            Self::Bug(specimen) | Self::Alternative(specimen) => Some(specimen),
            _ => None,
        }
    }
}

impl Proof {
    /// Nothing of it yet.
    pub(super) fn new(drill: Drill, subject: Subject) -> Self {
        Self {
            drill,
            subject,
            words: Vec::new(),
            problems: Vec::new(),
            nearly: Vec::new(),
            took: Duration::ZERO,
            waited: Duration::ZERO,
            built: Duration::ZERO,
            asked_again: 0,
            known: false,
        }
    }

    /// Made by this worker.
    pub(super) fn make(drill: Drill, subject: Subject, worker: &Worker) -> Self {
        let started = Instant::now();
        let mut proof = Self::new(drill, subject);
        if let Err(error) = proof.run(worker) {
            proof.problems.push(error.to_string());
        }
        proof.took = started.elapsed();
        proof
    }

    fn run(&mut self, worker: &Worker) -> Result<()> {
        let mut criteria = self.drill.criteria()?;
        criteria.extend(race::scenarios(&self.drill)?);
        if matches!(self.subject, Subject::Papers) {
            self.problems = papers::problems(&self.drill, &criteria)?;
            return Ok(());
        }
        let scratch = worker.scratch(&self.drill)?;
        match self.subject.clone() {
            Subject::Papers => Ok(()),
            Subject::Stub => self.stub(&scratch, &criteria),
            Subject::Solution => self.all_green(&scratch, &criteria),
            Subject::Alternative(specimen) => {
                self.require_facts(&specimen, &["design", "differs"]);
                scratch.lay_over(&self.drill, &specimen.path)?;
                // Alternatives are no members of the workspace, so clippy does not see them elsewhere.
                let lints = compile::lints(&scratch.workspace(), &self.drill.package(Set::Solutions))?;
                self.problems.extend(lints.first().map(|lint| format!("clippy: {lint}")));
                self.all_green(&scratch, &criteria)
            }
            Subject::Bug(specimen) => {
                self.require_facts(&specimen, &["bug", "caught-by", "seen-in", "costs"]);
                scratch.apply(&self.drill, &specimen.path)?;
                self.bug(&specimen, &scratch, &criteria)
            }
        }
    }

    fn stub(&mut self, scratch: &Scratch, criteria: &[Criterion]) -> Result<()> {
        for judged in self.judge(scratch, Set::Exercises, criteria)? {
            let path = judged.criterion.path();
            match (judged.word, &judged.criterion.stub_passes) {
                (Word::Red | Word::Hung | Word::Race, None) | (Word::Ok, Some(_)) => {}
                (Word::Ok, None) => self.problems.push(format!("{path} is green on the stub")),
                (word, Some(_)) => self.problems.push(format!(
                    "{path} is {} on the stub, though marked as one that a stub cannot fail",
                    word.text()
                )),
                (word, None) => {
                    self.problems.push(format!("{path} is {} on the stub: {}", word.text(), judged.seen()))
                }
            }
        }
        Ok(())
    }

    fn all_green(&mut self, scratch: &Scratch, criteria: &[Criterion]) -> Result<()> {
        for judged in self.judge(scratch, Set::Solutions, criteria)? {
            // A race check that cannot be made is said, and is no failure.
            let excused = judged.word == Word::NotRun && matches!(self.subject, Subject::Alternative(_));
            if judged.word != Word::Ok && !excused {
                let (path, word) = (judged.criterion.path(), judged.word.text());
                self.problems.push(format!("{path} is {word}: {}", judged.seen()));
            }
        }
        Ok(())
    }

    fn bug(&mut self, specimen: &Specimen, scratch: &Scratch, criteria: &[Criterion]) -> Result<()> {
        let mut named = Vec::new();
        for name in specimen.caught_by() {
            match criteria.iter().find(|criterion| criterion.path() == name) {
                Some(criterion) => named.push(criterion.clone()),
                None => self.problems.push(format!("caught-by names `{name}`, which is no criterion")),
            }
        }
        for judged in self.judge(scratch, Set::Solutions, &named)? {
            let Some(problem) = not_caught(&judged, specimen) else { continue };
            let path = judged.criterion.path();
            // A scenario of the race check is asked with a seed: it would say the same.
            if judged.criterion.race || !matches!(judged.word, Word::Ok | Word::Unknown) {
                self.problems.push(format!("{path} {problem}: {}", judged.seen()));
                continue;
            }
            let (caught, answers) = self.catches(specimen, scratch, &judged)?;
            let said = format!("{path} has caught it {caught} of {answers} times");
            if caught >= NEARLY_ALWAYS {
                self.nearly.push(said);
            } else {
                self.problems.push(format!("{said}, and at first {problem}: {}", judged.seen()));
            }
        }
        if specimen.only_a_race() {
            let caught = std::mem::take(&mut self.words);
            let tests: Vec<Criterion> =
                criteria.iter().filter(|criterion| !criterion.race).cloned().collect();
            self.let_pass(scratch, &tests)?;
            self.words = caught;
        }
        Ok(())
    }

    /// How often a criterion catches a bug that it has not caught the first time, and of how many times. Bugs that are a
    /// matter of time, or of two threads, are missed now and then; the rate says whether the test can be trusted.
    fn catches(&mut self, specimen: &Specimen, scratch: &Scratch, first: &Judged) -> Result<(usize, usize)> {
        let words = std::mem::take(&mut self.words);
        let (mut caught, mut answers) = (0, usize::from(first.word != Word::Unknown));
        for _ in 1..ASKED {
            let judged = self.judge(scratch, Set::Solutions, slice::from_ref(&first.criterion))?;
            for answer in judged.iter().filter(|judged| judged.word != Word::Unknown) {
                caught += usize::from(not_caught(answer, specimen).is_none());
                answers += 1;
            }
            if answers == ANSWERS {
                break;
            }
        }
        self.words = words;
        Ok((caught, answers))
    }

    /// Whether the ordinary criteria let a bug pass. Real threads find a race now and then, and on a busy machine
    /// often; a bug that gets through once in twenty runs is one that they cannot be trusted to find.
    fn let_pass(&mut self, scratch: &Scratch, tests: &[Criterion]) -> Result<()> {
        let problems = self.problems.len();
        for _ in 0..20 {
            self.problems.truncate(problems);
            self.all_green(scratch, tests)?;
            if self.problems.len() == problems {
                break;
            }
        }
        Ok(())
    }

    fn require_facts(&mut self, specimen: &Specimen, facts: &[&str]) {
        for fact in facts.iter().filter(|fact| specimen.fact(fact).is_none_or(str::is_empty)) {
            self.problems.push(format!("{} has no line `{fact}: ...`", specimen.path.display()));
        }
    }

    fn judge(&mut self, scratch: &Scratch, set: Set, criteria: &[Criterion]) -> Result<Vec<Judged>> {
        let reporter = Reporter::silent();
        let trial =
            engine::judge_some(&Submission::in_scratch(&self.drill, set, scratch), criteria, &reporter);
        let (waited, built) = reporter.builds();
        self.waited += waited;
        self.built += built;
        let trial = trial?.map_err(|said| {
            Error::new(format!("does not compile: {}", said.lines().next().unwrap_or_default()))
        })?;
        self.asked_again += trial.judged.iter().map(|judged| judged.asked_again).sum::<usize>();
        // A bug that the compiler points at is not one that a review has to find.
        self.problems.extend(trial.warnings.first().map(|warning| format!("compiles with a {warning}")));
        self.words = trial.judged.iter().map(|judged| (judged.criterion.path(), judged.word)).collect();
        Ok(trial.judged)
    }
}

/// What is wrong with the way in which a criterion caught a bug.
fn not_caught(judged: &Judged, specimen: &Specimen) -> Option<String> {
    let wanted = match specimen.fact("as") {
        _ if judged.criterion.race => Word::Race,
        Some("HUNG") => Word::Hung,
        _ => Word::Red,
    };
    let observed = judged.story.observed.as_deref().unwrap_or("the code panicked");
    match () {
        () if judged.word != wanted => Some(format!("is {} and not {}", judged.word.text(), wanted.text())),
        () if wanted == Word::Red && observed.starts_with("the code panicked") => {
            Some("is red by accident".to_owned())
        }
        () => None,
    }
}

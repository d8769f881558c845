//! A job, as the pool gets it.

use std::future::{pending, poll_fn};
use std::panic::resume_unwind;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::task;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::Pool;
use crate::book::{Name, Run, Shared, Submit};
use crate::promise::{self, Broken};

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    pub(crate) lasts: Lasts,
    pub(crate) ending: Ending,
    pub(crate) token: Token,
    /// Before its end it submits another job.
    pub(crate) submits: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lasts {
    UntilTold,
    Millis(u16),
    NoTime,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Done,
    Panic,
    /// Something that it holds panics when it is dropped, at its end.
    Destructor,
    /// It ends, and panics when its future is dropped after that: no poll sees it.
    LateDestructor,
    /// It panics before there is a future.
    PanicWhenCalled,
}

/// What a job does with its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Ignored,
    /// It ends when it sees the cancellation.
    Heeded,
    /// When it sees the cancellation, it has something to do for which it has to wait.
    Outstayed,
    /// It cancels the token itself.
    Cancelled,
}

impl Work {
    pub(crate) const PLAIN: Self =
        Self { lasts: Lasts::UntilTold, ending: Ending::Done, token: Token::Ignored, submits: false };

    /// It waits for its token.
    pub fn heeds(&self) -> bool {
        matches!(self.token, Token::Heeded | Token::Outstayed)
    }

    /// It cancels its token itself.
    pub fn cancels_its_token(&self) -> bool {
        self.token == Token::Cancelled
    }

    /// `takes 5 ms, panics`, for a job that does more than to wait until it is told to end.
    pub(crate) fn words(&self) -> Option<String> {
        let lasts = match self.lasts {
            Lasts::UntilTold => None,
            Lasts::Millis(time) => Some(format!("takes {time} ms")),
            Lasts::NoTime => Some("takes no time".to_owned()),
        };
        let token = match self.token {
            Token::Ignored => None,
            Token::Heeded => Some("ends when its token is cancelled"),
            Token::Outstayed => Some("asks another task when its token is cancelled"),
            Token::Cancelled => Some("cancels its own token"),
        };
        let submits = self.submits.then_some("submits another before its end");
        let ending = match self.ending {
            Ending::Done => None,
            Ending::Panic => Some("panics at its end"),
            Ending::Destructor => Some("holds something whose destructor panics"),
            Ending::LateDestructor => Some("panics when it is dropped after its end"),
            Ending::PanicWhenCalled => Some("panics when it is called"),
        };
        let all: Vec<String> = lasts
            .into_iter()
            .chain([token, submits, ending].into_iter().flatten().map(str::to_owned))
            .collect();
        (!all.is_empty()).then(|| all.join(", "))
    }
}

/// A job that writes into the book what becomes of it.
pub struct Job {
    number: usize,
    work: Work,
    book: Shared,
    life: Option<Life>,
    /// For a job that submits another.
    pool: Option<Arc<dyn Pool>>,
}

impl Job {
    pub(crate) fn new(number: usize, work: Work, book: &Shared, pool: &Arc<dyn Pool>) -> Self {
        let life = Some(Life { number, book: book.clone() });
        Self { number, work, book: book.clone(), life, pool: work.submits.then(|| pool.clone()) }
    }

    /// The job as a future: it begins when it is first polled.
    pub fn run(mut self) -> impl Future<Output = ()> + Send + 'static {
        Dropped::new(self.work, self.life.take(), async move {
            self.begin(None);
            self.body(None).await;
        })
    }

    /// The job as a function: it begins when it is called.
    pub fn call(mut self, token: CancellationToken) -> impl Future<Output = ()> + Send + 'static {
        self.begin(Some(token.clone()));
        if self.work.ending == Ending::PanicWhenCalled {
            self.end();
        }
        Dropped::new(self.work, self.life.take(), async move { self.body(Some(token)).await })
    }

    async fn body(mut self, token: Option<CancellationToken>) {
        self.enters_its_task();
        if let (Token::Cancelled, Some(token)) = (self.work.token, &token) {
            self.book.lock().tell(self.name(), "cancels its token");
            token.cancel();
        }
        let heeded = if self.work.heeds() { token } else { None };
        let cancelled = async {
            match &heeded {
                Some(token) => token.cancelled().await,
                None => pending().await,
            }
        };
        if first_of(self.lasts(), cancelled).await {
            self.sees_the_cancellation();
            if self.work.token == Token::Outstayed {
                // The answer of another task: it takes no time, but it has to be waited for.
                let _ = tokio::spawn(async {}).await;
                self.stays_on();
            }
        } else if let Some(pool) = self.pool.take() {
            let number = self.book.enter(Work::PLAIN);
            self.book.lock().tell(self.name(), format_args!("calls submit {}", number + 1));
            let job = Self::new(number, Work::PLAIN, &self.book, &pool);
            // A call inside of a job that is cut off has been given up.
            let call = Nested { number, book: &self.book };
            let accepted = pool.submit(job).await;
            call.book.submitted(number, accepted);
        }
        let _bomb = (self.work.ending == Ending::Destructor).then(|| Bomb);
        self.end();
    }

    async fn lasts(&self) {
        match self.work.lasts {
            Lasts::NoTime => {}
            Lasts::Millis(time) => sleep(Duration::from_millis(time.into())).await,
            Lasts::UntilTold => {
                poll_fn(|context| {
                    let job = &mut self.book.lock().jobs[self.number];
                    job.waker = Some(context.waker().clone());
                    if job.told { Poll::Ready(()) } else { Poll::Pending }
                })
                .await;
            }
        }
    }

    fn name(&self) -> Name {
        Name("job", self.number)
    }

    fn begin(&mut self, token: Option<CancellationToken>) {
        let mut book = self.book.lock();
        book.event();
        book.tell(self.name(), "begins");
        let brief = book.brief;
        let kept = brief.begins(&book, self.number);
        book.judge(kept);
        let job = &mut book.jobs[self.number];
        (job.run, job.begun) = (Run::Running, true);
        job.token = token;
        let kept = brief.runs(&book, self.number);
        book.judge(kept);
    }

    /// In its first poll: who calls the function that makes the future need not be the job's own task.
    fn enters_its_task(&self) {
        let mut book = self.book.lock();
        book.jobs[self.number].task = task::try_id();
        let kept = promise::alone_in_its_task(&book, self.number);
        book.judge(kept);
    }

    fn sees_the_cancellation(&self) {
        let mut book = self.book.lock();
        book.event();
        book.tell(self.name(), "sees the cancellation");
        book.jobs[self.number].saw = Some(Instant::now());
        let kept = book.brief.sees_the_cancellation(&book, self.number);
        book.judge(kept);
    }

    fn stays_on(&self) {
        let mut book = self.book.lock();
        book.event();
        book.tell(self.name(), "goes on");
        let broken = Broken::new(
            "where a job has to wait after the deadline, it is cut off",
            format!("job {} cut off where it waits, after the cancellation", self.number + 1),
            "it goes on after that",
        );
        book.judge(Err(broken));
    }

    fn end(&mut self) {
        let mut book = self.book.lock();
        book.event();
        book.tell(
            self.name(),
            match self.work.ending {
                Ending::Done => "ends",
                Ending::Panic | Ending::PanicWhenCalled => "panics",
                Ending::Destructor => "ends, and a destructor panics",
                Ending::LateDestructor => "ends, and panics when it is dropped",
            },
        );
        let panics = matches!(self.work.ending, Ending::Panic | Ending::PanicWhenCalled);
        let job = &mut book.jobs[self.number];
        (job.run, job.thrown) = (Run::Ended(Instant::now()), panics);
        drop(book);
        if panics {
            // Without the panic hook, so that nothing is printed that looks like a failure.
            resume_unwind(Box::new(Thrown { number: self.number, book: self.book.clone() }));
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        let mut book = self.book.lock();
        let job = &mut book.jobs[self.number];
        if !matches!(job.run, Run::Not | Run::Running) {
            return;
        }
        let began = job.run == Run::Running;
        job.run = Run::Cut(Instant::now());
        // A job that was refused or given up is dropped too, and so it should be.
        if began || job.submit == Submit::Accepted {
            book.event();
            book.tell(self.name(), if began { "is cut off" } else { "is dropped before it has begun" });
            let kept = book.brief.cut(&book, self.number);
            book.judge(kept);
        }
    }
}

/// A call of `submit` inside of a job.
struct Nested<'a> {
    number: usize,
    book: &'a Shared,
}

impl Drop for Nested<'_> {
    fn drop(&mut self) {
        let job = &mut self.book.lock().jobs[self.number];
        if job.submit == Submit::Waits {
            job.submit = Submit::GivenUp;
        }
    }
}

/// What a job has panicked with.
pub(crate) struct Thrown {
    number: usize,
    book: Shared,
}

impl Drop for Thrown {
    fn drop(&mut self) {
        self.book.lock().jobs[self.number].thrown = false;
    }
}

/// What a job holds until it is dropped itself.
struct Life {
    number: usize,
    book: Shared,
}

impl Drop for Life {
    fn drop(&mut self) {
        self.book.lock().jobs[self.number].alive = false;
    }
}

/// A future that holds something until it is dropped, and may panic then. What an `async` block holds is dropped in its
/// last poll; a future that somebody has written is dropped by whoever has it.
struct Dropped<F> {
    job: Pin<Box<F>>,
    _life: Option<Life>,
    panics: bool,
    ended: bool,
}

impl<F> Dropped<F> {
    fn new(work: Work, life: Option<Life>, job: F) -> Self {
        let panics = work.ending == Ending::LateDestructor;
        Self { job: Box::pin(job), _life: life, panics, ended: false }
    }
}

impl<F: Future<Output = ()>> Future for Dropped<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let poll = self.job.as_mut().poll(context);
        self.ended = poll.is_ready();
        poll
    }
}

impl<F> Drop for Dropped<F> {
    fn drop(&mut self) {
        let _bomb = (self.panics && self.ended).then(|| Bomb);
    }
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            resume_unwind(Box::new("a destructor that panics"));
        }
    }
}

/// Whether it is the second that comes first. Both are polled each time: who waits for one of two is not
/// to miss either.
async fn first_of(first: impl Future<Output = ()>, second: impl Future<Output = ()>) -> bool {
    let (mut first, mut second) = (pin!(first), pin!(second));
    poll_fn(|context| {
        if first.as_mut().poll(context).is_ready() {
            return Poll::Ready(false);
        }
        second.as_mut().poll(context).map(|()| true)
    })
    .await
}

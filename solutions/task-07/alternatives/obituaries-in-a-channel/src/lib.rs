//! Components that run together, and drain together: each tells the group how it has ended.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod report;

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};

pub use report::{Cause, Error, Failure, Report};

/// Named components under one cancellation. Whatever ends one of them makes all of them drain.
#[derive(Debug)]
pub struct Group {
    /// Tells the components to drain.
    draining: CancellationToken,
    /// Cuts off those who are left; also when the group is dropped.
    cut: DropGuard,
    cutting: CancellationToken,
    names: Vec<String>,
    told: mpsc::UnboundedSender<Obituary>,
    obituaries: mpsc::UnboundedReceiver<Obituary>,
}

/// How a component has ended.
#[derive(Debug)]
struct Obituary {
    component: usize,
    end: End,
}

#[derive(Debug)]
enum End {
    Returned(Result<(), Error>),
    CutOff,
    Panicked,
}

/// Sends the obituary of a component when it is dropped: after the component, however that has ended.
struct Teller {
    component: usize,
    end: End,
    told: mpsc::UnboundedSender<Obituary>,
}

impl Teller {
    fn tell(mut self, end: End) {
        self.end = end;
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        let end = std::mem::replace(&mut self.end, End::Panicked);
        // Nobody listens any more if the group was dropped.
        let _ = self.told.send(Obituary { component: self.component, end });
    }
}

impl Default for Group {
    fn default() -> Self {
        let cutting = CancellationToken::new();
        let (told, obituaries) = mpsc::unbounded_channel();
        Self {
            draining: CancellationToken::new(),
            cut: cutting.clone().drop_guard(),
            cutting,
            names: Vec::new(),
            told,
            obituaries,
        }
    }
}

impl Group {
    /// A group without components.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a component, and begins it.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn add<F, C>(&mut self, name: &str, component: F)
    where
        F: FnOnce(CancellationToken) -> C + Send + 'static,
        C: Future<Output = Result<(), Error>> + Send + 'static,
    {
        let teller = Teller { component: self.names.len(), end: End::Panicked, told: self.told.clone() };
        self.names.push(name.to_owned());
        let (component, cutting) = (component(self.draining.child_token()), self.cutting.clone());
        tokio::spawn(async move {
            // The component is dropped at the end of this statement, and the teller after it.
            let end = tokio::select! {
                // In order: who has come to an end has not been cut off.
                biased;
                ended = component => End::Returned(ended),
                () = cutting.cancelled() => End::CutOff,
            };
            teller.tell(end);
        });
    }

    /// Runs until `stop` is ready or a component ends, and then lets all of them drain until `budget` is
    /// over. Returns when every component has ended or has been dropped.
    pub async fn run(self, stop: impl Future<Output = ()>, budget: Duration) -> Report {
        let Self { draining, cut, names, mut obituaries, told, .. } = self;
        let mut report = Report { failure: None, cut_off: Vec::new(), duration: Duration::ZERO };
        let mut left = names.len();
        let mut cut_off = vec![false; left];
        let mut take_note = |obituary: Obituary, asked: bool| {
            let Obituary { component, end } = obituary;
            let cause = match end {
                End::Returned(Ok(())) if asked => return,
                End::Returned(Ok(())) => Cause::Ended,
                End::Returned(Err(error)) => Cause::Error(error),
                End::Panicked => Cause::Panicked,
                End::CutOff => return cut_off[component] = true,
            };
            report.failure.get_or_insert(Failure { component: names[component].clone(), cause });
        };

        tokio::select! {
            Some(obituary) = obituaries.recv() => {
                left -= 1;
                take_note(obituary, false);
            }
            () = stop => {}
        }
        let begun = Instant::now();
        draining.cancel();
        let mut cut = Some(cut);
        while left > 0 {
            let obituary = match &cut {
                Some(_) => timeout_at(begun + budget, obituaries.recv()).await,
                None => Ok(obituaries.recv().await),
            };
            match obituary {
                Ok(obituary) => {
                    left -= 1;
                    take_note(obituary.expect("`told` is here"), true);
                }
                Err(_) => drop(cut.take()),
            }
        }
        drop(told);
        let cut_off = names.into_iter().zip(cut_off).filter_map(|(name, cut_off)| cut_off.then_some(name));
        Report { cut_off: cut_off.collect(), duration: begun.elapsed(), ..report }
    }
}

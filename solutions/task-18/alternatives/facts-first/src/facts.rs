//! What the walk writes down, and what the rules ask of it.

use proc_macro2::Span;

use crate::finding::Finding;
use crate::rule::Rule;
use crate::source::Source;

/// Something that a place can stand in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Around {
    /// `main` at the top of a file.
    Main,
    /// Another function, with its number.
    Function,
    /// A closure, or an async block.
    Deferred,
    /// A loop, its condition included.
    Loop,
    /// The arguments of something that spawns.
    Spawned,
    /// A method that is a wait itself: it is found where it is called.
    Wait,
    /// A branch that is nothing but a timer, or a name: it may be the time limit of the others.
    Limit,
    /// What is awaited: before an `.await`, in a branch, in `join!`.
    Await,
    /// A branch beside one with a stop signal, or `run_until_cancelled`.
    Stop,
    /// A branch beside one that returns after a time, or a time-out.
    Deadline,
}

/// All that a place stands in, from the outside in.
#[derive(Clone, Default)]
pub struct Place(pub Vec<Around>);

impl Place {
    /// What is around it, from the inside out, as far as the first of these.
    fn up_to<'a>(&'a self, ends: &'a [Around]) -> impl Iterator<Item = Around> + 'a {
        self.0.iter().rev().copied().take_while(|around| !ends.contains(around))
    }

    fn is_under(&self, what: Around) -> bool {
        self.up_to(&[Around::Main, Around::Function, Around::Spawned]).any(|around| around == what)
    }

    fn is_in_loop(&self) -> bool {
        let ends = [Around::Main, Around::Function, Around::Deferred, Around::Spawned];
        self.up_to(&ends).any(|around| around == Around::Loop)
    }

    fn is_spawned(&self) -> bool {
        let ends = [Around::Main, Around::Function];
        self.up_to(&ends).any(|around| around == Around::Spawned)
    }

    fn is_limit(&self) -> bool {
        let ends = [Around::Main, Around::Function, Around::Deferred, Around::Spawned];
        self.up_to(&ends).any(|around| around == Around::Limit)
    }

    fn is_awaited(&self) -> bool {
        let ends = [Around::Main, Around::Function, Around::Deferred, Around::Spawned];
        self.up_to(&ends).any(|around| around == Around::Await)
    }

    fn is_in_main(&self) -> bool {
        let ends = [Around::Main, Around::Function, Around::Deferred, Around::Spawned];
        let owner = self.0.iter().rev().find(|around| ends.contains(around));
        owner == Some(&Around::Main)
    }
}

/// Which question is asked of a site.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A call that sleeps.
    Sleep,
    /// A call that makes a timer.
    Timer,
    /// A path that means `exit`.
    Exit,
    /// A loop that nothing leaves, and that looks at no stop signal.
    Loop,
    /// A wait.
    Wait,
    /// A wait for a message of a channel that is no stop signal.
    Receive,
    /// A handle that is dropped.
    Detached,
}

/// A place of which a rule may have something to say.
pub struct Site {
    /// Which rule.
    pub kind: Kind,
    /// Where.
    pub span: Span,
    /// What it stands in.
    pub place: Place,
    /// The names that `let` gives it and what is around it, with the number of the function.
    pub named: Vec<(usize, String)>,
    /// The one of them that is the name of just this call.
    pub own: Option<(usize, String)>,
    /// Somebody has thought of a drain in the function.
    pub speaks_of_a_drain: bool,
}

/// All that the walk has written down.
#[derive(Default)]
pub struct Facts {
    /// In the order of the walk.
    pub sites: Vec<Site>,
    /// The names that are used, with the numbers of their functions, and where.
    pub uses: Vec<((usize, String), Place)>,
}

impl Facts {
    /// What the rules say of it.
    pub fn judged(&self, source: &Source) -> Vec<Finding> {
        let found = self.sites.iter().filter(|site| self.is_found(site));
        let finding = |site: &Site| Finding::new(rule(site.kind), source, site.span);
        found.map(|site| Finding { sure: self.is_sure(site), ..finding(site) }).collect()
    }

    fn is_sure(&self, site: &Site) -> bool {
        match site.kind {
            Kind::Loop => true,
            Kind::Exit => site.place.is_spawned(),
            Kind::Sleep => site.speaks_of_a_drain,
            Kind::Timer => site.speaks_of_a_drain && !self.is_limit(site),
            Kind::Wait | Kind::Receive | Kind::Detached => false,
        }
    }

    fn is_limit(&self, site: &Site) -> bool {
        let by_name = |own| self.uses.iter().any(|(used, place)| used == own && place.is_limit());
        site.place.is_limit() || site.own.as_ref().is_some_and(by_name)
    }

    fn is_found(&self, site: &Site) -> bool {
        match site.kind {
            Kind::Sleep | Kind::Loop => !self.is_under(site, Around::Stop),
            Kind::Timer => !self.is_under(site, Around::Stop) && self.is_awaited(site),
            Kind::Exit => !site.place.is_in_main(),
            Kind::Wait => !self.ends(site),
            Kind::Receive => !self.ends(site) && !site.place.is_in_loop(),
            Kind::Detached => true,
        }
    }

    fn ends(&self, site: &Site) -> bool {
        let better = [Around::Stop, Around::Deadline].into_iter().any(|what| self.is_under(site, what));
        better || site.place.is_under(Around::Wait)
    }

    fn is_awaited(&self, site: &Site) -> bool {
        let by_name = |own| self.uses.iter().any(|(used, place)| used == own && place.is_awaited());
        site.place.is_awaited() || site.own.as_ref().is_some_and(by_name)
    }

    /// Whether it stands under this, or its name does where it is used.
    fn is_under(&self, site: &Site, what: Around) -> bool {
        let by_name = |name: &(usize, String)| {
            self.uses.iter().any(|(used, place)| used == name && place.is_under(what))
        };
        site.place.is_under(what) || site.named.iter().any(by_name)
    }
}

fn rule(kind: Kind) -> Rule {
    match kind {
        Kind::Sleep | Kind::Timer => Rule::Sleep,
        Kind::Exit => Rule::Exit,
        Kind::Loop => Rule::Loop,
        Kind::Wait | Kind::Receive => Rule::Wait,
        Kind::Detached => Rule::Detached,
    }
}

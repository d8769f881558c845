//! Who needs whom.

use std::collections::{BTreeSet, HashMap};
use std::error::Error;
use std::fmt;

use crate::component::Component;

/// The order, as the walk needs it. Components are known by their number.
#[derive(Clone)]
pub(crate) struct Plan {
    /// What each component needs.
    pub(crate) needs: Vec<BTreeSet<usize>>,
    /// How many components are in the longest chain that begins with each.
    pub(crate) chain: Vec<u32>,
}

impl Plan {
    pub(crate) fn new(components: &[Component]) -> Result<Self, BadOrder> {
        let mut numbers = HashMap::new();
        for (number, Component { name, .. }) in components.iter().enumerate() {
            if numbers.insert(name.as_str(), number).is_some() {
                return Err(BadOrder::Twice(name.clone()));
            }
        }
        let number = |component: &Component, needs: &String| {
            let unknown = || BadOrder::Unknown { component: component.name.clone(), needs: needs.clone() };
            numbers.get(needs.as_str()).copied().ok_or_else(unknown)
        };
        let needs =
            |component: &Component| component.needs.iter().map(|needs| number(component, needs)).collect();
        let needs = components.iter().map(needs).collect::<Result<Vec<BTreeSet<usize>>, _>>()?;

        let order = order(&needs).map_err(|circle| {
            BadOrder::Cycle(circle.into_iter().map(|number| components[number].name.clone()).collect())
        })?;
        let mut chain = vec![1; needs.len()];
        // From the end: what a component needs comes after it in the order.
        for number in order.into_iter().rev() {
            chain[number] += needs[number].iter().map(|needed| chain[*needed]).max().unwrap_or(0);
        }
        Ok(Self { needs, chain })
    }
}

/// How many need each component.
pub(crate) fn needed_by(needs: &[BTreeSet<usize>]) -> Vec<usize> {
    let mut needed_by = vec![0; needs.len()];
    for number in needs.iter().flatten() {
        needed_by[*number] += 1;
    }
    needed_by
}

/// Takes away what nobody needs, again and again. What is left over is a circle, or needed by one.
fn order(needs: &[BTreeSet<usize>]) -> Result<Vec<usize>, Vec<usize>> {
    let mut needed_by = needed_by(needs);
    let mut order: Vec<usize> = (0..needs.len()).filter(|number| needed_by[*number] == 0).collect();
    let mut taken = 0;
    while let Some(number) = order.get(taken) {
        for needed in &needs[*number] {
            needed_by[*needed] -= 1;
            if needed_by[*needed] == 0 {
                order.push(*needed);
            }
        }
        taken += 1;
    }
    match needed_by.iter().position(|by| *by > 0) {
        None => Ok(order),
        Some(left) => Err(circle(needs, &needed_by, left)),
    }
}

/// Each that is left is needed by another one that is left. So against the direction of the needs there is always a
/// next one, and at some point it is one that we have met.
fn circle(needs: &[BTreeSet<usize>], needed_by: &[usize], left: usize) -> Vec<usize> {
    let mut path = vec![left];
    loop {
        let last = path[path.len() - 1];
        let next = (0..needs.len()).find(|number| needed_by[*number] > 0 && needs[*number].contains(&last));
        let next = next.expect("who is left is needed by one that is left");
        let met = path.iter().position(|number| *number == next);
        path.push(next);
        if let Some(met) = met {
            return path.into_iter().skip(met).rev().collect();
        }
    }
}

/// There is no order, or it is not clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadOrder {
    /// Two components have this name.
    Twice(String),
    /// A component needs one that is not there.
    Unknown {
        /// The component that needs it.
        component: String,
        /// The name that nobody has.
        needs: String,
    },
    /// Each of these needs the next one, and the last one is the first one again.
    Cycle(Vec<String>),
}

impl fmt::Display for BadOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Twice(name) => write!(f, "two components are called {name}"),
            Self::Unknown { component, needs } => write!(f, "{component} needs {needs}, which is not there"),
            Self::Cycle(names) => write!(f, "there is no order: {}", names.join(" needs ")),
        }
    }
}

impl Error for BadOrder {}

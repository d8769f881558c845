//! One of several parts of a work, such as the one that a machine of its own does.

use crate::error::{Error, Result};

/// Part `index` of `of`, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Shard {
    index: usize,
    of: usize,
}

impl Shard {
    pub(super) const WHOLE: Self = Self { index: 0, of: 1 };

    /// `2/3` is the second of three.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let numbers =
            text.split_once('/').and_then(|(part, of)| Some((part.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((part, of)) if (1..=of).contains(&part) => Ok(Self { index: part - 1, of }),
            _ => Err(Error::new(format!("--shard {text}: for instance 2/3, the second of three"))),
        }
    }

    /// What of this work belongs to the part.
    pub(super) fn of<T>(self, work: Vec<T>) -> Vec<T> {
        work.into_iter().skip(self.index).step_by(self.of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parts_together_are_the_whole() {
        for of in 1..=5 {
            let parts = (1..=of).map(|part| Shard::parse(&format!("{part}/{of}")).unwrap());
            let mut together: Vec<i32> = parts.flat_map(|part| part.of((0..17).collect())).collect();
            together.sort_unstable();
            assert_eq!(together, (0..17).collect::<Vec<i32>>(), "in {of} parts");
        }
        assert_eq!(Shard::parse("1/1").unwrap(), Shard::WHOLE);
    }

    #[test]
    fn a_part_that_is_none_is_refused() {
        for text in ["0/3", "4/3", "1/0", "2", "a/b", "-1/3"] {
            assert!(Shard::parse(text).is_err(), "{text}");
        }
    }
}

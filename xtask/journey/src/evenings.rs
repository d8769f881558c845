//! On which days somebody works.

use jiff::ToSpan as _;
use jiff::civil::{Date, Weekday};

const NAMES: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// Days of the week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Evenings(Vec<Weekday>);

impl Evenings {
    /// Monday to Friday.
    pub(crate) fn of_working_days() -> Self {
        Self(NAMES[..5].iter().map(|(_, day)| *day).collect())
    }

    /// Reads `mon,wed,thu`.
    ///
    /// # Errors
    ///
    /// The first name that is none.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let day = |name: &str| {
            let wanted = name.trim().to_lowercase();
            let day = NAMES.iter().find(|(short, _)| wanted.starts_with(short));
            day.map(|(_, day)| *day).ok_or_else(|| format!("`{name}` is no day: for instance mon,wed,thu"))
        };
        Ok(Self(text.split(',').map(day).collect::<Result<_, _>>()?))
    }

    /// Their dates, from this one on. It never ends.
    pub(crate) fn from(&self, start: Date) -> impl Iterator<Item = Date> {
        let days = (0i64..).map_while(move |day| start.checked_add(day.days()).ok());
        days.filter(|date| self.0.contains(&date.weekday()))
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn evenings_are_the_days_that_were_named() {
        let evenings = Evenings::parse("Thu, mon,wednesday").unwrap();
        // 1 December 2026 is a Tuesday.
        let dates: Vec<Date> = evenings.from(date(2026, 12, 1)).take(4).collect();
        assert_eq!(dates, [date(2026, 12, 2), date(2026, 12, 3), date(2026, 12, 7), date(2026, 12, 9)]);
        assert!(Evenings::parse("mon,someday").unwrap_err().contains("`someday`"));
        assert!(Evenings::parse("").is_err());
    }
}

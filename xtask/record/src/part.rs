//! What entries consist of, and how that stands in a line.

use std::str::Split;
use std::time::Duration;

/// A text has a limit, in bytes: a panic can have a message of any length.
pub(crate) const LONGEST_TEXT: usize = 8 * 1024;

/// What would end a part or a line; the sign of an escape comes first.
const ESCAPED: [(char, &str); 3] = [('\\', r"\\"), ('\t', r"\t"), ('\n', r"\n")];

/// One or more parts of a line.
pub(crate) trait Part: Sized {
    fn write(&self, line: &mut String);
    /// Takes as many parts as it consists of; a list takes all that are left, and stands last.
    fn read(parts: &mut Split<'_, char>) -> Option<Self>;
}

impl Part for String {
    fn write(&self, line: &mut String) {
        let shown = &self[..self.floor_char_boundary(LONGEST_TEXT)];
        line.push('\t');
        if ESCAPED.iter().any(|(letter, _)| shown.contains(*letter)) {
            let escaped = |shown: String, (letter, escape): &(char, &str)| shown.replace(*letter, escape);
            line.push_str(&ESCAPED.iter().fold(shown.to_owned(), escaped));
        } else {
            line.push_str(shown);
        }
        if shown.len() < self.len() {
            line.push_str("...");
        }
    }

    fn read(parts: &mut Split<'_, char>) -> Option<Self> {
        let part = parts.next()?;
        if !part.contains('\\') {
            return Some(part.to_owned());
        }
        let (mut text, mut letters) = (Self::new(), part.chars());
        while let Some(letter) = letters.next() {
            text.push(match letter {
                '\\' => match letters.next()? {
                    't' => '\t',
                    'n' => '\n',
                    letter => letter,
                },
                letter => letter,
            });
        }
        Some(text)
    }
}

impl Part for u64 {
    fn write(&self, line: &mut String) {
        self.to_string().write(line);
    }

    fn read(parts: &mut Split<'_, char>) -> Option<Self> {
        parts.next()?.parse().ok()
    }
}

impl Part for Duration {
    fn write(&self, line: &mut String) {
        self.as_secs().write(line);
        u64::from(self.subsec_nanos()).write(line);
    }

    fn read(parts: &mut Split<'_, char>) -> Option<Self> {
        let (secs, nanos) = (u64::read(parts)?, u64::read(parts)?);
        Some(Self::new(secs, u32::try_from(nanos).ok().filter(|nanos| *nanos < 1_000_000_000)?))
    }
}

impl<A: Part, B: Part> Part for (A, B) {
    fn write(&self, line: &mut String) {
        self.0.write(line);
        self.1.write(line);
    }

    fn read(parts: &mut Split<'_, char>) -> Option<Self> {
        Some((A::read(parts)?, B::read(parts)?))
    }
}

impl<T: Part> Part for Vec<T> {
    fn write(&self, line: &mut String) {
        self.iter().for_each(|part| part.write(line));
    }

    fn read(parts: &mut Split<'_, char>) -> Option<Self> {
        Some(std::iter::from_fn(|| T::read(parts)).collect())
    }
}

/// The kinds of entries, each with its name as the first part of its line.
macro_rules! entries {
    ($($(#[$doc:meta])* $kind:ident $(($what:ident: $type:ty))?,)*) => {
        /// One thing that a test tells.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Entry {
            $($(#[$doc])* $kind $(($type))?,)*
        }

        impl $crate::part::Part for Entry {
            fn write(&self, line: &mut String) {
                match self {
                    $(Self::$kind $(($what))? => {
                        line.push_str(concat!("\t", stringify!($kind)));
                        $($what.write(line);)?
                    })*
                }
            }

            fn read(parts: &mut std::str::Split<'_, char>) -> Option<Self> {
                match parts.next()? {
                    $(stringify!($kind) => Some(Self::$kind $((<$type>::read(parts)?))?),)*
                    _ => None,
                }
            }
        }

        #[cfg(test)]
        impl Entry {
            const KINDS: &[&str] = &[$(stringify!($kind)),*];
        }
    };
}

/// What an entry tells, part by part.
macro_rules! parts {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $part:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            $($(#[$of])* pub $part: $type,)*
        }

        impl $crate::part::Part for $name {
            fn write(&self, line: &mut String) {
                $(self.$part.write(line);)*
            }

            fn read(parts: &mut std::str::Split<'_, char>) -> Option<Self> {
                $(let $part = <$type>::read(parts)?;)*
                Some(Self { $($part),* })
            }
        }
    };
}

//! A source file that parses.

use std::fs;
use std::io::Read;
use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

const LARGEST: u64 = 10 * 1024 * 1024;
/// The parser calls itself for each bracket, and for each operator, too. Beyond this its stack may end, and the process
/// with it.
const DEEPEST: usize = 256;
const LONGEST: usize = 10_000;

/// A source file that parses. It stays in the thread that has read it.
pub struct Source {
    /// How it is called in the answer.
    pub path: String,
    /// What is in it, without a byte order mark.
    pub text: String,
    /// The same as tokens.
    pub tokens: TokenStream,
    /// The same as a tree.
    pub file: syn::File,
    /// Where each line begins.
    lines: Vec<usize>,
}

impl Source {
    /// Reads and parses it.
    ///
    /// # Errors
    ///
    /// Why it cannot be audited, in one line.
    pub fn read(file: &Path, path: &str) -> Result<Self, String> {
        let text = read(file)?;
        // As `syn::parse_file` does it; the end of the line stays, or all numbers were one too small.
        let script = text.starts_with("#!") && !text[2..].trim_start().starts_with('[');
        let code = if script { &text[text.find('\n').unwrap_or(text.len())..] } else { text.as_str() };
        let tokens: TokenStream =
            code.parse().map_err(|error: proc_macro2::LexError| does_not_parse(&error, error.span()))?;
        if let Some(why) = too_deep(tokens.clone()) {
            return Err(why);
        }
        let file = syn::parse2(tokens.clone()).map_err(|error| does_not_parse(&error, error.span()))?;
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Ok(Self { path: path.to_owned(), text, tokens, file, lines })
    }

    /// The line of this number, from 1, without its end.
    pub fn line(&self, number: usize) -> &str {
        let from = self.lines.get(number - 1).copied().unwrap_or(self.text.len());
        let to = self.lines.get(number).copied().unwrap_or(self.text.len());
        self.text[from..to].trim_end_matches(['\n', '\r'])
    }
}

/// The text of a file that is not too large, without a byte order mark.
fn read(file: &Path) -> Result<String, String> {
    let opened = fs::File::open(file).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    opened.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!("larger than {} MiB", LARGEST / 1024 / 1024));
    }
    let text = String::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

fn does_not_parse(why: &dyn std::fmt::Display, span: proc_macro2::Span) -> String {
    let at = span.start();
    format!("does not parse, in line {}, column {}: {why}", at.line, at.column + 1).replace('\n', " ")
}

/// Why the parser would call itself too often, if it would. This does not call itself.
fn too_deep(tokens: TokenStream) -> Option<String> {
    let mut open = vec![(tokens.into_iter(), 0)];
    while let Some((innermost, before)) = open.last_mut() {
        let Some(token) = innermost.next() else {
            open.pop();
            continue;
        };
        let line = token.span().start().line;
        // Behind these something else begins.
        *before = if ends(&token) { 0 } else { *before + 1 };
        if let TokenTree::Group(group) = token {
            open.push((group.stream().into_iter(), 0));
        }
        if open.len() > DEEPEST + 1 {
            return Some(format!("nests brackets deeper than {DEEPEST}, in line {line}"));
        }
        if open.iter().map(|(_, before)| before).sum::<usize>() > LONGEST {
            return Some(format!("more than {LONGEST} tokens in one expression, in line {line}"));
        }
    }
    None
}

fn ends(token: &TokenTree) -> bool {
    match token {
        TokenTree::Punct(punct) => matches!(punct.as_char(), ';' | ','),
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Ident(_) | TokenTree::Literal(_) => false,
    }
}

//! What stands inside of macros, which the parser leaves as tokens.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::parse::{ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::{Block, Expr, Pat, Stmt, Token, token};

/// A branch of `select!`. Without a future it is `else`, `complete` or `default`.
pub struct Branch {
    /// What its value is bound to, and what it waits for.
    pub waits: Option<(Pat, Expr)>,
    /// What it depends on whether it waits.
    pub condition: Option<Expr>,
    /// What is done then.
    pub handler: Expr,
}

/// The branches of a `select!`.
pub fn branches(tokens: &TokenStream) -> syn::Result<Vec<Branch>> {
    (|input: ParseStream| {
        if input.peek2(Token![;]) {
            input.parse::<Ident>()?; // `biased`
            input.parse::<Token![;]>()?;
        }
        let mut branches = Vec::new();
        while !input.is_empty() {
            branches.push(branch(input)?);
        }
        Ok(branches)
    })
    .parse2(tokens.clone())
}

fn branch(input: ParseStream) -> syn::Result<Branch> {
    let mut branch = (None, None);
    if (input.peek(Token![else]) || input.peek(syn::Ident)) && input.peek2(Token![=>]) {
        input.parse::<TokenTree>()?;
    } else {
        let pattern = Pat::parse_multi_with_leading_vert(input)?;
        input.parse::<Token![=]>()?;
        branch.0 = Some((pattern, input.parse()?));
        if input.parse::<Option<Token![,]>>()?.is_some() {
            input.parse::<Token![if]>()?;
            branch.1 = Some(input.parse()?);
        }
    }
    input.parse::<Token![=>]>()?;
    // A block ends the branch, whatever comes behind it.
    let handler = if input.peek(token::Brace) {
        Expr::parse_with_earlier_boundary_rule(input)?
    } else {
        input.parse()?
    };
    input.parse::<Option<Token![,]>>()?;
    Ok(Branch { waits: branch.0, condition: branch.1, handler })
}

/// What the body of another macro is.
pub enum Body {
    /// `join!(a, b)`, `println!("{}", c)`.
    Expressions(Vec<Expr>),
    /// `stream! { a; b }`.
    Statements(Vec<Stmt>),
    /// Something else: only its words are known.
    Words(Vec<String>),
}

/// The body of a macro that is not `select!`.
pub fn body(tokens: &TokenStream) -> Body {
    let expressions = Punctuated::<Expr, Token![,]>::parse_terminated.parse2(tokens.clone());
    if let Ok(all) = expressions {
        return Body::Expressions(all.into_iter().collect());
    }
    match Block::parse_within.parse2(tokens.clone()) {
        Ok(all) => Body::Statements(all),
        Err(_) => Body::Words(words(tokens)),
    }
}

/// All identifiers, also those of groups. The name of a label or a lifetime is none.
fn words(tokens: &TokenStream) -> Vec<String> {
    let mut all = Vec::new();
    let mut groups = vec![tokens.clone()];
    while let Some(group) = groups.pop() {
        let mut behind_a_tick = false;
        for token in group {
            let is_tick = matches!(&token, TokenTree::Punct(mark) if mark.as_char() == '\'');
            match token {
                TokenTree::Ident(word) if !behind_a_tick => all.push(word.to_string()),
                TokenTree::Group(group) => groups.push(group.stream()),
                _ => {}
            }
            behind_a_tick = is_tick;
        }
    }
    all
}

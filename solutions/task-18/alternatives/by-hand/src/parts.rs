//! What expressions, blocks and patterns are made of.

use proc_macro2::Ident;
use syn::{Arm, Block, Expr, Macro, Member, Pat, Path, Stmt};

/// A part of something.
pub enum Part<'a> {
    /// An expression.
    Expr(&'a Expr),
    /// A block.
    Block(&'a Block),
    /// A pattern.
    Pat(&'a Pat),
    /// An arm of a `match`.
    Arm(&'a Arm),
    /// A macro.
    Macro(&'a Macro),
    /// A word of a path, or the name of a field.
    Word(&'a Ident),
}

/// The parts of an expression, in the order in which they stand there. Types and labels are none.
pub fn of(expression: &Expr) -> Vec<Part<'_>> {
    use Part as P;
    match expression {
        Expr::Array(it) => it.elems.iter().map(P::Expr).collect(),
        Expr::Assign(it) => vec![P::Expr(&it.left), P::Expr(&it.right)],
        Expr::Async(it) => vec![P::Block(&it.block)],
        Expr::Await(it) => vec![P::Expr(&it.base)],
        Expr::Binary(it) => vec![P::Expr(&it.left), P::Expr(&it.right)],
        Expr::Block(it) => vec![P::Block(&it.block)],
        Expr::Break(it) => it.expr.iter().map(|value| P::Expr(value)).collect(),
        Expr::Call(it) => std::iter::once(P::Expr(&it.func)).chain(it.args.iter().map(P::Expr)).collect(),
        Expr::Cast(it) => vec![P::Expr(&it.expr)],
        Expr::Closure(it) => it.inputs.iter().map(P::Pat).chain([P::Expr(&it.body)]).collect(),
        Expr::Const(it) => vec![P::Block(&it.block)],
        Expr::Field(it) => std::iter::once(P::Expr(&it.base)).chain(member(&it.member)).collect(),
        Expr::ForLoop(it) => vec![P::Pat(&it.pat), P::Expr(&it.expr), P::Block(&it.body)],
        Expr::Group(it) => vec![P::Expr(&it.expr)],
        Expr::If(it) => {
            let otherwise = it.else_branch.iter().map(|(_, otherwise)| P::Expr(otherwise));
            [P::Expr(&it.cond), P::Block(&it.then_branch)].into_iter().chain(otherwise).collect()
        }
        Expr::Index(it) => vec![P::Expr(&it.expr), P::Expr(&it.index)],
        Expr::Let(it) => vec![P::Pat(&it.pat), P::Expr(&it.expr)],
        Expr::Loop(it) => vec![P::Block(&it.body)],
        Expr::Macro(it) => vec![P::Macro(&it.mac)],
        Expr::Match(it) => std::iter::once(P::Expr(&it.expr)).chain(it.arms.iter().map(P::Arm)).collect(),
        Expr::MethodCall(it) => {
            let called = [P::Expr(&it.receiver), P::Word(&it.method)].into_iter();
            called.chain(it.args.iter().map(P::Expr)).collect()
        }
        Expr::Paren(it) => vec![P::Expr(&it.expr)],
        Expr::Path(it) => words(&it.path),
        Expr::Range(it) => it.start.iter().chain(&it.end).map(|end| P::Expr(end)).collect(),
        Expr::RawAddr(it) => vec![P::Expr(&it.expr)],
        Expr::Reference(it) => vec![P::Expr(&it.expr)],
        Expr::Repeat(it) => vec![P::Expr(&it.expr), P::Expr(&it.len)],
        Expr::Return(it) => it.expr.iter().map(|value| P::Expr(value)).collect(),
        Expr::Struct(it) => {
            let fields =
                it.fields.iter().flat_map(|field| member(&field.member).chain([P::Expr(&field.expr)]));
            words(&it.path)
                .into_iter()
                .chain(fields)
                .chain(it.rest.iter().map(|rest| P::Expr(rest)))
                .collect()
        }
        Expr::Try(it) => vec![P::Expr(&it.expr)],
        Expr::TryBlock(it) => vec![P::Block(&it.block)],
        Expr::Tuple(it) => it.elems.iter().map(P::Expr).collect(),
        Expr::Unary(it) => vec![P::Expr(&it.expr)],
        Expr::Unsafe(it) => vec![P::Block(&it.block)],
        Expr::While(it) => vec![P::Expr(&it.cond), P::Block(&it.body)],
        Expr::Yield(it) => it.expr.iter().map(|value| P::Expr(value)).collect(),
        _ => Vec::new(),
    }
}

/// The parts of a block. Items are none.
pub fn of_block(block: &Block) -> Vec<Part<'_>> {
    block.stmts.iter().flat_map(of_statement).collect()
}

/// The parts of a statement.
pub fn of_statement(statement: &Stmt) -> Vec<Part<'_>> {
    match statement {
        Stmt::Local(local) => {
            let init = local.init.iter().flat_map(|init| {
                let otherwise = init.diverge.iter().map(|(_, otherwise)| Part::Expr(otherwise));
                std::iter::once(Part::Expr(&init.expr)).chain(otherwise)
            });
            std::iter::once(Part::Pat(&local.pat)).chain(init).collect()
        }
        Stmt::Expr(expression, _) => vec![Part::Expr(expression)],
        Stmt::Macro(call) => vec![Part::Macro(&call.mac)],
        Stmt::Item(_) => Vec::new(),
    }
}

/// The parts of a pattern.
pub fn of_pattern(pattern: &Pat) -> Vec<Part<'_>> {
    match pattern {
        Pat::Ident(it) => {
            let inner = it.subpat.iter().map(|(_, inner)| Part::Pat(inner));
            std::iter::once(Part::Word(&it.ident)).chain(inner).collect()
        }
        Pat::Or(it) => it.cases.iter().map(Part::Pat).collect(),
        Pat::Paren(it) => vec![Part::Pat(&it.pat)],
        Pat::Path(it) => words(&it.path),
        Pat::Reference(it) => vec![Part::Pat(&it.pat)],
        Pat::Slice(it) => it.elems.iter().map(Part::Pat).collect(),
        Pat::Struct(it) => {
            let fields =
                it.fields.iter().flat_map(|field| member(&field.member).chain([Part::Pat(&field.pat)]));
            words(&it.path).into_iter().chain(fields).collect()
        }
        Pat::Tuple(it) => it.elems.iter().map(Part::Pat).collect(),
        Pat::TupleStruct(it) => words(&it.path).into_iter().chain(it.elems.iter().map(Part::Pat)).collect(),
        Pat::Type(it) => vec![Part::Pat(&it.pat)],
        _ => Vec::new(),
    }
}

fn words(path: &Path) -> Vec<Part<'_>> {
    path.segments.iter().map(|segment| Part::Word(&segment.ident)).collect()
}

fn member(member: &Member) -> impl Iterator<Item = Part<'_>> {
    let word = match member {
        Member::Named(name) => Some(Part::Word(name)),
        Member::Unnamed(_) => None,
    };
    word.into_iter()
}

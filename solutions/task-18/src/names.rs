//! What names mean inside of functions.

use std::collections::HashSet;

use syn::ext::IdentExt as _;
use syn::visit::{self, Visit};
use syn::{Block, Item, Pat, PatIdent, Path, Stmt};

use crate::modules::{self, Module, Modules, Use};

/// A block, or what else brings in names: parameters, the pattern of an arm.
#[derive(Default)]
struct Scope {
    variables: HashSet<String>,
    items: HashSet<String>,
    uses: Vec<Use>,
    /// A function: the variables around it are not seen in it.
    is_function: bool,
}

/// Where a name is looked for: in the blocks from the innermost on, then in the module.
pub struct Names<'a> {
    modules: &'a Modules,
    /// The module that we are in.
    pub module: Module,
    scopes: Vec<Scope>,
}

impl<'a> Names<'a> {
    /// The names of a module, outside of its functions.
    pub fn new(modules: &'a Modules, module: Module) -> Self {
        Self { modules, module, scopes: Vec::new() }
    }

    /// Whether we are in no function.
    pub fn outside_of_functions(&self) -> bool {
        self.scopes.is_empty()
    }

    /// Enters something whose pattern brings in variables.
    pub fn enter(&mut self) {
        self.scopes.push(Scope::default());
    }

    /// Enters a function.
    pub fn enter_function(&mut self) {
        self.scopes.push(Scope { is_function: true, ..Scope::default() });
    }

    /// Enters a block. Its items are there from its beginning on.
    pub fn enter_block(&mut self, block: &Block) {
        let items = block.stmts.iter().filter_map(|statement| match statement {
            Stmt::Item(item) => Some(item),
            _ => None,
        });
        let uses = modules::uses(items.clone());
        let items = items.filter_map(|item: &Item| modules::name(item)).collect();
        self.scopes.push(Scope { items, uses, ..Scope::default() });
    }

    /// Leaves what was entered last.
    pub fn leave(&mut self) {
        self.scopes.pop();
    }

    /// The variables of this pattern are there from now on.
    pub fn bind(&mut self, pattern: &Pat) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.variables.extend(variables(pattern));
        }
    }

    /// What a path means here: `tokio::time::sleep`. `None` if it is something of this crate.
    pub fn resolve(&self, path: &Path) -> Option<String> {
        let start = if path.leading_colon.is_some() { vec![String::new()] } else { Vec::new() };
        let names = path.segments.iter().map(|segment| segment.ident.unraw().to_string());
        let path: Vec<String> = start.into_iter().chain(names).collect();
        let mut sees_variables = true;
        for scope in self.scopes.iter().rev() {
            let is_variable = sees_variables && path.len() == 1 && scope.variables.contains(&path[0]);
            if is_variable || scope.items.contains(&path[0]) {
                return None;
            }
            if let Some(found) = self.modules.resolve_in_block(&self.module, &scope.uses, &path) {
                return found;
            }
            sees_variables &= !scope.is_function;
        }
        self.modules.resolve(&self.module, &path)
    }
}

/// The variables that a pattern brings in.
pub fn variables(pattern: &Pat) -> HashSet<String> {
    let mut all = Variables(HashSet::new());
    all.visit_pat(pattern);
    all.0
}

struct Variables(HashSet<String>);

impl<'ast> Visit<'ast> for Variables {
    fn visit_pat_ident(&mut self, node: &'ast PatIdent) {
        self.0.insert(node.ident.unraw().to_string());
        visit::visit_pat_ident(self, node);
    }
}

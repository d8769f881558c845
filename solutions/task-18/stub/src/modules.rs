//! Which file is which module of which crate, and what a path means there.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use syn::ext::IdentExt as _;
use syn::{Attribute, Expr, Item, Lit, Meta, UseTree};

use crate::source::Source;

/// What a glob of their modules brings in.
const KNOWN: [&str; 25] = [
    "futures::join",
    "futures::select",
    "futures::select_biased",
    "futures::try_join",
    "futures_util::join",
    "futures_util::select",
    "futures_util::select_biased",
    "futures_util::try_join",
    "std::process::exit",
    "std::thread::sleep",
    "std::thread::spawn",
    "tokio::join",
    "tokio::pin",
    "tokio::select",
    "tokio::spawn",
    "tokio::task::JoinHandle",
    "tokio::task::spawn",
    "tokio::task::spawn_blocking",
    "tokio::task::spawn_local",
    "tokio::time::sleep",
    "tokio::time::sleep_until",
    "tokio::time::timeout",
    "tokio::time::timeout_at",
    "tokio::try_join",
    "std::pin::pin",
];
/// How deep files may declare files: with `#[path]` they can do it in a circle.
const DEEPEST: usize = 32;

/// Where which name has been looked for: re-exports can lead in a circle, and globs in many.
type Seen = HashSet<(Module, String)>;

/// One name that a `use` brings in, or with a glob all of them.
#[derive(Clone, Debug)]
pub struct Use {
    /// `None` for a glob.
    pub name: Option<String>,
    /// What it names, as it stands there.
    pub target: Vec<String>,
}

/// The names of one module.
#[derive(Default)]
struct Names {
    uses: Vec<Use>,
    items: HashSet<String>,
}

/// A `mod name;`, whose code is in another file.
struct Declared {
    module: Vec<String>,
    name: String,
    path: Option<String>,
    test: bool,
}

/// The modules and names of one file.
#[derive(Default)]
pub struct Outline {
    modules: HashMap<Vec<String>, Names>,
    declared: Vec<Declared>,
}

/// A module of a crate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Module {
    /// The number of the file that is the root of the crate.
    root: usize,
    path: Vec<String>,
}

impl Module {
    /// The module of this name inside of it.
    pub fn inner(&self, name: &str) -> Self {
        let path = self.path.iter().cloned().chain([name.to_owned()]).collect();
        Self { root: self.root, path }
    }
}

impl Outline {
    /// The outline of this source.
    pub fn of(source: &Source) -> Self {
        let mut outline = Self::default();
        outline.add(&[], &source.file.items, false);
        outline
    }

    fn add(&mut self, module: &[String], items: &[Item], test: bool) {
        let mut names = Names { uses: uses(items), items: HashSet::new() };
        names.items.extend(items.iter().filter_map(name));
        for item in items {
            let Item::Mod(inner) = item else { continue };
            let name = inner.ident.unraw().to_string();
            let test = test || is_only_for_tests(&inner.attrs);
            match &inner.content {
                Some((_, items)) => self.add(&[module, &[name]].concat(), items, test),
                None => {
                    let path = path_attribute(&inner.attrs);
                    self.declared.push(Declared { module: module.to_owned(), name, path, test });
                }
            }
        }
        self.modules.insert(module.to_owned(), names);
    }
}

/// What the `use` items among these bring in.
pub fn uses<'a>(items: impl IntoIterator<Item = &'a Item>) -> Vec<Use> {
    let mut found = Vec::new();
    for item in items {
        match item {
            Item::Use(item) => {
                let start = if item.leading_colon.is_some() { vec![String::new()] } else { Vec::new() };
                leaves(&item.tree, start, &mut found);
            }
            Item::ExternCrate(item) => {
                let name = item.rename.as_ref().map_or(&item.ident, |(_, name)| name).unraw().to_string();
                found.push(Use {
                    name: Some(name),
                    target: vec![String::new(), item.ident.unraw().to_string()],
                });
            }
            _ => {}
        }
    }
    found
}

fn leaves(tree: &UseTree, before: Vec<String>, found: &mut Vec<Use>) {
    let and = |name: &syn::Ident| {
        let name = name.unraw().to_string();
        // `use a::b::{self}` brings in `b`.
        if name == "self" && !before.is_empty() { before.clone() } else { [&before[..], &[name]].concat() }
    };
    match tree {
        UseTree::Path(path) => leaves(&path.tree, and(&path.ident), found),
        UseTree::Name(name) => {
            let target = and(&name.ident);
            found.push(Use { name: target.last().cloned(), target });
        }
        UseTree::Rename(rename) => {
            found.push(Use { name: Some(rename.rename.unraw().to_string()), target: and(&rename.ident) });
        }
        UseTree::Glob(_) => found.push(Use { name: None, target: before }),
        UseTree::Group(group) => group.items.iter().for_each(|tree| leaves(tree, before.clone(), found)),
    }
}

/// The name that an item gives to itself.
pub fn name(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Mod(item) => &item.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.unraw().to_string())
}

fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| match &attribute.meta {
        Meta::NameValue(meta) if meta.path.is_ident("path") => match &meta.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(text.value()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    })
}

/// Whether what has these attributes is compiled for tests only: `cfg(test)`, `cfg(all(test, ..))`, `test`, `tokio::test`.
pub fn is_only_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            list.parse_args().is_ok_and(|meta| needs_test(&meta))
        }
        meta => meta.path().segments.last().is_some_and(|last| last.ident == "test"),
    })
}

fn needs_test(meta: &Meta) -> bool {
    use syn::{Token, punctuated::Punctuated};
    match meta {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("all") => list
            .parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)
            .is_ok_and(|all| all.iter().any(needs_test)),
        _ => false,
    }
}

/// All modules of all crates among the files.
pub struct Modules {
    names: HashMap<Module, Names>,
    /// Of each file, by its number: its module, and whether it belongs to tests only.
    files: Vec<(Module, bool)>,
}

impl Modules {
    /// Puts the files together. A file that no other file declares is the root of a crate.
    pub fn new(outlines: Vec<(PathBuf, Outline)>) -> Self {
        let numbers: HashMap<PathBuf, usize> =
            outlines.iter().enumerate().map(|(number, (file, _))| (plain(file), number)).collect();
        let mut parents: Vec<Vec<(usize, Vec<String>, bool)>> = outlines.iter().map(|_| Vec::new()).collect();
        for (number, (file, outline)) in outlines.iter().enumerate() {
            for declared in &outline.declared {
                let child =
                    candidates(file, declared).iter().find_map(|file| numbers.get(&plain(file)).copied());
                if let Some(child) = child.filter(|child| *child != number) {
                    let path = [&declared.module[..], std::slice::from_ref(&declared.name)].concat();
                    parents[child].push((number, path, declared.test));
                }
            }
        }
        let files = (0..outlines.len()).map(|file| place(file, &parents, DEEPEST)).collect::<Vec<_>>();
        let mut names = HashMap::new();
        for ((module, _), (_, outline)) in files.iter().zip(outlines) {
            for (inside, of_it) in outline.modules {
                let path = [&module.path[..], &inside].concat();
                names.entry(Module { root: module.root, path }).or_insert(of_it);
            }
        }
        Self { names, files }
    }

    /// The module that this file is.
    pub fn module(&self, file: usize) -> &Module {
        &self.files[file].0
    }

    /// Whether this file is brought in by tests only.
    pub fn is_test(&self, file: usize) -> bool {
        self.files[file].1
    }

    /// What a path means in this module, from the name of a foreign crate on: `tokio::time::sleep`. `None` if it is
    /// something of this crate.
    pub fn resolve(&self, module: &Module, path: &[String]) -> Option<String> {
        self.follow(module, path, &mut Seen::new())
    }

    fn follow(&self, module: &Module, path: &[String], seen: &mut Seen) -> Option<String> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "" => Some(rest.join("::")),
            "crate" => self.inside(&Module { root: module.root, path: Vec::new() }, rest, seen),
            "self" => self.inside(module, rest, seen),
            "super" => {
                let (_, outer) = module.path.split_last()?;
                let outer = Module { root: module.root, path: outer.to_owned() };
                if rest.first().is_some_and(|name| name == "super") {
                    return self.follow(&outer, rest, seen);
                }
                self.inside(&outer, rest, seen)
            }
            _ => match self.look_up(module, first, rest, seen) {
                Some(found) => found,
                None => Some(path.join("::")),
            },
        }
    }

    /// The same for a path that begins with a name of this module.
    fn inside(&self, module: &Module, path: &[String], seen: &mut Seen) -> Option<String> {
        let (first, rest) = path.split_first()?;
        self.look_up(module, first, rest, seen)?
    }

    /// `None` if the module has no such name; `Some(None)` if it is something of this crate.
    fn look_up(
        &self,
        module: &Module,
        first: &str,
        rest: &[String],
        seen: &mut Seen,
    ) -> Option<Option<String>> {
        let names = self.names.get(module)?;
        if !seen.insert((module.clone(), first.to_owned())) {
            return Some(None);
        }
        if let Some(found) = named(&names.uses, first) {
            // `use tokio;` names itself.
            if found.len() == 1 && found[0] == first {
                return None;
            }
            return Some(self.follow(module, &[found, rest].concat(), seen));
        }
        if names.items.contains(first) {
            let inner = module.inner(first);
            return Some(if self.names.contains_key(&inner) {
                self.inside(&inner, rest, seen)
            } else {
                None
            });
        }
        let path = [&[first.to_owned()], rest].concat();
        globs(&names.uses).find_map(|target| self.through_glob(module, target, &path, seen)).map(Some)
    }

    /// What this path means if it begins with a name that this glob brings in, and is one that is known.
    fn through_glob(
        &self,
        module: &Module,
        target: &[String],
        path: &[String],
        seen: &mut Seen,
    ) -> Option<String> {
        let found = self.follow(module, &[target, path].concat(), seen)?;
        KNOWN.contains(&found.as_str()).then_some(found)
    }

    /// What a path means behind these `use` items of a block in this module. `None` if they do not name it.
    pub fn resolve_in_block(&self, module: &Module, uses: &[Use], path: &[String]) -> Option<Option<String>> {
        let (first, rest) = path.split_first()?;
        if let Some(target) = named(uses, first).filter(|target| target != &std::slice::from_ref(first)) {
            return Some(self.resolve(module, &[target, rest].concat()));
        }
        let mut seen = Seen::new();
        globs(uses).find_map(|target| self.through_glob(module, target, path, &mut seen)).map(Some)
    }
}

fn named<'a>(uses: &'a [Use], name: &str) -> Option<&'a [String]> {
    uses.iter().find(|of| of.name.as_deref() == Some(name)).map(|of| of.target.as_slice())
}

fn globs(uses: &[Use]) -> impl Iterator<Item = &[String]> {
    uses.iter().filter(|of| of.name.is_none()).map(|of| of.target.as_slice())
}

/// Where the file of a declared module may be.
fn candidates(file: &Path, declared: &Declared) -> Vec<PathBuf> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let own = folder.join(file.file_stem().unwrap_or_default());
    let inside: PathBuf = declared.module.iter().collect();
    let name = &declared.name;
    match &declared.path {
        Some(path) if declared.module.is_empty() => vec![folder.join(path)],
        Some(path) => [folder, &own].map(|folder| folder.join(&inside).join(path)).into(),
        // Whether a file is the root of its crate is not known yet, so both are looked for.
        None => [&own, folder]
            .iter()
            .flat_map(|folder| {
                let folder = folder.join(&inside);
                [folder.join(format!("{name}.rs")), folder.join(name).join("mod.rs")]
            })
            .collect(),
    }
}

/// Without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut plain, part| {
        match part {
            std::path::Component::ParentDir if plain.file_name().is_some() => {
                plain.pop();
            }
            std::path::Component::CurDir => {}
            part => plain.push(part),
        }
        plain
    })
}

fn place(file: usize, parents: &[Vec<(usize, Vec<String>, bool)>], hops: usize) -> (Module, bool) {
    let of_tests = |(parent, _, test): &(usize, Vec<String>, bool)| {
        *test || hops > 0 && place(*parent, parents, hops - 1).1
    };
    match parents[file].first() {
        Some((parent, inside, _)) if hops > 0 => {
            let (outer, _) = place(*parent, parents, hops - 1);
            let path = outer.path.into_iter().chain(inside.iter().cloned()).collect();
            (Module { root: outer.root, path }, parents[file].iter().all(of_tests))
        }
        _ => (Module { root: file, path: Vec::new() }, false),
    }
}

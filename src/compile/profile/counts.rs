//! A profile as the compilation of a module looks at it: by offsets and indices of that module.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use super::format::{FunctionProfile, Profile};
use super::record::{by_name, elements};
use super::sites::Sites;
use crate::compile::module::{Module, SegmentMode};
use crate::compile::options::{OptLevel, Options};

/// Of everything that ran, so many hundredths were in hot blocks.
const HOT_PERCENT: u128 = 99;

/// How much of a profile is of a module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fit {
    /// Functions of the profile that ran.
    pub ran: usize,
    /// Those among them that the module has.
    pub found: usize,
}

/// What runs counted of a module.
#[derive(Debug, Default)]
pub(in crate::compile) struct RunCounts {
    /// How often blocks were entered, by the offset of what they begin behind.
    blocks: HashMap<u32, u64>,
    /// Callees of calls through tables, by the call's offset, the most frequent first.
    targets: HashMap<u32, Vec<Target>>,
    /// Blocks that were entered at least so often are hot.
    hot_min: u64,
    /// How much of the profile was used.
    pub(in crate::compile) fit: Fit,
}

/// A callee of a call through a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::compile) struct Target {
    /// The function.
    pub(in crate::compile) function: u32,
    /// Its one index in the table, where elements never change.
    pub(in crate::compile) index: Option<u64>,
    /// How often it was called.
    pub(in crate::compile) count: u64,
}

impl RunCounts {
    /// What the options have for a validated module: code of a function by itself depends on no profile.
    pub(in crate::compile) fn of(module: &Module<'_>, options: &Options) -> Option<Self> {
        let profile = options.profile.as_deref()?;
        (options.opt_level == OptLevel::Module).then(|| Self::new(module, profile))
    }

    fn new(module: &Module<'_>, profile: &Profile) -> Self {
        let mut counts = Self::default();
        let functions = by_name(module);
        let tables: Vec<_> = (0..module.tables.len() as u32)
            .map(|table| indices(module, table))
            .collect();
        for function in &profile.functions {
            let has_run = !function.blocks.is_empty();
            counts.fit.ran += usize::from(has_run);
            let Some(index) = functions.get(&function.name) else {
                continue;
            };
            counts.fit.found += usize::from(has_run);
            let body = &module.bodies[(index - module.functions_imported) as usize];
            let sites = Sites::of(body);
            counts.function(&sites, function, |target, table| {
                let function = *functions.get(&target)?;
                let indices: &Indices = &tables[table as usize];
                Some((function, *indices.get(&function)?))
            });
        }
        counts.hot_min = hot_min(counts.blocks.values().copied());
        counts
    }

    /// Takes in what was counted of a function with these sites; `callee` finds functions in tables.
    fn function(
        &mut self,
        sites: &Sites,
        profile: &FunctionProfile,
        callee: impl Fn(super::names::FunctionName, u32) -> Option<(u32, Option<u64>)>,
    ) {
        if !profile.blocks.is_empty() && profile.blocks.len() != sites.blocks.len() {
            return;
        }
        for (at, offset) in sites.blocks.iter().enumerate() {
            let count = profile.blocks.get(at).copied().unwrap_or(0);
            self.blocks.insert(*offset, count);
        }
        for call in &profile.calls {
            let Some((offset, table)) = sites.calls.get(call.call as usize) else {
                continue;
            };
            if let Some((function, index)) = callee(call.callee, *table) {
                self.targets.entry(*offset).or_default().push(Target {
                    function,
                    index,
                    count: call.count,
                });
            }
        }
        for (offset, _) in &sites.calls {
            if let Some(targets) = self.targets.get_mut(offset) {
                targets.sort_by_key(|target| (Reverse(target.count), target.function));
            }
        }
    }

    /// How often the block was entered that begins behind the operator at `offset`, or at the first byte of a body; `None`
    /// where nothing is known of the function.
    pub(in crate::compile) fn block(&self, offset: u32) -> Option<u64> {
        self.blocks.get(&offset).copied()
    }

    /// Whom the call through a table at `offset` called, the most frequent first.
    pub(in crate::compile) fn targets(&self, offset: u32) -> &[Target] {
        self.targets.get(&offset).map_or(&[], Vec::as_slice)
    }

    /// Whether code that runs so often is where most of the time goes.
    pub(in crate::compile) fn is_hot(&self, count: u64) -> bool {
        count >= self.hot_min
    }
}

/// Functions that a table holds; where an element can't change and the function stands there once, with its index.
type Indices = HashMap<u32, Option<u64>>;

fn indices(module: &Module<'_>, table: u32) -> Indices {
    let is_known = module.elements.iter().all(|segment| match &segment.mode {
        SegmentMode::Active { target, offset } => *target != table || offset.as_index().is_some(),
        SegmentMode::Passive | SegmentMode::Declared => true,
    });
    let is_constant = is_known && module.tables[table as usize].is_constant();
    let mut indices = HashMap::new();
    let elements: BTreeMap<u64, u32> = elements(module, table).into_iter().collect();
    for (index, function) in elements {
        indices
            .entry(function)
            .and_modify(|index| *index = None)
            .or_insert(Some(index).filter(|_| is_constant));
    }
    indices
}

/// The least count of those that make up nearly all.
fn hot_min(counts: impl Iterator<Item = u64>) -> u64 {
    let mut counts: Vec<u64> = counts.filter(|count| *count > 0).collect();
    counts.sort_unstable_by_key(|count| Reverse(*count));
    let total: u128 = counts.iter().map(|count| u128::from(*count)).sum();
    let mut sum = 0;
    for count in counts {
        sum += u128::from(count);
        if sum * 100 >= total * HOT_PERCENT {
            return count;
        }
    }
    // Nothing ran.
    u64::MAX
}

#[cfg(test)]
mod tests {
    use super::hot_min;

    #[test]
    fn hot_is_where_nearly_all_runs() {
        assert_eq!(hot_min([1, 0, 990, 9].into_iter()), 990);
        assert_eq!(hot_min([10, 10, 10].into_iter()), 10);
        assert_eq!(hot_min([u64::MAX, u64::MAX].into_iter()), u64::MAX);
        assert_eq!(hot_min([0, 0].into_iter()), u64::MAX);
    }
}

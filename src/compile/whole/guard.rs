//! Calls through tables that ask for their likely callees first, as earlier runs counted them.

use std::collections::{HashMap, HashSet};

use super::summary::{CallSite, Summary};
use crate::compile::module::Module;
use crate::compile::profile::{RunCounts, Target};

/// Most callees that one call asks for.
const GUARDS_MAX: usize = 3;
/// A callee is asked for that has at least one part of so many of the calls.
const SHARE: u64 = 5;
/// What is left is nearly nothing when it is less than one part of so many.
const REST: u64 = 20;

/// A likely callee of a call through a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::compile) struct Guard {
    /// The callee.
    pub(in crate::compile) function: u32,
    /// Its index, where that alone tells it; else the reference does.
    pub(in crate::compile) index: Option<u64>,
    /// Whether its body takes the place of the call.
    pub(in crate::compile) is_inlined: bool,
    /// Whether hardly any calls are left for those that come after it.
    pub(in crate::compile) is_nearly_all: bool,
}

/// Adds calls of likely callees to those that bodies make by index.
pub(super) fn add(module: &Module<'_>, counts: &RunCounts, summary: &mut Summary) {
    for call in &summary.indirect_calls {
        let Some(count) = call.count.filter(|count| counts.is_hot(*count)) else {
            continue;
        };
        let targets = counts.targets(call.offset).iter().take(GUARDS_MAX);
        let likely = targets.take_while(|target| target.count >= count.div_ceil(SHARE));
        for target in likely {
            let expected = &module.types[call.type_index as usize];
            if module.is_imported(target.function)
                || module.function_type(target.function) != expected
            {
                continue;
            }
            summary.calls.push(CallSite {
                offset: call.offset,
                callee: target.function,
                loop_depth: call.loop_depth,
                is_last: false,
                count: Some(target.count),
                guard: Some(*target),
            });
        }
    }
}

/// The guards of every call through a table that has some; `inlined` names offsets and callees.
pub(super) fn guards(
    summaries: &[Summary],
    inlined: &HashSet<(u32, u32)>,
) -> HashMap<u32, Vec<Guard>> {
    let mut guards: HashMap<u32, Vec<Guard>> = HashMap::new();
    for summary in summaries {
        let totals = summary.indirect_calls.iter();
        let totals: HashMap<u32, u64> = totals
            .filter_map(|call| Some((call.offset, call.count?)))
            .collect();
        let mut asked: HashMap<u32, u64> = HashMap::new();
        for call in &summary.calls {
            let Some(Target { index, count, .. }) = call.guard else {
                continue;
            };
            let total = totals.get(&call.offset).copied().unwrap_or(0);
            let asked = asked.entry(call.offset).or_default();
            *asked += count;
            guards.entry(call.offset).or_default().push(Guard {
                function: call.callee,
                index,
                is_inlined: inlined.contains(&(call.offset, call.callee)),
                is_nearly_all: total.saturating_sub(*asked) <= total / REST,
            });
        }
    }
    guards
}

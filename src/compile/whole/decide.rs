//! Which calls become the body that they call, and which functions are still called after that.
//!
//! Decided callees first, so that the size of a callee is that of all that has become part of it. A call within a circle of
//! calls stays a call, but small functions that call themselves take themselves in once. The limits are costs as [`summarise`] counts them, about instructions.
//!
//! Where earlier runs were counted, calls that ran often take larger bodies, those that never ran hardly any, and calls through
//! tables count as calls of their likely callees (`guard`).

use std::collections::{HashMap, HashSet};

use rayon::prelude::*;

use super::guard::{self, Guard};
use super::multiply::Multiplication;
use super::order;
use super::summary::{CallSite, Summary, summarise};
use crate::compile::module::Module;
use crate::compile::profile::RunCounts;

/// A body that is hardly more than its call.
const COST_TINY: u32 = 12;
/// The largest body that is taken where it is called from a loop.
const COST_IN_LOOP: u32 = 70;
/// The largest body that is taken elsewhere.
const COST_ELSEWHERE: u32 = 30;
/// The largest body that is taken where nobody else calls it, for then it moves.
const COST_SOLE: u32 = 300;
/// The largest body that is taken by a call that runs often.
const COST_HOT: u32 = 250;
/// The largest body that is taken by a call that never ran, where nobody else calls it.
const COST_SOLE_COLD: u32 = 30;
/// What a function may always grow by.
const GROWTH_FREE: u32 = 120;
/// What a function that calls itself may grow by when it takes itself in.
const GROWTH_RECURSION: u32 = 100;
/// What a function grows to at most, tiny bodies aside: the code generator's time grows faster than a function.
const COST_MAX: u32 = 12_000;
/// Bodies from this size on are left as they are.
const COST_HUGE: u32 = 40_000;
/// What the module may grow by: one part of this many.
const MODULE_GROWTH_DIVISOR: u64 = 6;

/// Decisions about a whole module.
#[derive(Debug, Default)]
pub(in crate::compile) struct Inlining {
    /// Offsets of the `call` operators that become the body.
    sites: HashSet<u32>,
    /// Offsets of `call` operators in small functions that call themselves: these become the body once, in which they are
    /// calls.
    unrolled: HashSet<u32>,
    /// Calls through tables that ask for their likely callees first.
    guards: HashMap<u32, Vec<Guard>>,
    /// Whether code of its own is needed, by function.
    needed: Vec<bool>,
    /// Functions that multiply to 128 bits.
    multiplications: HashMap<u32, Multiplication>,
}

impl Inlining {
    /// Decides for `module`, with a look at what earlier runs counted.
    pub(in crate::compile) fn decide(module: &Module<'_>, counts: Option<&RunCounts>) -> Self {
        let imported = module.functions_imported as usize;
        let mut summaries: Vec<Summary> = vec![Summary::default(); imported];
        let bodies: Vec<Summary> = module
            .bodies
            .par_iter()
            .enumerate()
            .with_min_len(32)
            .map(|(at, body)| {
                let ty = module.function_type((imported + at) as u32);
                let mut summary = summarise(ty, body, counts);
                if let Some(counts) = counts {
                    guard::add(module, counts, &mut summary);
                }
                summary
            })
            .collect();
        summaries.extend(bodies);
        let own: u64 = summaries.iter().map(|s| u64::from(s.cost)).sum();
        let allowed = own / MODULE_GROWTH_DIVISOR;
        // A module that would grow too much takes smaller bodies only.
        let mut choice = Choice::new(module, &summaries, counts, 1);
        for divisor in [2, 4, 8] {
            if choice.growth <= allowed {
                break;
            }
            choice = Choice::new(module, &summaries, counts, divisor);
        }
        let needed = needed(module, &summaries, &choice.sites);
        let multiplications = summaries.iter().zip(0..).filter_map(|(summary, index)| {
            let multiplication = summary.multiplication?;
            Some((index, multiplication))
        });
        Self {
            guards: guard::guards(&summaries, &choice.guarded),
            sites: choice.sites,
            unrolled: choice.unrolled,
            needed,
            multiplications: multiplications.collect(),
        }
    }

    /// Whether the `call` at this offset in the module becomes the body.
    pub(in crate::compile) fn is_inlined(&self, offset: u32) -> bool {
        self.sites.contains(&offset)
    }

    /// Whether the `call` at this offset, of the function that it stands in, becomes the body where it is not in one already.
    pub(in crate::compile) fn is_unrolled(&self, offset: u32) -> bool {
        self.unrolled.contains(&offset)
    }

    /// The likely callees of the call through a table at this offset, the likeliest first.
    pub(in crate::compile) fn guards(&self, offset: u32) -> &[Guard] {
        self.guards.get(&offset).map_or(&[], Vec::as_slice)
    }

    /// What function `index` is, if it multiplies to 128 bits.
    pub(in crate::compile) fn multiplication(&self, index: u32) -> Option<&Multiplication> {
        self.multiplications.get(&index)
    }

    /// Whether function `index` needs code of its own.
    pub(in crate::compile) fn is_needed(&self, index: u32) -> bool {
        self.needed[index as usize]
    }
}

/// One round of decisions.
struct Choice<'a> {
    module: &'a Module<'a>,
    summaries: &'a [Summary],
    /// What earlier runs counted.
    counts: Option<&'a RunCounts>,
    /// What the limits are divided by.
    divisor: u32,
    /// Calls of each function, in the whole module.
    callers: Vec<u32>,
    /// Cost with everything that is taken in.
    total: Vec<u32>,
    /// The group of each function, in the order of deciding.
    group: Vec<u32>,
    sites: HashSet<u32>,
    /// Likely callees of calls through tables that become their bodies, behind the calls' offsets.
    guarded: HashSet<(u32, u32)>,
    unrolled: HashSet<u32>,
    growth: u64,
}

impl<'a> Choice<'a> {
    fn new(
        module: &'a Module<'a>,
        summaries: &'a [Summary],
        counts: Option<&'a RunCounts>,
        divisor: u32,
    ) -> Self {
        let mut callers = vec![0; summaries.len()];
        let mut calls = Vec::with_capacity(summaries.len());
        for summary in summaries {
            let callees: Vec<u32> = summary.calls.iter().map(|call| call.callee).collect();
            for callee in &callees {
                callers[*callee as usize] += 1;
            }
            calls.push(callees);
        }
        let groups = order::bottom_up(&calls);
        let mut choice = Self {
            module,
            summaries,
            counts,
            divisor,
            callers,
            total: summaries.iter().map(|summary| summary.cost).collect(),
            group: vec![0; summaries.len()],
            sites: HashSet::new(),
            guarded: HashSet::new(),
            unrolled: HashSet::new(),
            growth: 0,
        };
        for (number, group) in groups.iter().enumerate() {
            for function in group {
                choice.group[*function as usize] = number as u32;
            }
        }
        for function in groups.iter().flatten() {
            choice.function(*function);
            choice.recursion(*function);
        }
        choice
    }

    /// Decides about the calls of one function: those that ran most often first, then those in loops, of them those of the
    /// smallest bodies.
    fn function(&mut self, function: u32) {
        let summary = &self.summaries[function as usize];
        if summary.cost > COST_HUGE {
            return;
        }
        let mut calls: Vec<CallSite> = summary
            .calls
            .iter()
            .filter(|call| self.is_possible(function, call))
            .copied()
            .collect();
        calls.sort_by_key(|call| {
            let cost = self.total[call.callee as usize];
            let depth = std::cmp::Reverse(call.loop_depth);
            (std::cmp::Reverse(call.count), depth, cost, call.offset)
        });
        let mut free = GROWTH_FREE.max(summary.cost / 2);
        for call in calls {
            let cost = self.total[call.callee as usize];
            let is_sole = self.is_sole(call.callee);
            let total = self.total[function as usize];
            let is_hot = self.is_hot(&call);
            let is_tiny = cost <= COST_TINY / self.divisor;
            let has_room = is_sole || is_hot || cost <= free;
            let has_room = has_room && total + cost <= COST_MAX;
            if is_tiny || (cost <= self.limit(&call) && has_room) {
                self.take(function, &call);
                if !is_sole && !is_hot {
                    free = free.saturating_sub(cost);
                    self.growth += u64::from(cost.saturating_sub(COST_TINY / 2));
                }
            }
        }
    }

    /// The largest body that a call takes, tiny ones aside.
    fn limit(&self, call: &CallSite) -> u32 {
        let is_sole = self.is_sole(call.callee);
        match call.count {
            Some(0) if is_sole => COST_SOLE_COLD,
            Some(0) => 0,
            _ if is_sole => COST_SOLE,
            Some(_) if self.is_hot(call) => COST_HOT,
            _ if call.loop_depth > 0 => COST_IN_LOOP / self.divisor,
            _ => COST_ELSEWHERE / self.divisor,
        }
    }

    /// Whether the call is one of those that run most.
    fn is_hot(&self, call: &CallSite) -> bool {
        match (self.counts, call.count) {
            (Some(counts), Some(count)) => counts.is_hot(count),
            _ => false,
        }
    }

    /// Makes a call its callee's body.
    fn take(&mut self, function: u32, call: &CallSite) {
        match call.guard {
            Some(_) => self.guarded.insert((call.offset, call.callee)),
            None => self.sites.insert(call.offset),
        };
        self.total[function as usize] += self.total[call.callee as usize];
    }

    /// Unrolls a small function that calls itself.
    fn recursion(&mut self, function: u32) {
        let summary = &self.summaries[function as usize];
        let calls = summary
            .calls
            .iter()
            .filter(|call| call.callee == function && call.guard.is_none());
        let sites: Vec<u32> = calls.map(|call| call.offset).collect();
        let growth = summary.cost.saturating_mul(sites.len() as u32);
        if !summary.is_fixed && summary.returns && growth <= GROWTH_RECURSION / self.divisor {
            self.unrolled.extend(sites);
            self.growth += u64::from(growth);
        }
    }

    fn is_possible(&self, function: u32, call: &CallSite) -> bool {
        let callee = &self.summaries[call.callee as usize];
        !self.module.is_imported(call.callee)
            && self.group[function as usize] != self.group[call.callee as usize]
            && !callee.is_fixed
            && callee.returns
            && !call.is_last
    }

    /// Whether the function goes away when its one call becomes its body.
    fn is_sole(&self, callee: u32) -> bool {
        self.callers[callee as usize] == 1
            && !self.module.functions[callee as usize].is_referenced
            && self.module.start != Some(callee)
    }
}

/// Which functions can still be called from outside, by reference or by a call that stays.
fn needed(module: &Module<'_>, summaries: &[Summary], sites: &HashSet<u32>) -> Vec<bool> {
    let mut needed: Vec<bool> = module.functions.iter().map(|f| f.is_referenced).collect();
    if let Some(start) = module.start {
        needed[start as usize] = true;
    }
    // Whether the body's calls have been looked at: it is needed, or part of one that is.
    let mut is_seen = needed.clone();
    let mut waiting: Vec<usize> = (0..needed.len()).filter(|index| needed[*index]).collect();
    while let Some(index) = waiting.pop() {
        for call in &summaries[index].calls {
            let callee = call.callee as usize;
            needed[callee] |= call.guard.is_some() || !sites.contains(&call.offset);
            if !std::mem::replace(&mut is_seen[callee], true) {
                waiting.push(callee);
            }
        }
    }
    needed
}

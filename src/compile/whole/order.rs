//! Functions in an order in which callees come before their callers.

/// Groups of functions that call each other in a circle, those called before those that call.
///
/// `calls` names each function's callees; the order depends on nothing else.
pub(super) fn bottom_up(calls: &[Vec<u32>]) -> Vec<Vec<u32>> {
    let mut search = Search {
        calls,
        number: vec![0; calls.len()],
        low: vec![0; calls.len()],
        next_number: 1,
        waiting: Vec::new(),
        is_waiting: vec![false; calls.len()],
        groups: Vec::new(),
    };
    for function in 0..calls.len() as u32 {
        if search.number[function as usize] == 0 {
            search.from(function);
        }
    }
    search.groups
}

/// Tarjan's search for strongly connected components, with a stack of its own: modules may nest calls as deep as they like.
struct Search<'a> {
    calls: &'a [Vec<u32>],
    /// Order of discovery from 1; 0 where not discovered.
    number: Vec<u32>,
    /// The least number that is known to be reached from the function within its group.
    low: Vec<u32>,
    next_number: u32,
    waiting: Vec<u32>,
    is_waiting: Vec<bool>,
    groups: Vec<Vec<u32>>,
}

impl Search<'_> {
    fn from(&mut self, root: u32) {
        let mut path = vec![(root, 0)];
        self.discover(root);
        while let Some((function, next)) = path.last_mut() {
            let at = *function as usize;
            let Some(callee) = self.calls[at].get(*next).copied() else {
                let done = *function;
                path.pop();
                self.finish(done);
                if let Some((caller, _)) = path.last() {
                    let low = self.low[done as usize];
                    let caller = &mut self.low[*caller as usize];
                    *caller = (*caller).min(low);
                }
                continue;
            };
            *next += 1;
            if self.number[callee as usize] == 0 {
                self.discover(callee);
                path.push((callee, 0));
            } else if self.is_waiting[callee as usize] {
                self.low[at] = self.low[at].min(self.number[callee as usize]);
            }
        }
    }

    fn discover(&mut self, function: u32) {
        let at = function as usize;
        self.number[at] = self.next_number;
        self.low[at] = self.next_number;
        self.next_number += 1;
        self.waiting.push(function);
        self.is_waiting[at] = true;
    }

    /// Takes the group of `function` off, if it was the first of it to be discovered. A low number of a group that is
    /// done says nothing to the caller, but is never less than the caller's.
    fn finish(&mut self, function: u32) {
        if self.low[function as usize] != self.number[function as usize] {
            return;
        }
        let first = self.waiting.iter().rposition(|f| *f == function);
        let group = self.waiting.split_off(first.expect("the function waits"));
        for member in &group {
            self.is_waiting[*member as usize] = false;
        }
        self.groups.push(group);
    }
}

#[cfg(test)]
mod tests {
    use super::bottom_up;

    #[test]
    fn callees_come_first() {
        let calls = [vec![1, 2], vec![3], vec![3, 1], vec![]];
        assert_eq!(bottom_up(&calls), [vec![3], vec![1], vec![2], vec![0]]);
    }

    #[test]
    fn circles_are_one_group() {
        let calls = [vec![1], vec![2, 3], vec![1], vec![3], vec![0, 2]];
        assert_eq!(bottom_up(&calls), [vec![3], vec![1, 2], vec![0], vec![4]]);
    }

    #[test]
    fn a_long_chain_needs_no_stack() {
        let calls: Vec<Vec<u32>> = (1..=100_000)
            .map(|next| if next < 100_000 { vec![next] } else { vec![] })
            .collect();
        let groups = bottom_up(&calls);
        assert_eq!(groups.len(), 100_000);
        assert_eq!(groups[0], [99_999]);
    }
}

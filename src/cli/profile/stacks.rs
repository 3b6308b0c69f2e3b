//! What the samples of a run add up to.

use std::collections::{BTreeMap, HashMap, HashSet};

use mewz_abi::observe::{SAMPLE_TIME_NS, next_sample};

use super::frames::{Frame, Resolver};

/// What a stack is called whose functions nobody knows.
const UNKNOWN: &str = "unknown";

/// The samples of a run.
pub(super) struct Recording<'a> {
    words: &'a [[u8; 4]],
    keeps_idle: bool,
    len: u64,
    slept: u64,
}

impl<'a> Recording<'a> {
    /// Takes the stream of samples. `keeps_idle`: those of a machine that slept too.
    pub(super) fn new(bytes: &'a [u8], keeps_idle: bool) -> Self {
        let (words, _) = bytes.as_chunks();
        let mut recording = Self {
            words,
            keeps_idle: true,
            len: 0,
            slept: 0,
        };
        for (_, addresses) in recording.samples() {
            recording.len += 1;
            recording.slept += u64::from(addresses.is_empty());
        }
        recording.keeps_idle = keeps_idle;
        recording
    }

    /// Nothing was sampled.
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many there are, those of a machine that slept among them.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// How many are of a machine that slept.
    pub(super) fn slept(&self) -> u64 {
        self.slept
    }

    /// How many are shown.
    pub(super) fn busy(&self) -> u64 {
        if self.keeps_idle {
            self.len
        } else {
            self.len - self.slept
        }
    }

    /// The samples in order: nanoseconds since the machine's start, and addresses, innermost first, none where it slept.
    pub(super) fn samples(&self) -> impl Iterator<Item = (u64, Vec<u64>)> + use<'a> {
        let mut words = self.words;
        let keeps_idle = self.keeps_idle;
        let all = std::iter::from_fn(move || {
            let sample = next_sample(&mut words)?;
            let time_ns = u64::from(sample.time) * SAMPLE_TIME_NS;
            Some((time_ns, sample.addresses.collect::<Vec<u64>>()))
        });
        all.filter(move |(_, addresses)| keeps_idle || !addresses.is_empty())
    }
}

/// The functions of a sample, outermost first; never none.
pub(super) fn named(addresses: Vec<u64>, resolver: &mut Resolver<'_>) -> Vec<Frame> {
    use super::frames::World;
    let is_asleep = addresses.is_empty();
    let frames = resolver.stack(addresses.into_iter());
    if !frames.is_empty() {
        return frames;
    }
    let name = if is_asleep { "sleeps" } else { UNKNOWN };
    vec![Frame {
        name: name.into(),
        world: World::Kernel,
    }]
}

/// How often each stack was found.
pub(super) struct Stacks(BTreeMap<Vec<Frame>, u64>);

impl Stacks {
    pub(super) fn new(recording: &Recording<'_>, resolver: &mut Resolver<'_>) -> Self {
        let mut stacks = BTreeMap::new();
        for (_, addresses) in recording.samples() {
            *stacks.entry(named(addresses, resolver)).or_default() += 1;
        }
        Self(stacks)
    }

    /// Stacks, outermost function first, and how often each was found; those that begin alike follow each other.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[Frame], u64)> {
        self.0.iter().map(|(stack, count)| (&stack[..], *count))
    }

    /// A line for each stack: names with `;` between, and the count.
    pub(super) fn folded(&self) -> String {
        let lines = self.iter().map(|(stack, count)| {
            let names: Vec<String> = stack
                .iter()
                .map(|frame| frame.name.replace([';', '\n'], ":"))
                .collect();
            format!("{} {count}\n", names.join(";"))
        });
        lines.collect()
    }

    /// Functions, how often each was the innermost, and how often it was under way; the most frequent first.
    pub(super) fn functions(&self) -> Vec<(String, u64, u64)> {
        let mut counts: HashMap<&str, (u64, u64)> = HashMap::new();
        for (stack, count) in self.iter() {
            if let Some(innermost) = stack.last() {
                counts.entry(&innermost.name).or_default().0 += count;
            }
            // A function that calls itself is under way once.
            let names: HashSet<&str> = stack.iter().map(|frame| &*frame.name).collect();
            for name in names {
                counts.entry(name).or_default().1 += count;
            }
        }
        let mut functions: Vec<_> = counts
            .into_iter()
            .map(|(name, (own, total))| (name.to_owned(), own, total))
            .collect();
        functions.sort_by(|a, b| (b.1, b.2, &a.0).cmp(&(a.1, a.2, &b.0)));
        functions
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::frames::{Frame, Resolver, World};
    use super::{Recording, Stacks};

    pub(in super::super) fn stacks(of: &[(&[&str], u64)]) -> Stacks {
        let frame = |name: &&str| Frame {
            name: (*name).into(),
            world: World::Application,
        };
        let stacks = of
            .iter()
            .map(|(names, count)| (names.iter().map(frame).collect(), *count));
        Stacks(stacks.collect())
    }

    #[test]
    fn functions_are_counted_once_a_stack() {
        let stacks = stacks(&[
            (&["main", "f", "f"], 3),
            (&["main"], 2),
            (&["main", "g"], 3),
        ]);
        assert_eq!(
            stacks.functions(),
            [
                ("f".to_owned(), 3, 3),
                ("g".to_owned(), 3, 3),
                ("main".to_owned(), 2, 8)
            ]
        );
        assert_eq!(stacks.folded(), "main 2\nmain;f;f 3\nmain;g 3\n");
    }

    #[test]
    fn what_sleeps_is_left_out_unless_it_is_wanted() {
        let words = [0, 1, 1, 2, 0x8000_0000, 0, 3, 9].map(u32::to_le_bytes);
        let bytes = words.as_flattened();
        let recording = Recording::new(bytes, false);
        assert_eq!(
            (recording.len(), recording.slept(), recording.busy()),
            (3, 2, 1)
        );
        let mut resolver = Resolver::new(&[], &[]);
        assert_eq!(
            Stacks::new(&recording, &mut resolver).folded(),
            "unknown 1\n"
        );
        let recording = Recording::new(bytes, true);
        let folded = Stacks::new(&recording, &mut resolver).folded();
        assert_eq!(folded, "sleeps 2\nunknown 1\n");
    }
}

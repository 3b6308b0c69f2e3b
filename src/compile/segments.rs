//! Data segments as they are laid down at instantiation: few runs of bytes instead of many segments.

use std::collections::BTreeMap;

/// Zeros between two runs that are copied along rather than told apart: less than what a run costs.
const GAP_BYTES_MAX: u64 = 64;

/// Bytes and where in linear memory they go, ascending and apart from each other.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Runs {
    /// Offset in memory and length of each run.
    pub(super) rows: Vec<(u64, u64)>,
    /// The bytes of all runs, one behind the other.
    pub(super) bytes: Vec<u8>,
}

/// Flattens `segments` (offset and bytes, a later one lies over earlier ones). With `is_zeroed`, memory between two
/// segments is known to hold zeros.
pub(super) fn flatten(segments: &[(u64, &[u8])], is_zeroed: bool) -> Runs {
    let pieces = uncovered(segments);
    let mut runs = Runs::default();
    for (start, bytes) in pieces {
        match runs.rows.last_mut() {
            Some((last, len)) if start - (*last + *len) <= gap_max(is_zeroed) => {
                let gap = start - (*last + *len);
                runs.bytes.resize(runs.bytes.len() + gap as usize, 0);
                *len += gap + bytes.len() as u64;
            }
            _ => runs.rows.push((start, bytes.len() as u64)),
        }
        runs.bytes.extend_from_slice(bytes);
    }
    runs
}

fn gap_max(is_zeroed: bool) -> u64 {
    if is_zeroed { GAP_BYTES_MAX } else { 0 }
}

/// What of each segment stays visible, by offset. Segments mostly come in order and apart; then this is one pass.
fn uncovered<'a>(segments: &[(u64, &'a [u8])]) -> BTreeMap<u64, &'a [u8]> {
    let mut pieces: BTreeMap<u64, &[u8]> = BTreeMap::new();
    for (start, bytes) in segments.iter().rev() {
        let (mut start, mut bytes) = (*start, *bytes);
        if let Some((at, before)) = pieces.range(..=start).next_back() {
            let covered = (at + before.len() as u64).saturating_sub(start);
            let skip = covered.min(bytes.len() as u64);
            start += skip;
            bytes = &bytes[skip as usize..];
        }
        while !bytes.is_empty() {
            let next = pieces
                .range(start..)
                .next()
                .map(|(at, piece)| (*at, piece.len() as u64));
            let Some((at, len)) = next.filter(|(at, _)| *at < start + bytes.len() as u64) else {
                pieces.insert(start, bytes);
                break;
            };
            let visible = (at - start) as usize;
            if visible > 0 {
                pieces.insert(start, &bytes[..visible]);
            }
            let skip = ((at - start) + len).min(bytes.len() as u64);
            start += skip;
            bytes = &bytes[skip as usize..];
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lays segments and runs down in a memory each and compares.
    fn check(segments: &[(u64, &[u8])], is_zeroed: bool, rows: usize) {
        let mut expected = vec![0_u8; 1024];
        for (start, bytes) in segments {
            expected[*start as usize..][..bytes.len()].copy_from_slice(bytes);
        }
        let runs = flatten(segments, is_zeroed);
        let mut actual = vec![0_u8; 1024];
        let mut bytes = runs.bytes.as_slice();
        for (start, len) in &runs.rows {
            let (run, rest) = bytes.split_at(*len as usize);
            actual[*start as usize..][..run.len()].copy_from_slice(run);
            bytes = rest;
        }
        assert_eq!(actual, expected);
        assert_eq!(runs.rows.len(), rows);
        assert!(bytes.is_empty());
    }

    #[test]
    fn neighbours_become_one_run() {
        check(&[(0, b"ab"), (2, b"cd")], false, 1);
    }

    #[test]
    fn small_gaps_are_filled_where_memory_is_zero() {
        check(&[(0, b"ab"), (10, b"cd")], true, 1);
        check(&[(0, b"ab"), (10, b"cd")], false, 2);
        check(&[(0, b"ab"), (500, b"cd")], true, 2);
    }

    #[test]
    fn later_segments_lie_over_earlier_ones() {
        check(&[(0, b"aaaaaaaa"), (2, b"bb")], false, 1);
        check(&[(2, b"bb"), (0, b"aaaaaaaa")], false, 1);
        check(&[(4, b"aaaa"), (2, b"bbbb"), (6, b"cccc")], false, 1);
        check(
            &[(4, b"a"), (8, b"b"), (12, b"c"), (0, b"dddddddddddddddd")],
            false,
            1,
        );
        check(
            &[(0, b"dddddddddddddddd"), (4, b"a"), (8, b"b"), (15, b"cc")],
            false,
            1,
        );
    }

    #[test]
    fn empty_segments_leave_nothing() {
        check(&[(3, b""), (5, b"")], true, 0);
    }
}

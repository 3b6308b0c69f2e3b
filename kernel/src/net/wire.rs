//! Cards in memory, and a wire between two of them.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::rc::Rc;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::RefCell;

use super::{Card, FRAME_BYTES_MAX};

/// Most frames that a card holds before it takes no more.
pub(super) const CARD_FRAMES_MAX: usize = 64;

/// Frames on their way.
pub(super) type Frames = Rc<RefCell<VecDeque<Vec<u8>>>>;

/// A card in memory.
pub(super) struct MemoryCard {
    pub(super) address: [u8; 6],
    pub(super) incoming: Frames,
    pub(super) outgoing: Frames,
    pub(super) segment_bytes_max: usize,
}

impl Card for MemoryCard {
    fn address(&self) -> [u8; 6] {
        self.address
    }

    fn receive(&mut self, frame: &mut [u8]) -> Option<usize> {
        let came = self.incoming.borrow_mut().pop_front()?;
        let len = came.len().min(frame.len());
        frame[..len].copy_from_slice(&came[..len]);
        Some(len)
    }

    fn has_received(&self) -> bool {
        !self.incoming.borrow().is_empty()
    }

    fn can_transmit(&mut self) -> bool {
        self.outgoing.borrow().len() < CARD_FRAMES_MAX
    }

    fn segment_bytes_max(&self) -> usize {
        self.segment_bytes_max
    }

    fn transmit(&mut self, bytes: usize, fill: &mut dyn FnMut(&mut [u8])) {
        let mut frame = vec![0; bytes];
        fill(&mut frame);
        self.outgoing.borrow_mut().push_back(frame);
    }

    fn flush(&mut self) {}
}

/// Two cards on a wire that does nothing to frames.
pub(crate) fn cards() -> [Box<dyn Card>; 2] {
    let [one, other] = [(); 2].map(|()| Frames::default());
    [(1, &one, &other), (2, &other, &one)].map(|(number, incoming, outgoing)| {
        Box::new(MemoryCard {
            address: [2, 0, 0, 0, 0, number],
            incoming: Rc::clone(incoming),
            outgoing: Rc::clone(outgoing),
            segment_bytes_max: FRAME_BYTES_MAX,
        }) as Box<dyn Card>
    })
}

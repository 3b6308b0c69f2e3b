//! What the line between a machine and a debugger knows of the session that is led over it.

use super::packets::{Part, Splitter};

/// What a debugger sends that waits for a packet, or got a broken one.
const RESEND: u8 = b'-';

/// What a debugger is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Attention {
    /// There is none, or it has not said a word yet.
    #[default]
    Nobody,
    /// It lets the program run, and waits for its next stop.
    Running,
    /// It holds the program still.
    Still,
}

/// What is known of a debugger's session.
#[derive(Default)]
pub(super) struct Session {
    pub(super) from_debugger: Splitter,
    pub(super) from_machine: Splitter,
    /// The packet by which it began; `None` before, and when the debugger has let the program go for good.
    pub(super) greeting: Option<Vec<u8>>,
    /// The debugger has let the program go for good, and waits for the answer: until then it is there, or its machine might be
    /// ended before it has answered.
    pub(super) is_leaving: bool,
    /// Packets are not acknowledged any more.
    pub(super) is_quiet: bool,
    /// The program runs, and the debugger waits for its next stop.
    pub(super) is_awaited: bool,
    /// The debugger's last packet, while there is no answer to it and packets are acknowledged.
    open: Option<Vec<u8>>,
    /// How the program ended, which the debugger does not know.
    pub(super) end: Option<Vec<u8>>,
}

impl Session {
    /// Whether the debugger asks once more for what the machine has not answered yet. gdb does so every two seconds at first,
    /// which a machine that has only just begun may need; bytes don't get lost here, so the machine would answer twice, and
    /// gdb would take the second answer for that to its next question.
    pub(super) fn repeats_itself(&mut self, part: &Part) -> bool {
        match part {
            Part::Other(bytes) => self.open.is_some() && bytes.iter().all(|byte| *byte == RESEND),
            Part::Packet { raw, .. } if self.open.as_ref() == Some(raw) => true,
            Part::Packet { raw, .. } => {
                self.open = (!self.is_quiet).then(|| raw.clone());
                false
            }
        }
    }

    /// Whether the machine answers what was asked before this debugger came: a session begins with the answer to its greeting.
    pub(super) fn is_of_another(&self, part: &Part) -> bool {
        let greets = |raw: &Vec<u8>| raw.starts_with(b"$qSupported");
        let is_greeting = |body: &[u8]| body.starts_with(b"PacketSize=");
        matches!(part, Part::Packet { body, .. } if !is_greeting(body))
            && self.open.as_ref().is_some_and(greets)
    }

    /// Notes what a packet of the debugger means for the session; whether it lets the program go on.
    pub(super) fn note_wish(&mut self, body: &[u8], has_machine: bool) -> bool {
        if body.starts_with(b"qSupported") {
            self.greeting = Some(body.to_vec());
        } else if body == b"QStartNoAckMode" {
            self.is_quiet = true;
        } else if body.first() == Some(&b'D') && has_machine {
            self.is_leaving = true;
        } else if matches!(body.first(), Some(b'D' | b'k')) || body.starts_with(b"vKill") {
            self.greeting = None;
        }
        let goes_on =
            matches!(body.first(), Some(b'c' | b's' | b'C' | b'S')) || body.starts_with(b"vCont;");
        self.is_awaited |= goes_on;
        goes_on
    }

    pub(super) fn note_answer(&mut self, part: &Part) {
        let is_answer = match part {
            // It did not understand, and waits for the same packet.
            Part::Other(bytes) => bytes.contains(&RESEND),
            // What a program that runs says is none.
            Part::Packet { body, .. } => !(self.is_awaited && body.first() == Some(&b'O')),
        };
        if is_answer {
            self.open = None;
        }
    }

    /// The debugger has let the program go, and knows that.
    pub(super) fn leave(&mut self) {
        self.is_leaving = false;
        self.greeting = None;
    }

    pub(super) fn attention(&self) -> Attention {
        match (&self.greeting, self.is_awaited) {
            (None, _) => Attention::Nobody,
            (Some(_), true) => Attention::Running,
            (Some(_), false) => Attention::Still,
        }
    }
}

/// Whether it answers a debugger that leaves.
pub(super) fn is_farewell(part: &Part) -> bool {
    matches!(part, Part::Packet { body, .. } if body == b"OK" || body.first() == Some(&b'E'))
}

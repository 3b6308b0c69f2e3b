//! One connection: the client's end here, the machine's end there, and the bytes between.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddrV4, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use super::http::{self, Page};
use super::live::{self, Asked, Live};

/// Bytes that wait in one direction, about, and that are read at once.
const BUFFER_BYTES: usize = 64 << 10;
const READ_BYTES: usize = 16 << 10;

/// When a machine should have answered and has closed the connection, it may be about to end for so long.
const LOST_MAX: Duration = Duration::from_millis(100);

/// When it has gone, the loop knows within this time, on the busiest host.
const NEWS_MAX: Duration = Duration::from_secs(10);

/// A connection of HTTP on which nothing is under way may stay so long.
const IDLE_MAX: Duration = Duration::from_secs(10 * 60);

/// What must happen before a connection can go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// More bytes, or room for them.
    Nothing,
    /// A machine.
    Machine,
    /// To learn what has become of its machine.
    News,
    /// Its end.
    End,
}

/// Bytes on their way in one direction.
#[derive(Default)]
struct Pipe {
    bytes: Vec<u8>,
    /// `bytes[..sent]` have arrived.
    sent: usize,
    /// No more will come.
    has_ended: bool,
    /// The other side knows that.
    is_shut: bool,
}

/// What was read.
enum Came<'a> {
    Bytes(&'a [u8]),
    End,
}

/// What moving bytes came to.
enum Moved {
    Something,
    Nothing,
    Broken,
}

impl Pipe {
    fn waiting(&self) -> &[u8] {
        &self.bytes[self.sent..]
    }

    /// Reads once; `keeps` what was sent already. What came goes through `filter`.
    fn fill(
        &mut self,
        from: &mut TcpStream,
        keeps: bool,
        mut filter: impl FnMut(Came<'_>, &mut Vec<u8>),
    ) -> Moved {
        if self.has_ended || self.bytes.len() - self.sent >= BUFFER_BYTES {
            return Moved::Nothing;
        }
        if !keeps && self.sent > 0 {
            self.bytes.drain(..self.sent);
            self.sent = 0;
        }
        let start = self.bytes.len();
        self.bytes.resize(start + READ_BYTES, 0);
        let read = from.read(&mut self.bytes[start..]);
        self.bytes
            .truncate(start + read.as_ref().map_or(0, |len| *len));
        match read {
            Ok(0) => {
                self.has_ended = true;
                filter(Came::End, &mut self.bytes);
                Moved::Something
            }
            Ok(_) => {
                let came = self.bytes.split_off(start);
                filter(Came::Bytes(&came), &mut self.bytes);
                Moved::Something
            }
            Err(problem) => moved_nothing(&problem),
        }
    }

    /// Writes once; tells the end when everything has arrived.
    fn empty(&mut self, to: &mut TcpStream) -> Moved {
        if self.waiting().is_empty() {
            if self.has_ended && !self.is_shut {
                self.is_shut = true;
                // One that is gone knows anyway.
                let _ = to.shutdown(Shutdown::Write);
                return Moved::Something;
            }
            return Moved::Nothing;
        }
        match to.write(&self.bytes[self.sent..]) {
            Ok(len) => {
                self.sent += len;
                Moved::Something
            }
            Err(problem) => moved_nothing(&problem),
        }
    }

    fn is_done(&self) -> bool {
        self.has_ended && self.is_shut
    }
}

fn moved_nothing(problem: &io::Error) -> Moved {
    match problem.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Moved::Nothing,
        _ => Moved::Broken,
    }
}

/// The machine's end.
struct Machine {
    stream: TcpStream,
    address: SocketAddrV4,
    /// The machines it belongs to.
    crew: u64,
}

impl Machine {
    /// Whether nobody listens there any more: a machine listens until QEMU has ended.
    fn is_gone(&self) -> bool {
        TcpListener::bind(self.address).is_ok()
    }
}

/// A connection.
pub(super) struct Connection {
    client: TcpStream,
    machine: Option<Machine>,
    /// By its place among the ports.
    pub(super) port: usize,
    /// Towards the machine. What was sent of a request stays until an answer comes: it may have to be sent again.
    up: Pipe,
    /// Towards the client.
    down: Pipe,
    /// The client has said something.
    has_spoken: bool,
    /// That was a request of HTTP.
    is_http: bool,
    /// The machine has answered what the client said last.
    is_answered: bool,
    /// When the machine was lost that should have answered.
    lost_at: Option<Instant>,
    /// A page was the answer: what the client still says plays no part.
    is_dismissed: bool,
    /// What is under way.
    live: Live,
    /// It carries such news.
    has_news: bool,
    /// When bytes moved last.
    moved_at: Instant,
}

impl Connection {
    pub(super) fn new(client: TcpStream, port: usize, reloads_pages: bool) -> Self {
        Self {
            client,
            machine: None,
            port,
            up: Pipe::default(),
            down: Pipe::default(),
            has_spoken: false,
            is_http: false,
            is_answered: false,
            lost_at: None,
            is_dismissed: false,
            live: Live::new(reloads_pages),
            has_news: false,
            moved_at: Instant::now(),
        }
    }

    /// The machines that it leads to.
    pub(super) fn crew(&self) -> Option<u64> {
        self.machine.as_ref().map(|machine| machine.crew)
    }

    /// Whether it has waited for a machine, or for the end of one side, for longer than `limit`.
    pub(super) fn has_waited(&self, limit: Duration) -> bool {
        let is_half = self.machine.is_none() || self.up.has_ended || self.down.has_ended;
        let limit = match self.is_between() {
            true => limit.max(IDLE_MAX),
            false => limit,
        };
        is_half && !self.has_news && self.moved_at.elapsed() > limit
    }

    /// Leads it to a machine.
    pub(super) fn attach(&mut self, stream: TcpStream, address: SocketAddrV4, crew: u64) {
        self.machine = Some(Machine {
            stream,
            address,
            crew,
        });
        self.moved_at = Instant::now();
    }

    /// Answers a request with `page`; `false` where the client has not said enough, or does not speak HTTP.
    pub(super) fn answer(&mut self, page: &Page) -> bool {
        if !self.is_http || !http::is_whole(self.up.waiting()) {
            return false;
        }
        self.down.bytes = page.response(self.up.waiting());
        self.down.has_ended = true;
        self.is_dismissed = true;
        true
    }

    /// Tells the page at the other end, if it listens, that the machines `crew` serve.
    pub(super) fn tell_page(&mut self, crew: u64) {
        if self.has_news {
            self.down.bytes.extend(live::news(crew).bytes());
        }
    }

    /// Answers what is asked of the front itself.
    fn answer_here(&mut self, asked: Asked, current: Option<u64>) {
        self.machine = None;
        self.is_dismissed = true;
        self.down.bytes.extend(live::answer(asked));
        self.has_news = asked == Asked::News;
        self.down.has_ended = !self.has_news;
        if let Some(crew) = current {
            self.tell_page(crew);
        }
    }

    /// Its machines end; whether it goes on without them.
    pub(super) fn outlives_machine(&mut self, current: Option<u64>) -> bool {
        if self.needs_no_machine() {
            self.machine = None;
            return true;
        }
        let may_go_on = self.crew() != current && self.may_ask_again();
        if may_go_on {
            self.ask_again();
        }
        may_go_on
    }

    /// Whether every request was answered, and the next one may go to another machine.
    fn is_between(&self) -> bool {
        let is_request = self.is_http && !self.is_dismissed && self.up.waiting().is_empty();
        is_request && self.live.is_between()
    }

    /// Whether any other machine can have what comes next: neither side has said anything, or all was answered.
    fn needs_no_machine(&self) -> bool {
        let is_open = !self.up.has_ended && !self.down.has_ended;
        let is_fresh = !self.has_spoken && !self.is_answered;
        is_open && (is_fresh || self.is_between())
    }

    /// Sends the request once more, to whichever machine serves.
    fn ask_again(&mut self) {
        self.machine = None;
        self.lost_at = None;
        self.down.has_ended = false;
        self.up.sent = 0;
        self.up.is_shut = false;
        self.live.ask_again();
    }

    /// Moves bytes until nothing moves any more. `current` are the machines that serve.
    pub(super) fn advance(&mut self, current: Option<u64>) -> Need {
        loop {
            let mut has_moved = false;
            for step in [
                Self::read_client,
                Self::write_machine,
                Self::read_machine,
                Self::write_client,
            ] {
                match step(self, current) {
                    Moved::Something => has_moved = true,
                    Moved::Nothing => {}
                    Moved::Broken => return Need::End,
                }
            }
            if self.down.is_done() {
                if self.up.has_ended {
                    return Need::End;
                }
                if self.is_http {
                    self.machine = None;
                }
            }
            let is_elsewhere = current.is_some() && self.crew() != current;
            if is_elsewhere && self.needs_no_machine() {
                // So old machines end as soon as their last answer has come.
                self.machine = None;
            }
            if self.lost_at.is_some() {
                return Need::News;
            }
            if self.wants_machine() {
                return Need::Machine;
            }
            if !has_moved {
                return Need::Nothing;
            }
            self.moved_at = Instant::now();
        }
    }

    /// Whether it can go on with a machine alone. One that spoke HTTP needs none until it says something.
    fn wants_machine(&self) -> bool {
        let is_idle = self.is_http && self.up.waiting().is_empty();
        self.machine.is_none() && !self.is_dismissed && !self.down.has_ended && !is_idle
    }

    fn read_client(&mut self, current: Option<u64>) -> Moved {
        let begins = self.is_answered || !self.has_spoken;
        // What was sent of a request stays while it may have to be sent again.
        let keeps = self.is_http && !begins && self.up.bytes.len() < BUFFER_BYTES;
        let live = &mut self.live;
        let moved = self.up.fill(&mut self.client, keeps, |came, out| {
            if let Came::Bytes(bytes) = came {
                live.request(bytes, out);
            }
        });
        if let Some(asked) = self.live.take_asked() {
            self.answer_here(asked, current);
        }
        if self.is_dismissed {
            self.up.sent = self.up.bytes.len();
            return match self.has_news && self.up.has_ended {
                true => Moved::Broken,
                false => moved,
            };
        }
        let new = self.up.waiting();
        if begins && matches!(moved, Moved::Something) && !new.is_empty() {
            let is_request = http::is_request(new);
            if !self.has_spoken {
                self.is_http = is_request;
                self.has_spoken = true;
            }
            let is_elsewhere = current.is_some() && self.crew() != current;
            if self.is_http && is_request && is_elsewhere && self.down.waiting().is_empty() {
                // The next request goes to whoever serves now.
                self.machine = None;
            }
            self.is_answered = false;
        }
        if self.up.has_ended && self.machine.is_none() && self.up.waiting().is_empty() {
            return Moved::Broken;
        }
        moved
    }

    fn write_machine(&mut self, _: Option<u64>) -> Moved {
        let Some(machine) = &mut self.machine else {
            return Moved::Nothing;
        };
        match self.up.empty(&mut machine.stream) {
            // Reading tells what became of it.
            Moved::Broken => Moved::Nothing,
            moved => moved,
        }
    }

    fn read_machine(&mut self, current: Option<u64>) -> Moved {
        let Some(machine) = &mut self.machine else {
            return Moved::Nothing;
        };
        let crew = machine.crew;
        let live = &mut self.live;
        let moved = self
            .down
            .fill(&mut machine.stream, false, |came, out| match came {
                Came::Bytes(bytes) => live.response(bytes, crew, out),
                Came::End => live.end_response(out),
            });
        let has_come = !self.down.waiting().is_empty();
        if has_come {
            self.is_answered = true;
        }
        let is_over = matches!(moved, Moved::Broken) || self.down.has_ended && !has_come;
        if !is_over {
            return moved;
        }
        let is_gone = |machine: &Option<Machine>| machine.as_ref().is_some_and(Machine::is_gone);
        let may_stay = self.is_between() && !self.up.has_ended;
        if may_stay && (current != Some(crew) || is_gone(&self.machine)) {
            // The machine has ended, not the server this connection.
            self.machine = None;
            self.down.has_ended = false;
            return Moved::Something;
        }
        if !self.may_ask_again() {
            return moved;
        }
        if current != Some(crew) {
            // Its machine has gone before it could answer: another one will, or a page.
            self.ask_again();
            return Moved::Something;
        }
        let patience = match is_gone(&self.machine) {
            true => NEWS_MAX,
            false => LOST_MAX,
        };
        if self.lost_at.get_or_insert_with(Instant::now).elapsed() > patience {
            self.lost_at = None;
            self.down.has_ended = true;
            return Moved::Something;
        }
        self.down.has_ended = false;
        Moved::Nothing
    }

    fn write_client(&mut self, _: Option<u64>) -> Moved {
        self.down.empty(&mut self.client)
    }

    /// Whether nothing has come of a request that changes nothing, and all of it is still here.
    fn may_ask_again(&self) -> bool {
        self.is_http && !self.is_answered && http::is_repeatable(&self.up.bytes)
    }
}

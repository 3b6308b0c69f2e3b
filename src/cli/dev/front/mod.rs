//! The ports of this host that lead to whichever machine serves now.
//!
//! One thread and one epoll carry all bytes. A connection that is made while a machine takes over from another waits those
//! milliseconds. One that was made before stays with the old machine; where it carries HTTP, its next request goes to the
//! new one. While nothing serves, HTTP gets a page that says why, and other connections wait.

mod connection;
mod datagrams;
mod http;
mod live;
mod message;
mod port;

use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender as OrderSender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};

use self::connection::{Connection, Need};
use self::datagrams::Datagrams;
pub(super) use self::http::Page;
pub(super) use self::port::{FrontPort, open};
use super::event::{Event, Sender};
use crate::qemu::config::Forward;

/// A machine's listening queue is short, and a request for a connection that does not fit is lost: it is made again soon,
/// where the system would wait a second.
const CONNECT_PATIENCE: Duration = Duration::from_millis(3);
const CONNECT_AGAIN: Duration = Duration::from_millis(1);

/// A connection that waits for a machine, or for the end of the other side, ends after this time.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// How often is looked for connections that have waited too long.
const SWEEP: Duration = Duration::from_secs(1);

/// The thread may be busy for some milliseconds before it does what it is told.
const SERVE_PATIENCE: Duration = Duration::from_secs(1);

/// Events that are taken at once.
const EVENTS_MAX: usize = 256;

/// Numbers that are no connection's: the way to wake the thread, the ports, and clients that send datagrams.
const WAKE: u64 = u64::MAX;
const PORTS: u64 = u64::MAX - 1024;
const DATAGRAMS: u64 = 1 << 62;

/// The machines that are to serve.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// Names them together.
    pub(super) crew: u64,
    /// The ports of each.
    pub(super) guests: Vec<Vec<Forward>>,
}

impl Target {
    /// The way to the port `guest` of the machine whose turn it is.
    fn forward(&self, turn: usize, guest: u16, is_udp: bool) -> Option<&Forward> {
        let forwards = self.guests.get(turn % self.guests.len().max(1))?;
        forwards
            .iter()
            .find(|forward| forward.guest == guest && forward.is_udp == is_udp)
    }
}

/// A port of this host, and the program's that it leads to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Published {
    /// The port here.
    pub(crate) host: u16,
    /// The program's.
    pub(crate) guest: u16,
    /// For datagrams.
    pub(crate) is_udp: bool,
}

impl Published {
    /// Where people find it.
    pub(crate) fn url(self) -> String {
        let Self { host, .. } = self;
        match self.is_udp {
            true => format!("udp://{ADDRESS}:{host}"),
            false => format!("http://{ADDRESS}:{host}"),
        }
    }
}

/// What the thread is told.
enum Order {
    Serve(Target, OrderSender<()>),
    Nobody(Option<Page>),
    End(u64),
    Close,
}

/// The ports and their thread; dropping it closes them.
#[derive(Debug)]
pub(super) struct Front {
    orders: OrderSender<Order>,
    wake: Arc<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

impl Front {
    /// Begins to accept connections and datagrams at `ports`. Where `reloads_pages`, pages are told of new programs.
    ///
    /// # Errors
    ///
    /// The operating system refuses.
    pub(super) fn start(
        ports: Vec<FrontPort>,
        reloads_pages: bool,
        events: Sender,
    ) -> io::Result<Self> {
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let wake = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        epoll::add(&poll, &*wake, EventData::new_u64(WAKE), EventFlags::IN)?;
        for (port, number) in ports.iter().zip(PORTS..) {
            port.set_nonblocking()?;
            let data = EventData::new_u64(number);
            epoll::add(&poll, port, data, EventFlags::IN)?;
        }
        let (orders, told) = channel();
        let mut thread = Thread {
            poll,
            wake: Arc::clone(&wake),
            told,
            ports,
            events,
            connections: HashMap::new(),
            datagrams: Datagrams::default(),
            reloads_pages,
            next_id: 0,
            target: None,
            page: None,
            turn: 0,
            waiting: VecDeque::new(),
            draining: HashSet::new(),
        };
        let thread = Some(std::thread::spawn(move || thread.run()));
        Ok(Self {
            orders,
            wake,
            thread,
        })
    }

    /// Lets connections go to `target`: when this returns, every new one does. When the last one to other machines has
    /// ended, that is told.
    pub(super) fn serve(&self, target: Target) {
        let (done, is_done) = channel();
        self.tell(Order::Serve(target, done));
        let _ = is_done.recv_timeout(SERVE_PATIENCE);
    }

    /// Nothing serves: HTTP gets `page`; without one, everything waits.
    pub(super) fn serve_nobody(&self, page: Option<Page>) {
        self.tell(Order::Nobody(page));
    }

    /// Ends the connections to the machines of `crew`.
    pub(super) fn end(&self, crew: u64) {
        self.tell(Order::End(crew));
    }

    fn tell(&self, order: Order) {
        // The thread ends only with the process.
        let _ = self.orders.send(order);
        let _ = rustix::io::write(&*self.wake, &1u64.to_ne_bytes());
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.tell(Order::Close);
        // Afterwards the ports can be opened again.
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Thread {
    poll: OwnedFd,
    wake: Arc<OwnedFd>,
    told: Receiver<Order>,
    ports: Vec<FrontPort>,
    events: Sender,
    connections: HashMap<u64, Connection>,
    datagrams: Datagrams,
    /// HTML gets a script that loads it again when another program serves.
    reloads_pages: bool,
    next_id: u64,
    target: Option<Target>,
    /// What HTTP gets while there is no target.
    page: Option<Page>,
    /// The machine of the target that is next.
    turn: usize,
    /// Connections that want a machine, and whose request did not fit.
    waiting: VecDeque<u64>,
    /// Machines whose last connection has still to be told.
    draining: HashSet<u64>,
}

impl Thread {
    fn run(&mut self) {
        let mut events = Vec::with_capacity(EVENTS_MAX);
        let mut swept = Instant::now();
        loop {
            events.clear();
            let patience = if self.waiting.is_empty() {
                SWEEP
            } else {
                CONNECT_AGAIN
            };
            let patience = Timespec::try_from(patience).unwrap_or_default();
            match epoll::wait(&self.poll, spare_capacity(&mut events), Some(&patience)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(problem) => {
                    let text = format!("the forwarded ports are lost: {problem}");
                    let _ = self.events.send(Event::Warning(text));
                    return;
                }
            }
            // Before anything else, so that what comes after it is served accordingly.
            if !self.obey() {
                return;
            }
            for event in &events {
                match event.data.u64() {
                    WAKE => {}
                    port @ PORTS.. => {
                        self.accept((port - PORTS) as usize);
                        self.pass_datagrams((port - PORTS) as usize);
                    }
                    client @ DATAGRAMS.. => {
                        let id = client - DATAGRAMS;
                        self.datagrams.pass_down(&self.ports, id);
                    }
                    id => self.advance(id >> 1),
                }
            }
            for id in std::mem::take(&mut self.waiting) {
                self.advance(id);
            }
            if swept.elapsed() > SWEEP {
                swept = Instant::now();
                self.sweep();
            }
            self.tell_drained();
        }
    }

    /// Does what the thread is told; `false` where that is to end.
    fn obey(&mut self) -> bool {
        let mut count = [0; 8];
        let _ = rustix::io::read(&*self.wake, &mut count);
        while let Ok(order) = self.told.try_recv() {
            match order {
                Order::Serve(target, done) => {
                    if let Some(old) = self.target.replace(target) {
                        self.draining.insert(old.crew);
                    }
                    self.page = None;
                    self.tell_pages();
                    self.advance_all();
                    let _ = done.send(());
                }
                Order::Nobody(page) => {
                    if let Some(old) = self.target.take() {
                        self.draining.insert(old.crew);
                    }
                    self.page = page;
                    self.advance_all();
                }
                Order::End(crew) => {
                    self.end(crew);
                    self.datagrams.end(crew);
                }
                Order::Close => return false,
            }
        }
        true
    }

    /// Tells pages which program serves now.
    fn tell_pages(&mut self) {
        let Some(target) = &self.target else { return };
        for connection in self.connections.values_mut() {
            connection.tell_page(target.crew);
        }
    }

    /// Ends the connections to `crew` that can't go on elsewhere.
    fn end(&mut self, crew: u64) {
        let current = self.target.as_ref().map(|target| target.crew);
        self.connections.retain(|_, connection| {
            connection.crew() != Some(crew) || connection.outlives_machine(current)
        });
        self.advance_all();
    }

    fn advance_all(&mut self) {
        let ids: Vec<u64> = self.connections.keys().copied().collect();
        for id in ids {
            self.advance(id);
        }
    }

    fn accept(&mut self, port: usize) {
        loop {
            let listener = self.ports.get(port).and_then(FrontPort::listener);
            let Some(Ok((client, _))) = listener.map(TcpListener::accept) else {
                return;
            };
            let id = self.next_id;
            if client.set_nonblocking(true).is_err() || self.add(&client, id << 1).is_err() {
                continue;
            }
            let _ = client.set_nodelay(true);
            self.next_id += 1;
            let connection = Connection::new(client, port, self.reloads_pages);
            self.connections.insert(id, connection);
            self.advance(id);
        }
    }

    fn pass_datagrams(&mut self, port: usize) {
        let Some(guest) = self.ports.get(port).map(|port| port.published.guest) else {
            return;
        };
        let (target, turn) = (&self.target, &mut self.turn);
        let route = || {
            let target = target.as_ref()?;
            *turn = turn.wrapping_add(1);
            let forward = target.forward(*turn, guest, true)?;
            let address = SocketAddrV4::new(forward.address, forward.host);
            Some((target.crew, address))
        };
        let told = (&self.poll, DATAGRAMS);
        self.datagrams.pass_up(&self.ports, port, told, route);
    }

    /// Tells of everything that happens to `stream`, once each time.
    fn add(&self, stream: &TcpStream, number: u64) -> io::Result<()> {
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        Ok(epoll::add(
            &self.poll,
            stream.as_fd(),
            EventData::new_u64(number),
            flags,
        )?)
    }

    /// Moves what can be moved.
    fn advance(&mut self, id: u64) {
        let current = self.target.as_ref().map(|target| target.crew);
        loop {
            let Some(connection) = self.connections.get_mut(&id) else {
                return;
            };
            match connection.advance(current) {
                Need::Nothing => return,
                Need::End => {
                    self.connections.remove(&id);
                    return;
                }
                Need::News => {
                    self.waiting.push_back(id);
                    return;
                }
                Need::Machine => match (&self.target, &self.page) {
                    (Some(_), _) => {
                        if !self.connect(id) {
                            self.waiting.push_back(id);
                            return;
                        }
                    }
                    (None, Some(page)) => {
                        if !connection.answer(page) {
                            return;
                        }
                    }
                    (None, None) => return,
                },
            }
        }
    }

    /// Leads a connection to a machine; `false` where it has to be tried again.
    fn connect(&mut self, id: u64) -> bool {
        let (Some(target), Some(connection)) = (&self.target, self.connections.get(&id)) else {
            return true;
        };
        self.turn = self.turn.wrapping_add(1);
        let guest = self.ports[connection.port].published.guest;
        let crew = target.crew;
        let Some(forward) = target.forward(self.turn, guest, false) else {
            self.connections.remove(&id);
            return true;
        };
        let address = SocketAddrV4::new(forward.address, forward.host);
        let Ok(stream) = TcpStream::connect_timeout(&address.into(), CONNECT_PATIENCE) else {
            return false;
        };
        let _ = stream.set_nodelay(true);
        let is_ready = stream.set_nonblocking(true).is_ok();
        let is_ready = is_ready && self.add(&stream, id << 1 | 1).is_ok();
        match self.connections.get_mut(&id) {
            Some(connection) if is_ready => connection.attach(stream, address, crew),
            _ => drop(self.connections.remove(&id)),
        }
        true
    }

    fn sweep(&mut self) {
        self.connections
            .retain(|_, connection| !connection.has_waited(WAIT_MAX));
        self.datagrams.sweep();
    }

    fn tell_drained(&mut self) {
        if self.draining.is_empty() {
            return;
        }
        let mut used: HashSet<u64> = self
            .connections
            .values()
            .filter_map(Connection::crew)
            .collect();
        used.extend(self.datagrams.awaited());
        let events = &self.events;
        self.draining.retain(|crew| {
            // Never waits: the loop may be waiting for this thread. It is told the next time.
            used.contains(crew) || events.try_send(Event::Drained(*crew)).is_err()
        });
    }
}

/// The address that people connect to.
pub(super) const ADDRESS: Ipv4Addr = Ipv4Addr::LOCALHOST;

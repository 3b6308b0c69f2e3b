//! Values of Rust's library for a debugger to show.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

// A debugger reads what the program does not.
#[allow(dead_code)]
struct Stock {
    counts: HashMap<String, u32>,
    seen: HashSet<u64>,
    prices: BTreeMap<u32, &'static str>,
    queue: VecDeque<u16>,
    total: Rc<RefCell<u32>>,
    tries: Cell<i8>,
    label: Option<String>,
    nothing: Option<Box<u32>>,
    lengths: [Length; 3],
}

fn look(stock: &Stock) -> u32 {
    let counts = &stock.counts;
    let sum: u32 = counts.values().sum();
    sum + *stock.total.borrow()
}

/// Comes back once before it is done.
struct Once(bool);

impl Future for Once {
    type Output = u32;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<u32> {
        if self.0 {
            return Poll::Ready(5);
        }
        self.0 = true;
        Poll::Pending
    }
}

async fn answer(request: &str) -> u32 {
    let length = request.len() as u32;
    let more = Once(false).await;
    length + more
}

fn wait_for(future: impl Future<Output = u32>) -> u32 {
    const TABLE: RawWakerVTable = RawWakerVTable::new(|_| raw(), |_| {}, |_| {}, |_| {});
    fn raw() -> RawWaker {
        RawWaker::new(std::ptr::null(), &TABLE)
    }
    let waker = unsafe { Waker::from_raw(raw()) };
    let mut context = Context::from_waker(&waker);
    let mut future = Box::pin(future);
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut context) {
            return done;
        }
    }
}

fn main() {
    let stock = Stock {
        counts: HashMap::from([("pen".to_string(), 3), ("cup".to_string(), 4)]),
        seen: HashSet::from([7]),
        prices: (1..=20).map(|key| (key, "some")).collect(),
        queue: VecDeque::from([1, 2, 3]),
        total: Rc::new(RefCell::new(20)),
        tries: Cell::new(-1),
        label: Some("stock".to_string()),
        nothing: None,
        lengths: [Length::Exact(2.0), Length::Range { least: 3 }, Length::Any],
    };
    let sum = look(&stock) + wait_for(answer("GET /"));
    std::process::exit(if sum == 37 { 7 } else { 8 });
}

#[allow(dead_code)]
enum Length {
    Exact(f64),
    Range { least: u8 },
    Any,
}

//! What a bad wire, a bad neighbour or a long time does to connections.

use std::cell::RefCell;
use std::rc::Rc;

use fastrand::Rng;
use smoltcp::wire::{
    EthernetFrame, IpAddress, IpEndpoint, Ipv4Packet, TcpControl, TcpPacket, TcpRepr, TcpSeqNumber,
    TcpTimestampRepr,
};

use super::wire::{Faults, Hook, Pair, STEP_NS};
use super::{BUDGET_BYTES, RIGHT, at, connect_to, connected, content, forge, transfer};
use crate::fs::errno::Errno;
use crate::net::{Received, SocketId};

const SECOND_NS: u64 = 1_000_000_000;
const HOUR_NS: u64 = 3600 * SECOND_NS;

#[test]
fn hours_of_silence_end_nothing() {
    let mut pair = Pair::new(BUDGET_BYTES);
    let ends = connected(&mut pair);
    transfer(&mut pair, ends, b"before", 100);
    pair.until(20, |pair| pair.left.next_ns(pair.now_ns).is_none());
    pair.now_ns += 10 * HOUR_NS;
    transfer(&mut pair, ends, b"after", 100);
    // Nor is what the end says late because of them.
    pair.until(20, |pair| pair.left.next_ns(pair.now_ns).is_none());
    pair.now_ns += 10 * HOUR_NS;
    pair.left.shut_down(ends.0, false, true).unwrap();
    let mut told = None;
    pair.until(1, |pair| {
        told = pair.right.receivable(ends.1);
        told.is_some()
    });
    assert_eq!(told, Some((0, true)));
    assert_eq!(pair.right.take_error(ends.1), None);
    assert_eq!(pair.right.send(ends.1, b"back"), Ok(4));
    pair.until(1, |pair| pair.left.receivable(ends.0) == Some((4, false)));
}

#[test]
fn an_answer_that_never_comes_is_told() {
    for is_shut in [false, true] {
        let mut pair = Pair::new(BUDGET_BYTES);
        let (client, _) = connected(&mut pair);
        pair.faults.lost = 1000;
        pair.left.send(client, b"question").unwrap();
        if is_shut {
            pair.left.shut_down(client, false, true).unwrap();
        }
        for _ in 0..290_000 {
            pair.step();
        }
        assert_eq!(pair.left.receivable(client), None, "too early");
        pair.until(20, |pair| pair.left.receivable(client).is_some());
        let mut room = [0; 9];
        let told = pair.left.receive(client, &mut room, false);
        assert_eq!(told, Err(Errno::Timedout), "{is_shut}");
        assert_eq!(pair.left.send(client, b"x"), Err(Errno::Pipe));
    }
}

#[test]
fn who_reads_slowly_gets_all_though_its_sender_has_left() {
    let mut pair = Pair::new(BUDGET_BYTES);
    let (client, server) = connected(&mut pair);
    let sent = content(400_000);
    let mut done = 0;
    for _ in 0..2000 {
        done += pair.left.send(client, &sent[done..]).unwrap();
        pair.step();
    }
    pair.left.close_connection(client);
    let mut arrived: Vec<u8> = Vec::new();
    let mut room = [0; 1000];
    let mut next_ns = 0;
    pair.until(600, |pair| {
        if pair.now_ns < next_ns {
            return false;
        }
        next_ns = pair.now_ns + 2 * SECOND_NS;
        let received = pair.right.receive(server, &mut room, false);
        if let Ok(Received::Bytes(count)) = received {
            arrived.extend(&room[..count]);
        }
        received == Ok(Received::End)
    });
    assert!(pair.now_ns > 70 * SECOND_NS, "it was not slow");
    assert!(arrived == sent[..done], "{} of {done}", arrived.len());
}

#[test]
fn who_takes_nothing_any_more_is_left_alone() {
    let mut pair = Pair::new(BUDGET_BYTES);
    let budget_bytes = pair.left.budget_bytes;
    let (client, _) = connected(&mut pair);
    for _ in 0..200 {
        pair.left.send(client, &[1; 4000]).unwrap();
        pair.step();
    }
    pair.left.close_connection(client);
    pair.until(70, |pair| pair.left.connections.values().len() == 0);
    assert_eq!(pair.left.budget_bytes, budget_bytes);
}

#[test]
fn a_neighbour_that_was_forgotten_is_asked_for_at_once() {
    let mut pair = Pair::new(BUDGET_BYTES);
    let (client, server) = connected(&mut pair);
    pair.now_ns += 2 * HOUR_NS;
    pair.left.send(client, b"hello").unwrap();
    let begun_ns = pair.now_ns;
    pair.until(5, |pair| pair.right.receivable(server).is_some());
    assert!(
        pair.now_ns - begun_ns < 50_000_000,
        "{} ns",
        pair.now_ns - begun_ns
    );
}

#[test]
fn a_wire_that_is_cut_for_a_while_costs_time_alone() {
    let mut pair = Pair::new(BUDGET_BYTES);
    let ends = connected(&mut pair);
    let sent = content(60_000);
    pair.left.send(ends.0, &sent[..30_000]).unwrap();
    pair.faults.lost = 1000;
    for _ in 0..20_000 {
        pair.step();
    }
    pair.faults.lost = 0;
    let mut arrived: Vec<u8> = Vec::new();
    let mut room = [0; 5000];
    let mut done = 30_000;
    pair.until(120, |pair| {
        done += pair.left.send(ends.0, &sent[done..]).unwrap();
        while let Ok(Received::Bytes(count)) = pair.right.receive(ends.1, &mut room, false) {
            arrived.extend(&room[..count]);
        }
        arrived.len() == sent.len()
    });
    assert!(arrived == sent);
}

/// More neighbours at once than the least cache of neighbours holds: each is answered without a question to it.
#[test]
fn fifty_hosts_are_answered_at_once() {
    let mut pair = Pair::new(BUDGET_BYTES);
    let (_, _) = pair.right.listen(None, 80, 64).unwrap();
    let answered = Rc::new(RefCell::new(Vec::new()));
    let log = answered.clone();
    pair.hook = Some(Box::new(move |_, frame| {
        if let Some((segment, to)) = tcp_of(&frame)
            && segment.syn()
            && segment.ack()
        {
            log.borrow_mut().push(to);
        }
        vec![frame]
    }));
    for number in 10..60 {
        let from = [10, 0, 0, number];
        pair.inject(&forge::arp_question(number, from, [10, 0, 0, 2]));
    }
    for number in 10..60 {
        let from = IpAddress::v4(10, 0, 0, number);
        let question = segment(TcpControl::Syn, 7, None);
        pair.inject(&forge::segment(
            (forge::card(number), from),
            (forge::card(2), RIGHT),
            &question,
        ));
    }
    for _ in 0..10 {
        pair.step();
    }
    let mut answered = answered.borrow().clone();
    answered.sort_unstable();
    answered.dedup();
    assert_eq!(answered.len(), 50);
}

/// What happens to one frame of a whole life of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Lost,
    Twice,
    Late,
    Cut,
    Flipped,
    Reset,
}

/// A hook to which `fate` happens at frame `number` of those that `side` sends, counted from 0.
fn once(side: usize, number: usize, fate: Fate) -> (Hook, Rc<RefCell<bool>>) {
    let mut sent = 0;
    let mut held: Option<Vec<u8>> = None;
    let has_happened = Rc::new(RefCell::new(false));
    let told = has_happened.clone();
    let hook: Hook = Box::new(move |from, mut frame| {
        if from != side {
            return vec![frame];
        }
        sent += 1;
        let mut late: Vec<_> = held.take().into_iter().collect();
        if sent - 1 != number {
            late.insert(0, frame);
            return late;
        }
        *told.borrow_mut() = true;
        match fate {
            Fate::Lost => return late,
            Fate::Twice => late.push(frame.clone()),
            Fate::Late => {
                held = Some(frame);
                return late;
            }
            Fate::Cut => frame.truncate(frame.len() * 2 / 3),
            Fate::Flipped => {
                let at = frame.len() - 3;
                frame[at] ^= 0x10;
            }
            Fate::Reset => {
                forge::make_reset(&mut frame);
            }
        }
        late.push(frame);
        late
    });
    (hook, has_happened)
}

/// A question, an answer and the end of a connection; what either side had of the other's.
fn whole_life(pair: &mut Pair) -> (Vec<u8>, Vec<u8>) {
    let (listener, _) = pair.right.listen(None, 80, 8).unwrap();
    let client = pair.left.connect(0, at(80)).unwrap();
    let [question, answer] = [content(4000), content(9000)];
    let mut server: Option<SocketId> = None;
    let (mut asked, mut replied) = (0, 0);
    let (mut got_question, mut got_answer) = (Vec::new(), Vec::new());
    let mut room = [0; 3000];
    let mut is_over = false;
    for _ in 0..200_000 {
        pair.step();
        if asked < question.len() && pair.left.was_open(client) {
            asked += pair
                .left
                .send(client, &question[asked..])
                .unwrap_or(question.len());
        }
        match pair.left.receive(client, &mut room, false) {
            Ok(Received::Bytes(count)) => got_answer.extend(&room[..count]),
            Ok(Received::Nothing) | Err(Errno::Notconn) => {}
            Ok(Received::End) | Err(_) if !is_over => {
                is_over = true;
                pair.left.close_connection(client);
            }
            _ => {}
        }
        server = server.or_else(|| pair.right.accept(listener));
        if let Some(id) = server {
            match pair.right.receive(id, &mut room, false) {
                Ok(Received::Bytes(count)) => got_question.extend(&room[..count]),
                Ok(Received::Nothing) => {}
                Ok(Received::End) | Err(_) => replied = answer.len(),
            }
            if got_question.len() == question.len() && replied < answer.len() {
                let sent = pair.right.send(id, &answer[replied..]);
                replied += sent.unwrap_or(answer.len());
            }
            if replied >= answer.len() {
                pair.right.close_connection(id);
                server = Some(SocketId::MAX);
            }
        }
        if pair.left.connections.values().len() == 0 && pair.right.connections.values().len() == 0 {
            break;
        }
    }
    pair.right.close_listener(listener);
    (got_question, got_answer)
}

#[test]
fn whatever_befalls_any_one_frame_ends_well() {
    use Fate::{Cut, Flipped, Late, Lost, Reset, Twice};
    let mut cases = 0;
    for fate in [Lost, Twice, Late, Cut, Flipped, Reset] {
        for side in [0, 1] {
            for number in 0..40 {
                let mut pair = Pair::new(BUDGET_BYTES);
                let budgets = (pair.left.budget_bytes, pair.right.budget_bytes);
                let (hook, has_happened) = once(side, number, fate);
                pair.hook = Some(hook);
                let (question, answer) = whole_life(&mut pair);
                let case = format!("{fate:?} {number} of side {side}");
                if !*has_happened.borrow() {
                    break;
                }
                cases += 1;
                // What came is what was sent, and without a reset all of it came.
                assert!(content(4000).starts_with(&question), "{case}");
                assert!(content(9000).starts_with(&answer), "{case}");
                let is_whole = (question.len(), answer.len()) == (4000, 9000);
                assert!(
                    is_whole || fate == Reset,
                    "{case}: {} {}",
                    question.len(),
                    answer.len()
                );
                assert!(pair.left.connections.values().len() == 0, "{case}");
                assert!(pair.right.connections.values().len() == 0, "{case}");
                assert!(
                    pair.left.timers.is_empty() && pair.right.timers.is_empty(),
                    "{case}"
                );
                assert_eq!((pair.left.budget_bytes, pair.right.budget_bytes), budgets);
            }
        }
    }
    assert!(cases > 100, "{cases} cases");
}

#[test]
fn resets_out_of_the_blue_change_nothing() {
    let mut pair = Pair::new(BUDGET_BYTES);
    let ends = connected(&mut pair);
    let mut random = Rng::with_seed(5);
    for _ in 0..500 {
        let (local, remote) = pair.right.ends(ends.1).unwrap();
        // Somewhere in the numbers, but not what comes next.
        let mut reset = segment(TcpControl::Rst, random.i32(..), None);
        (reset.src_port, reset.dst_port) = (remote.port, local.port);
        pair.inject(&forge::segment(
            (forge::card(1), remote.addr),
            (forge::card(2), local.addr),
            &reset,
        ));
        pair.step();
    }
    transfer(&mut pair, ends, &content(50_000), 5000);
    // A failure of another kind is not taken for a reset.
    pair.faults.lost = 1000;
    pair.right.send(ends.1, b"x").unwrap();
    pair.until(310, |pair| pair.right.receivable(ends.1).is_some());
    assert_eq!(pair.right.take_error(ends.1), Some(Errno::Timedout));
}

/// Segments with all that can be wrong in them, in the middle of connections in every state.
#[test]
fn hostile_segments_harm_only_their_own_connection() {
    let mut random = Rng::with_seed(11);
    for round in 0..60 {
        let mut pair = Pair::new(BUDGET_BYTES);
        let (listener, _) = pair.right.listen(None, 80, 8).unwrap();
        let bystanders = connect_to(&mut pair, listener, 80);
        let budgets = (pair.left.budget_bytes, pair.right.budget_bytes);
        let victims = connect_to(&mut pair, listener, 80);
        match round % 6 {
            1 => drop(pair.right.send(victims.1, &content(70_000))),
            2 => pair.right.shut_down(victims.1, false, true).unwrap(),
            3 => pair.left.shut_down(victims.0, false, true).unwrap(),
            4 => pair.right.close_connection(victims.1),
            5 => {
                let nobody = IpEndpoint::new(IpAddress::v4(10, 0, 0, 1), 81);
                let asking = pair.right.connect(0, nobody).unwrap();
                pair.right.close_connection(asking);
            }
            _ => {}
        }
        let seen = Rc::new(RefCell::new(Vec::new()));
        let log = seen.clone();
        pair.hook = Some(Box::new(move |_, frame| {
            if tcp_of(&frame).is_some() {
                log.borrow_mut().push(frame.clone());
            }
            vec![frame]
        }));
        let (local, _) = pair.left.ends(bystanders.0).unwrap();
        for _ in 0..300 {
            pair.step();
            let frames = std::mem::take(&mut *seen.borrow_mut());
            for mut frame in frames {
                let (segment, _) = tcp_of(&frame).unwrap();
                if [segment.src_port(), segment.dst_port()].contains(&local.port) {
                    continue;
                }
                for _ in 0..8 {
                    change(&mut frame, &mut random);
                    forge::mend(&mut frame);
                    pair.inject(&frame);
                    pair.inject_left(&frame);
                }
            }
            if random.u8(..8) == 0 {
                let _ = pair.left.send(victims.0, b"more");
            }
        }
        pair.hook = None;
        transfer(&mut pair, bystanders, &content(20_000), 5000);
        pair.left.close_connection(victims.0);
        pair.right.close_connection(victims.1);
        pair.right.close_listener(listener);
        pair.until(400, |pair| {
            pair.right.connections.values().len() + pair.left.connections.values().len() == 2
        });
        assert_eq!((pair.left.budget_bytes, pair.right.budget_bytes), budgets);
    }
}

/// Changes one thing of a frame with a segment, seldom of what is in front of it.
fn change(frame: &mut Vec<u8>, random: &mut Rng) {
    const SEGMENT: usize = 34;
    let choice = random.u8(..16);
    let at = match choice {
        // Sequence and acknowledgement numbers, near to what they are.
        0..=5 => SEGMENT + 4 + random.usize(..8),
        // Flags, window, urgent pointer.
        6..=9 => SEGMENT + 13 + random.usize(..7),
        // Options and content.
        10..=13 => SEGMENT + 20 + random.usize(..(frame.len() - SEGMENT).max(21)),
        14 => random.usize(..frame.len()),
        _ => {
            let len = 14 + random.usize(..frame.len() - 13);
            frame.truncate(len.max(SEGMENT + 20));
            return;
        }
    };
    // The ports stay, else it would be another's.
    if let Some(byte) = frame.get_mut(at)
        && !(SEGMENT..SEGMENT + 4).contains(&at)
    {
        *byte = random.u8(..);
    }
}

#[test]
fn frames_of_noise_harm_nobody() {
    let mut pair = Pair::new(BUDGET_BYTES);
    let ends = connected(&mut pair);
    let mut random = Rng::with_seed(3);
    let option = forge::prefix(
        [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0].into(),
        9,
    );
    let router = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
    let samples = [
        forge::arp_question(7, [10, 0, 0, 7], [10, 0, 0, 2]),
        forge::advertisement(router.into(), 1800, &option),
        forge::segment(
            (forge::card(7), IpAddress::v4(10, 0, 0, 7)),
            (forge::card(2), RIGHT),
            &segment(TcpControl::Syn, 1, None),
        ),
    ];
    for _ in 0..20_000 {
        let mut frame = samples[random.usize(..samples.len())].clone();
        for _ in 0..1 + random.u8(..4) {
            // Not the addresses of cards, and not who it is that asks: a neighbour may lie about itself alone.
            let at = 12 + random.usize(..frame.len() - 12);
            if !(22..40).contains(&at) {
                frame[at] = random.u8(..);
            }
        }
        if random.bool() {
            forge::mend(&mut frame);
        }
        pair.inject(&frame);
        if random.u8(..16) == 0 {
            pair.step();
        }
    }
    pair.until(10, |pair| !pair.right.has_news());
    transfer(&mut pair, ends, &content(10_000), 1000);
    assert!(pair.now_ns > STEP_NS);
}

#[test]
fn loss_of_many_kinds_at_once_changes_nothing() {
    for seed in 1..6 {
        let mut pair = Pair::new(BUDGET_BYTES);
        let ends = connected(&mut pair);
        pair.random = Rng::with_seed(seed);
        pair.faults = Faults {
            lost: 20,
            repeated: 20,
            swapped: 200,
            ..Faults::default()
        };
        transfer(&mut pair, ends, &content(500_000), 4096);
        transfer(&mut pair, (ends.0, ends.1), &content(1000), 10);
    }
}

fn segment(control: TcpControl, number: i32, answer: Option<i32>) -> TcpRepr<'static> {
    TcpRepr {
        src_port: 5000,
        dst_port: 80,
        control,
        seq_number: TcpSeqNumber(number),
        ack_number: answer.map(TcpSeqNumber),
        window_len: 5000,
        window_scale: None,
        max_seg_size: None,
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None::<TcpTimestampRepr>,
        payload: &[],
    }
}

/// The segment in a frame of version 4, and where it goes to.
fn tcp_of(frame: &[u8]) -> Option<(TcpPacket<&[u8]>, [u8; 4])> {
    let frame = EthernetFrame::new_checked(frame).ok()?;
    let packet = Ipv4Packet::new_checked(&frame.into_inner()[14..]).ok()?;
    let to = packet.dst_addr().octets();
    let at = usize::from(packet.header_len());
    let is_tcp = packet.next_header() == smoltcp::wire::IpProtocol::Tcp;
    let segment = TcpPacket::new_checked(packet.into_inner().get(at..)?).ok()?;
    is_tcp.then_some((segment, to))
}

// An HTTP server: one loop over any number of connections, which stay open between requests.
import {
  fd_close,
  fd_read,
  fd_write,
  poll_oneoff,
} from "@assemblyscript/wasi-shim/assembly/bindings/wasi_snapshot_preview1";

// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "sock_accept")
declare function sock_accept(listener: u32, flags: u32, accepted: usize): u32;

/** The first of `listen` in mewz.toml. */
const LISTENER: u32 = 3;

/** Longest head of a request. */
const HEAD_BYTES_MAX = 16 * 1024;

export class Request {
  /** Bytes of body that follow the head. */
  bodyBytes: i32 = 0;

  constructor(
    public method: string,
    public path: string,
  ) {}

  /** The request that a head holds. */
  static parse(head: string): Request | null {
    const lines = head.split("\r\n");
    const words = lines[0].split(" ");
    if (words.length < 2) return null;
    const request = new Request(words[0], words[1]);
    for (let at = 1; at < lines.length; at++) {
      const colon = lines[at].indexOf(":");
      const name = lines[at].substring(0, colon).toLowerCase();
      if (colon < 0 || name == "transfer-encoding") return null;
      if (name != "content-length") continue;
      request.bodyBytes = I32.parseInt(lines[at].substring(colon + 1).trim());
      if (request.bodyBytes < 0) return null;
    }
    return request;
  }
}

export class Answer {
  constructor(
    public status: string,
    public body: string,
  ) {}
}

/** Answers requests for ever. */
export function serve(handle: (request: Request) => Answer): void {
  console.log("listening");
  let connections: Connection[] = [];
  for (;;) {
    const ready = wait(connections);
    const kept: Connection[] = [];
    for (let at = 0; at < connections.length; at++) {
      if (!ready.has(connections[at].descriptor) || connections[at].serve(handle)) kept.push(connections[at]);
      else fd_close(connections[at].descriptor);
    }
    connections = kept;
    if (ready.has(LISTENER) && sock_accept(LISTENER, 0, scratch) == 0) {
      connections.push(new Connection(load<u32>(scratch)));
    }
  }
}

class Connection {
  /** What came and is not answered yet. */
  private pending: Uint8Array = new Uint8Array(0);
  /** Bytes of a body that nobody reads. */
  private toSkip: i32 = 0;

  constructor(public descriptor: u32) {}

  /** Takes what came, and answers each whole request in it; says whether the connection goes on. */
  serve(handle: (request: Request) => Answer): bool {
    if (!this.receive()) return false;
    while (true) {
      const skipped = min(this.toSkip, this.pending.length);
      this.pending = this.pending.slice(skipped);
      this.toSkip -= skipped;
      const end = this.headEnd();
      if (end < 0) return this.pending.length <= HEAD_BYTES_MAX;
      const request = Request.parse(String.UTF8.decodeUnsafe(this.pending.dataStart, end));
      if (!request) {
        this.respond(new Answer("400 Bad Request", "This is no request that I know\n"));
        return false;
      }
      if (!this.respond(handle(request))) return false;
      this.toSkip = end + 4 + request.bodyBytes;
    }
  }

  private receive(): bool {
    store<usize>(scratch, room.dataStart);
    store<usize>(scratch, room.length, sizeof<usize>());
    if (fd_read(this.descriptor, scratch, 1, scratch + 8) != 0) return false;
    const count = load<u32>(scratch, 8);
    const pending = new Uint8Array(this.pending.length + count);
    pending.set(this.pending);
    pending.set(room.subarray(0, count), this.pending.length);
    this.pending = pending;
    return count > 0;
  }

  private headEnd(): i32 {
    for (let at = 0; at + 4 <= this.pending.length; at++) {
      // "\r\n\r\n", its first byte lowest.
      if (load<u32>(this.pending.dataStart + at) == 0x0a0d0a0d) return at;
    }
    return -1;
  }

  /** Waits for a client that reads slowly: a descriptor that blocks takes all bytes. */
  private respond(answer: Answer): bool {
    const length = String.UTF8.byteLength(answer.body);
    const head = `HTTP/1.1 ${answer.status}\r\nContent-Type: text/plain\r\nContent-Length: ${length}\r\n\r\n`;
    const bytes = String.UTF8.encode(head + answer.body);
    store<usize>(scratch, changetype<usize>(bytes));
    store<usize>(scratch, bytes.byteLength, sizeof<usize>());
    return fd_write(this.descriptor, scratch, 1, scratch + 8) == 0;
  }
}

const SUBSCRIPTION_BYTES = 48;
const EVENT_BYTES = 32;
/** That there is something to read, as WASI calls it. */
const FD_READ: u8 = 1;

/** Where WASI takes small things from, and leaves them. */
const scratch = memory.data(16);
const room = new Uint8Array(4096);

/** Waits until one of them is ready, or the listener; the descriptors that are. */
function wait(connections: Connection[]): Set<u32> {
  const count = connections.length + 1;
  const subscriptions = new Uint8Array(count * SUBSCRIPTION_BYTES);
  const events = new Uint8Array(count * EVENT_BYTES);
  for (let at = 0; at < count; at++) {
    const subscription = subscriptions.dataStart + at * SUBSCRIPTION_BYTES;
    const descriptor = at == 0 ? LISTENER : connections[at - 1].descriptor;
    store<u64>(subscription, descriptor);
    store<u8>(subscription, FD_READ, 8);
    store<u32>(subscription, descriptor, 16);
  }
  const ready = new Set<u32>();
  if (poll_oneoff(subscriptions.dataStart, events.dataStart, count, scratch) != 0) throw new Error("cannot wait");
  for (let at: u32 = 0; at < load<u32>(scratch); at++) {
    ready.add(<u32>load<u64>(events.dataStart + at * EVENT_BYTES));
  }
  return ready;
}

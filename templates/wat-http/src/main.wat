;; An HTTP server: one loop over up to 64 connections, which stay open between requests. It answers GET alone, and `/` with
;; a greeting.
(module
  (import "wasi_snapshot_preview1" "fd_read"
    (func $fd_read (param $descriptor i32) (param $slices i32) (param $count i32) (param $read i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param $descriptor i32) (param $slices i32) (param $count i32) (param $written i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param $descriptor i32) (result i32)))
  (import "wasi_snapshot_preview1" "sock_accept"
    (func $sock_accept (param $listener i32) (param $flags i32) (param $accepted i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff"
    (func $poll_oneoff (param $subscriptions i32) (param $events i32) (param $count i32) (param $ready i32) (result i32)))

  ;; Where things lie:
  ;;   0        results of WASI: a count, a descriptor
  ;;   16       one slice of bytes: where it lies, how long it is
  ;;   1024     what this server says
  ;;   0x1000   subscriptions, 48 bytes each: the listener's, then those of connections
  ;;   0x2000   events, 32 bytes each
  ;;   0x3000   connections, 8 bytes each: the descriptor, or 0; how many bytes of its request are there
  ;;   0x10000  their requests, 4096 bytes each
  (memory (export "memory") 5)

  ;; The first of `listen` in mewz.toml.
  (global $listener i32 (i32.const 3))
  (global $connections_max i32 (i32.const 64))
  (global $request_bytes_max i32 (i32.const 4096))

  (data (i32.const 1024) "listening\n")
  (data (i32.const 1100) "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 31\r\n\r\nHello from mewz\nYou sent a GET\n")
  (data (i32.const 1300) "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 22\r\n\r\nThere is nothing here\n")
  (data (i32.const 1500) "HTTP/1.1 501 Not Implemented\r\nContent-Type: text/plain\r\nContent-Length: 25\r\n\r\nThis server answers GETs\n")

  (func (export "_start")
    (local $at i32)
    (local $number i32)
    (drop (call $write (i32.const 1) (i32.const 1024) (i32.const 10)))
    (loop $forever
      (if (call $poll_oneoff (i32.const 0x1000) (i32.const 0x2000) (call $subscribe) (i32.const 0))
        (then unreachable))
      ;; Where the last event ends; from there to the first.
      (local.set $at (i32.add (i32.const 0x2000) (i32.mul (i32.load (i32.const 0)) (i32.const 32))))
      (loop $events
        (local.set $at (i32.sub (local.get $at) (i32.const 32)))
        (local.set $number (i32.wrap_i64 (i64.load (local.get $at))))
        (if (i32.eq (local.get $number) (global.get $connections_max))
          (then (call $accept))
          (else
            (if (i32.eqz (call $serve (local.get $number)))
              (then (call $end (local.get $number))))))
        (br_if $events (i32.gt_u (local.get $at) (i32.const 0x2000))))
      (br $forever)))

  ;; Says what is waited for: that there is something to read; how many descriptors that are.
  (func $subscribe (result i32)
    (local $number i32)
    (local $count i32)
    (call $subscribe_one (i32.const 0) (global.get $connections_max) (global.get $listener))
    (local.set $count (i32.const 1))
    (loop $each
      (if (i32.load (call $connection (local.get $number)))
        (then
          (call $subscribe_one (local.get $count) (local.get $number) (i32.load (call $connection (local.get $number))))
          (local.set $count (i32.add (local.get $count) (i32.const 1)))))
      (local.set $number (i32.add (local.get $number) (i32.const 1)))
      (br_if $each (i32.lt_u (local.get $number) (global.get $connections_max))))
    (local.get $count))

  (func $subscribe_one (param $at i32) (param $number i32) (param $descriptor i32)
    (local $subscription i32)
    (local.set $subscription (i32.add (i32.const 0x1000) (i32.mul (local.get $at) (i32.const 48))))
    (i64.store (local.get $subscription) (i64.extend_i32_u (local.get $number)))
    (i32.store8 offset=8 (local.get $subscription) (i32.const 1))
    (i32.store offset=16 (local.get $subscription) (local.get $descriptor)))

  (func $connection (param $number i32) (result i32)
    (i32.add (i32.const 0x3000) (i32.mul (local.get $number) (i32.const 8))))

  ;; Takes a connection; where all places are taken, it is closed at once.
  (func $accept
    (local $number i32)
    (if (call $sock_accept (global.get $listener) (i32.const 0) (i32.const 0)) (then (return)))
    (loop $each
      (if (i32.eqz (i32.load (call $connection (local.get $number))))
        (then
          (i32.store (call $connection (local.get $number)) (i32.load (i32.const 0)))
          (i32.store offset=4 (call $connection (local.get $number)) (i32.const 0))
          (return)))
      (local.set $number (i32.add (local.get $number) (i32.const 1)))
      (br_if $each (i32.lt_u (local.get $number) (global.get $connections_max))))
    (drop (call $fd_close (i32.load (i32.const 0)))))

  (func $end (param $number i32)
    (drop (call $fd_close (i32.load (call $connection (local.get $number)))))
    (i32.store (call $connection (local.get $number)) (i32.const 0)))

  ;; Takes what came, and answers each whole request in it; whether the connection goes on.
  (func $serve (param $number i32) (result i32)
    (local $connection i32)
    (local $request i32)
    (local $used i32)
    (local $end i32)
    (local.set $connection (call $connection (local.get $number)))
    (local.set $request (i32.add (i32.const 0x10000) (i32.mul (local.get $number) (global.get $request_bytes_max))))
    (local.set $used (i32.load offset=4 (local.get $connection)))
    (i32.store (i32.const 16) (i32.add (local.get $request) (local.get $used)))
    (i32.store (i32.const 20) (i32.sub (global.get $request_bytes_max) (local.get $used)))
    (if (call $fd_read (i32.load (local.get $connection)) (i32.const 16) (i32.const 1) (i32.const 0))
      (then (return (i32.const 0))))
    ;; No bytes: the other side has nothing more to say, or its request is too long.
    (if (i32.eqz (i32.load (i32.const 0))) (then (return (i32.const 0))))
    (local.set $used (i32.add (local.get $used) (i32.load (i32.const 0))))
    (loop $more
      (local.set $end (call $head_end (local.get $request) (local.get $used)))
      (if (local.get $end)
        (then
          (if (i32.eqz (call $answer (i32.load (local.get $connection)) (local.get $request)))
            (then (return (i32.const 0))))
          (local.set $used (i32.sub (local.get $used) (local.get $end)))
          (memory.copy (local.get $request) (i32.add (local.get $request) (local.get $end)) (local.get $used))
          (br $more))))
    (i32.store offset=4 (local.get $connection) (local.get $used))
    (i32.const 1))

  ;; Where the empty line after a request's head ends, seen from its first byte; 0 where none has come yet.
  (func $head_end (param $request i32) (param $used i32) (result i32)
    (local $at i32)
    (loop $each
      (if (i32.gt_u (i32.add (local.get $at) (i32.const 4)) (local.get $used)) (then (return (i32.const 0))))
      ;; "\r\n\r\n", the first byte lowest.
      (if (i32.eq (i32.load (i32.add (local.get $request) (local.get $at))) (i32.const 0x0a0d0a0d))
        (then (return (i32.add (local.get $at) (i32.const 4)))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br $each))
    unreachable)

  ;; Your application: answers one request; whether the connection goes on.
  (func $answer (param $descriptor i32) (param $request i32) (result i32)
    ;; "GET ": of other requests nobody here knows where their bodies end.
    (if (i32.ne (i32.load (local.get $request)) (i32.const 0x20544547))
      (then
        (drop (call $write (local.get $descriptor) (i32.const 1500) (i32.const 103)))
        (return (i32.const 0))))
    ;; "/ "
    (if (i32.eq (i32.load16_u offset=4 (local.get $request)) (i32.const 0x202f))
      (then (return (call $write (local.get $descriptor) (i32.const 1100) (i32.const 96)))))
    (call $write (local.get $descriptor) (i32.const 1300) (i32.const 94)))

  ;; Writes bytes; waits for a client that reads slowly. Whether they could be written.
  (func $write (param $descriptor i32) (param $bytes i32) (param $count i32) (result i32)
    (i32.store (i32.const 16) (local.get $bytes))
    (i32.store (i32.const 20) (local.get $count))
    (i32.eqz (call $fd_write (local.get $descriptor) (i32.const 16) (i32.const 1) (i32.const 0)))))

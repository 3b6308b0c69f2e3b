;; Snapshot 0: the same names in module `wasi_unstable`, with another `whence`, `filestat` and `subscription`.
(module
  (import "wasi_unstable" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_unstable" "fd_seek" (func $fd_seek (param i32 i64 i32 i32) (result i32)))
  (import "wasi_unstable" "fd_filestat_get" (func $fd_filestat_get (param i32 i32) (result i32)))
  (import "wasi_unstable" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_unstable" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (import "wasi_unstable" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 8) "f")
  (data (i32.const 16) "\20\00\00\00\06\00\00\00")
  (data (i32.const 32) "older\n")
  (data (i32.const 256) "\ff")

  (func $expect (param $is i64) (param $should i64) (param $status i32)
    (if (i64.ne (local.get $is) (local.get $should))
      (then (call $proc_exit (local.get $status)))))
  (func $ok (param $errno i32) (param $status i32)
    (call $expect (i64.extend_i32_u (local.get $errno)) (i64.const 0) (local.get $status)))

  (func (export "_start") (local $fd i32)
    ;; Every right there is, and a new file `f`.
    (call $ok
      (call $path_open (i32.const 3) (i32.const 0) (i32.const 8) (i32.const 1) (i32.const 1)
        (i64.const 0x1fffffff) (i64.const 0) (i32.const 0) (i32.const 64))
      (i32.const 1))
    (local.set $fd (i32.load (i32.const 64)))
    (call $ok
      (call $fd_write (local.get $fd) (i32.const 16) (i32.const 1) (i32.const 64))
      (i32.const 2))
    ;; Three back from the end, one on from there, and five from the start.
    (call $ok
      (call $fd_seek (local.get $fd) (i64.const -3) (i32.const 1) (i32.const 72))
      (i32.const 3))
    (call $expect (i64.load (i32.const 72)) (i64.const 3) (i32.const 4))
    (call $ok
      (call $fd_seek (local.get $fd) (i64.const 1) (i32.const 0) (i32.const 72))
      (i32.const 5))
    (call $expect (i64.load (i32.const 72)) (i64.const 4) (i32.const 6))
    (call $ok
      (call $fd_seek (local.get $fd) (i64.const 5) (i32.const 2) (i32.const 72))
      (i32.const 7))
    (call $expect (i64.load (i32.const 72)) (i64.const 5) (i32.const 8))
    ;; 56 bytes: a link count of 32 bits at 20, the size at 24, and nothing behind.
    (call $ok (call $fd_filestat_get (local.get $fd) (i32.const 200)) (i32.const 9))
    (call $expect (i64.load32_u (i32.const 220)) (i64.const 1) (i32.const 10))
    (call $expect (i64.load (i32.const 224)) (i64.const 6) (i32.const 11))
    (call $expect (i64.load8_u (i32.const 256)) (i64.const 255) (i32.const 12))
    ;; A clock whose number lies at 24, its timeout of a millisecond at 32.
    (i64.store (i32.const 512) (i64.const 77))
    (i64.store (i32.const 528) (i64.const 99))
    (i32.store (i32.const 536) (i32.const 1))
    (i64.store (i32.const 544) (i64.const 1000000))
    (call $ok
      (call $poll_oneoff (i32.const 512) (i32.const 640) (i32.const 1) (i32.const 64))
      (i32.const 13))
    (call $expect (i64.load (i32.const 640)) (i64.const 77) (i32.const 14))
    (call $expect (i64.load32_u (i32.const 648)) (i64.const 0) (i32.const 15))
    (call $ok
      (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 64))
      (i32.const 16))))

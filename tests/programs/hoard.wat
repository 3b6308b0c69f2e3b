;; Takes and touches all memory that it is given, then makes files in its folder and keeps them open until that fails with
;; ENOMEM or EMFILE, and writes `full` and its standard input. Ends with the call's error where one fails in another way.
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_pread" (func $fd_pread (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "f0000")
  (data (i32.const 32) "full\n")
  (func $check (param $errno i32)
    (if (local.get $errno) (then (call $proc_exit (local.get $errno)))))
  ;; Writes `bytes` from `at` on to `fd`.
  (func $write (param $fd i32) (param $at i32) (param $bytes i32)
    (i32.store (i32.const 0) (local.get $at))
    (i32.store (i32.const 4) (local.get $bytes))
    (call $check (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8))))
  ;; Counts up the four digits of the name.
  (func $next_name (local $at i32)
    (local.set $at (i32.const 20))
    (loop $digit
      (i32.store8 (local.get $at) (i32.add (i32.load8_u (local.get $at)) (i32.const 1)))
      (if (i32.gt_u (i32.load8_u (local.get $at)) (i32.const 0x39))
        (then
          (i32.store8 (local.get $at) (i32.const 0x30))
          (local.set $at (i32.sub (local.get $at) (i32.const 1)))
          (br $digit)))))
  (func (export "_start") (local $pages i32) (local $errno i32)
    (block $full
      (loop $more
        (local.set $pages (memory.grow (i32.const 1)))
        (br_if $full (i32.eq (local.get $pages) (i32.const -1)))
        (i32.store (i32.mul (local.get $pages) (i32.const 65536)) (i32.const 1))
        (br $more)))
    (block $full
      (loop $more
        (local.set $errno
          (call $path_open (i32.const 3) (i32.const 0) (i32.const 16) (i32.const 5) (i32.const 1)
            (i64.const 0x46) (i64.const 0) (i32.const 0) (i32.const 8)))
        (br_if $full (i32.eq (local.get $errno) (i32.const 48)))
        (br_if $full (i32.eq (local.get $errno) (i32.const 33)))
        (call $check (local.get $errno))
        ;; Its content is read through: some bytes are kept ahead.
        (local.set $pages (i32.load (i32.const 8)))
        (call $write (local.get $pages) (i32.const 16) (i32.const 5))
        (i32.store (i32.const 0) (i32.const 64))
        (i32.store (i32.const 4) (i32.const 1))
        (call $check (call $fd_pread (local.get $pages) (i32.const 0) (i32.const 1) (i64.const 0) (i32.const 8)))
        (call $next_name)
        (br $more)))
    ;; What was given back serves again.
    (call $check (call $fd_close (local.get $pages)))
    (call $write (i32.const 1) (i32.const 32) (i32.const 5))
    (loop $more
      (i32.store (i32.const 0) (i32.const 131072))
      (i32.store (i32.const 4) (i32.const 100000))
      (call $check (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
      (if (i32.load (i32.const 8))
        (then
          (call $write (i32.const 1) (i32.const 131072) (i32.load (i32.const 8)))
          (br $more))))))

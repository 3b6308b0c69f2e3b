;; Writes a line to standard output by WASI's `fd_write`, and ends with status 0.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param $descriptor i32) (param $slices i32) (param $count i32) (param $written i32)
      (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param $status i32)))

  (memory (export "memory") 1)

  ;; One slice of bytes: where it lies (1024) and how long it is (16).
  (data (i32.const 16) "\00\04\00\00\10\00\00\00")
  (data (i32.const 1024) "Hello from mewz\n")

  (func (export "_start")
    (local $errno i32)
    (local.set $errno
      (call $fd_write
        (i32.const 1)     ;; standard output
        (i32.const 16)    ;; the slices
        (i32.const 1)     ;; how many
        (i32.const 24)))  ;; where the count of bytes written goes
    (if (local.get $errno)
      (then (call $proc_exit (i32.const 1))))))

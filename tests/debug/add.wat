;; Adds up what stands at 64, where it puts 1 at the start, until that is something else: then it ends with status 3.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (func $add_up
    (i32.store (i32.const 72) (i32.const 0))
    (loop $again
      (i32.store (i32.const 72) (i32.add (i32.load (i32.const 72)) (i32.load (i32.const 64))))
      (br_if $again (i32.eq (i32.load (i32.const 64)) (i32.const 1)))))
  (func $_start (export "_start")
    (i32.store (i32.const 64) (i32.const 1))
    (call $add_up)
    (call $proc_exit (i32.const 3))))

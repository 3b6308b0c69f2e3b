;; A memory that the module may have but the machine can't back.
;; trap: out of memory
;; function: touch
;; flags: --memory 64MiB
(module
  (memory 4096)
  (func $touch (local $at i32)
    (loop $next
      (i32.store (local.get $at) (i32.const 1))
      (local.set $at (i32.add (local.get $at) (i32.const 4096)))
      (br_if $next (i32.lt_u (local.get $at) (i32.const 0x10000000)))))
  (func (export "_start") (call $touch)))

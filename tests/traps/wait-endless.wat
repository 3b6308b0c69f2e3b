;; A wait that only another thread could end; waits that end by themselves come before it.
;; trap: wait without end
;; function: culprit
;; operator: MemoryAtomicWait64
(module
  (memory 1 1 shared)
  (func $culprit
    (drop (memory.atomic.wait64 (i32.const 8) (i64.const 0) (i64.const -1))))
  (func (export "_start")
    (if (i32.ne (memory.atomic.wait32 (i32.const 0) (i32.const 1) (i64.const -1)) (i32.const 1))
      (then unreachable))
    (if (i32.ne (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const 1000000)) (i32.const 2))
      (then unreachable))
    (if (memory.atomic.notify (i32.const 0) (i32.const -1)) (then unreachable))
    (call $culprit)))

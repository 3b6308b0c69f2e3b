;; An atomic access whose address is no multiple of its size.
;; trap: unaligned atomic
;; function: culprit
;; operator: I32AtomicRmwAdd
(module
  (memory 1 1 shared)
  (func $culprit
    (drop (i32.atomic.rmw.add offset=1 (i32.const 4) (i32.const 1))))
  (func (export "_start")
    (drop (i32.atomic.rmw.add offset=4 (i32.const 4) (i32.const 1)))
    (call $culprit)))

;; The second memory is larger than the first, and ends all the same.
;; trap: out of bounds memory access
;; function: culprit
;; operator: I32Load
(module
  (memory 1)
  (memory $second 2)
  (func $culprit
    (drop (i32.load $second offset=0xffffffff (i32.const 0xffffffff))))
  (func (export "_start")
    (i32.store $second (i32.const 131068) (i32.const 1))
    (if (i32.ne (i32.load $second (i32.const 131068)) (i32.const 1)) (then unreachable))
    (call $culprit)))

;; Index and offset together reach past 4 GiB.
;; trap: out of bounds memory access
;; function: culprit
;; operator: I64Load
(module
  (memory 1)
  (func $culprit (drop (i64.load offset=0xfffffff0 (i32.const 0xfffffff0))))
  (func (export "_start") (call $culprit)))

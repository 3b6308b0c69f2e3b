;; A vector of which 15 bytes lie inside.
;; trap: out of bounds memory access
;; function: culprit
;; operator: V128Load {
(module
  (memory 1)
  (func $culprit (drop (v128.load (i32.const 65521))))
  (func (export "_start") (call $culprit)))

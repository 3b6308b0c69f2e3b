;; Half of the store lies inside.
;; trap: out of bounds memory access
;; function: culprit
;; operator: F64Store
(module
  (memory 1)
  (func $culprit (f64.store (i32.const 65532) (f64.const 1)))
  (func (export "_start") (call $culprit)))

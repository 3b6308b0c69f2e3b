;; i32.div_u
;; trap: integer divide by zero
;; function: culprit
;; operator: I32DivU
(module
  (func $culprit (param i32)
    (drop (i32.div_u (i32.const 1) (local.get 0))))
  (func (export "_start") (call $culprit (i32.const 0))))

;; Recursion without end by two functions and a table.
;; trap: call stack exhausted
(module
  (type $step (func (param i32) (result i32)))
  (table 2 funcref)
  (elem (i32.const 0) $even $odd)
  (func $even (type $step)
    (i32.add (call_indirect (type $step) (i32.add (local.get 0) (i32.const 1)) (i32.const 1)) (i32.const 1)))
  (func $odd (type $step)
    (i32.mul (call_indirect (type $step) (i32.add (local.get 0) (i32.const 1)) (i32.const 0)) (i32.const 3)))
  (func (export "_start") (drop (call $even (i32.const 0)))))

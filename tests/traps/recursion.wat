;; Recursion without end. The guard page is reached in the function's first instructions, so any operator may be named.
;; trap: call stack exhausted
;; function: descend
(module
  (func $descend (param i64) (result i64)
    (i64.add (call $descend (i64.add (local.get 0) (i64.const 1))) (local.get 0)))
  (func (export "_start") (drop (call $descend (i64.const 0)))))

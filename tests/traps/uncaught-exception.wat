;; An exception whose tag no clause of its callers names, thrown after one that is caught.
;; trap: uncaught exception
;; function: culprit
;; operator: Throw
;; callers: between main
;; also: `oops`
(module
  (tag $fine (param i32))
  (tag $oops (param i64 i32))
  (func $culprit (param i32)
    (call $harmless)
    (if (local.get 0) (then (throw $oops (i64.const 1) (i32.const 2)))))
  (func $harmless
    (block $caught (try_table (catch_all $caught) (throw $fine (i32.const 7)))))
  (func $between (param i32)
    (local i32)
    (block $fine (result i32)
      (try_table (catch $fine $fine) (call $culprit (local.get 0)))
      (i32.const 0))
    (local.set 1))
  (func $main (export "_start") (call $between (i32.const 1))))

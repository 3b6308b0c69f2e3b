;; Calling an import that the kernel does not answer; not calling it is no error.
;; trap: missing import
;; also: environment.frobnicate
(module
  (import "environment" "frobnicate" (func $frobnicate (param i32) (result i64)))
  (import "environment" "never_called" (func $never_called))
  (func $culprit (drop (call $frobnicate (i32.const 1))))
  (func (export "_start") (call $culprit)))

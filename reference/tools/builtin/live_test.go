package builtin_test

import (
	"os"
	"testing"

	"tierlab/reference/sandbox"
	"tierlab/reference/tools"
	"tierlab/reference/tools/builtin"
)

func TestMain(m *testing.M) {
	sandbox.Child()
	os.Exit(m.Run())
}

// TestCodeInTheSandbox runs programs in real children.
func TestCodeInTheSandbox(t *testing.T) {
	pool, err := sandbox.NewPool(sandbox.Config{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	s := newSession(t, builtin.Config{Run: pool.Run, Code: []string{"kv_add", "kv_get", "file_write", "calculator"}, Quotas: map[string]tools.Quota{"kv_add": {Calls: 4}}})
	s.cases([]struct{ name, arguments, want string }{
		{"run_code", `{"language":"javascript","source":"let s = 0; for (let n = 2; n < 1000; n++) { let p = true; for (let d = 2; d * d <= n; d++) if (n % d == 0) p = false; if (p) s += n } s"}`,
			`{"output":"","value":76127}`},
		{"run_code", `{"language":"javascript","source":"console.log('<', input.a, '>'); input.a * 2","input":{"a":21}}`, `{"output":"< 21 >\n","value":42}`},
		{"run_code", `{"language":"javascript","source":"host.kv_add({key:'n',by:2}); host.kv_add({key:'n',by:3}).value"}`, `{"output":"","value":5}`},
		{"run_code", `{"language":"javascript","source":"host.kv_add({key:'n',by:1}); throw new Error('after all')"}`, `"fault":"thrown"`},
		{"run_code", `{"language":"javascript","source":"try { host.kv_add({key:'n',by:'x'}) } catch (e) { e.message }"}`,
			`{"output":"","value":"tool kv_add: arguments do not fit the tool's schema: at /by: found string \"x\", want integer"}`},
		{"run_code", `{"language":"javascript","source":"host.kv_set({key:'n',value:1})"}`, `"fault":"thrown"`},
		{"kv_get", `{"key":"n"}`, `{"found":true,"value":5}`},
		{"run_code", `{"language":"javascript","source":"host.kv_add({key:'n',by:1}); host.kv_add({key:'n',by:1})"}`, `all of its 4 calls`},
		{"kv_get", `{"key":"n"}`, `{"found":true,"value":5}`},
		{"run_code", `{"language":"javascript","source":"host.file_write({path:'out/a.txt',content:host.calculator({expression:'1/8'}).value}); null"}`, `{"output":"","value":null}`},
		{"file_read", `{"path":"out/a.txt"}`, `{"content":"0.125","lines":1,"more":false}`},
		{"run_code", `{"language":"wasm","source":"?"}`, `WebAssembly`},
		{"run_code", `{"language":"python","source":"1"}`, `want one of`},
	})
}

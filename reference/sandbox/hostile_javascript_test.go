package sandbox

import (
	"encoding/json"
	"strings"
)

func script(name, source string, wants ...FaultKind) hostile {
	return hostile{name: name, run: Run{Language: JavaScript, Source: []byte(source)}, wants: wants}
}

// harmless is a program that comes to its end with a value.
func harmless(name, value, source string) hostile {
	return hostile{name: name, run: Run{Language: JavaScript, Source: []byte(source)}, value: value}
}

func (h hostile) with(l Limits) hostile { h.run.Limits = l; return h }

func hostileJavaScript() (all []hostile) {
	all = append(all, timeInJavaScript()...)
	all = append(all, spaceInJavaScript()...)
	all = append(all, hostsInJavaScript()...)
	return append(all, waysOutOfJavaScript()...)
}

// timeInJavaScript runs on: in the program, in native code that does not call
// back, and in what runs after the program.
func timeInJavaScript() []hostile {
	return []hostile{
		script("endless loop", `for (;;);`, WallExceeded),
		script("endless loop, with fuel", `for (;;);`, FuelUsed).with(Limits{Fuel: 100_000}),
		script("loop-free tree of calls", treeOfCalls(40), WallExceeded),
		script("loop-free tree of calls, with fuel", treeOfCalls(40), FuelUsed).with(Limits{Fuel: 100_000}),
		script("endless chain of jobs", `(function f() { Promise.resolve().then(f) })()`, WallExceeded),
		script("endless await", `for (;;) await null`, WallExceeded),
		script("comparator that never agrees", `let n = 0; [...Array(100000).keys()].sort(() => n++ & 1 ? 1 : -1); for (;;) [3, 1, 2].sort(() => n++ & 1 ? 1 : -1)`, WallExceeded),
		script("comparator that does not return", `[2, 1].sort(() => { for (;;); })`, WallExceeded),
		script("native sort", `const a = new Float64Array(1 << 21); for (let i = 0; i < a.length; i++) a[i] = i * 7919 % 104729; for (;;) a.sort()`, WallExceeded),
		script("backtracking expression", `/^(a+)+$/.test('a'.repeat(60) + '!')`, WallExceeded),
		script("backtracking lookahead", `/^(?=(x|x)+$)y/.test('x'.repeat(60) + 'z')`, WallExceeded),
		script("large numbers", `let n = 3n; for (;;) n = n * n`, WallExceeded, MemoryFull, Thrown),
		script("large exponent", `7n ** (2n ** 25n)`, WallExceeded, MemoryFull, Thrown),
		script("search of 2^53 elements", `Array.prototype.indexOf.call({length: 2 ** 53 - 1}, 1)`, WallExceeded),
		script("copies of memory", `const a = new Uint8Array(8 << 20); for (;;) a.copyWithin(1, 0)`, WallExceeded),
		script("finalizer that runs on", `const r = new FinalizationRegistry(() => { for (;;); }); (() => { r.register({}, 0) })(); for (let i = 0; i < 1e5; i++) ({a: [i]}); await null; for (;;) await null`, WallExceeded),
		script("value whose toJSON runs on", `({toJSON() { for (;;); }})`, WallExceeded),
		script("error whose text runs on", `throw {toString() { for (;;); }, get message() { for (;;); }}`, WallExceeded, Thrown),
		script("promise whose then runs on", `await {then() { for (;;); }}`, WallExceeded),
		script("wait that nothing ends", `Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)`, WallExceeded, Thrown),
		script("promise that nothing settles", `await new Promise(() => {})`, Thrown),
		script("caught exhaustion", `for (;;) try { (function f() { f() })() } catch {}`, WallExceeded),
	}
}

// treeOfCalls calls 2^n functions without a loop.
func treeOfCalls(n int) string {
	var b strings.Builder
	b.WriteString("function f0() {}\n")
	for i := range n {
		b.WriteString(strings.NewReplacer("A", itoa(i+1), "B", itoa(i)).Replace("function fA() { fB(); fB() }\n"))
	}
	return b.String() + "f" + itoa(n) + "()"
}

func itoa(n int) string { b, _ := json.Marshal(n); return string(b) }

// spaceInJavaScript asks for memory, stack and output.
func spaceInJavaScript() []hostile {
	return []hostile{
		script("arrays", `const l = []; for (;;) l.push(new Array(1000).fill(1))`, MemoryFull),
		script("strings", `let s = 'x'; for (;;) s += s + 'y'`, MemoryFull, Thrown),
		script("strings without end", `const l = []; for (let i = 0; ; i++) l.push(('x' + i).repeat(1000))`, MemoryFull),
		script("a buffer of 2 GiB", `new ArrayBuffer(2 ** 31)`, MemoryFull, Thrown),
		script("buffers", `const l = []; for (;;) l.push(new Uint8Array(1 << 20))`, MemoryFull, Thrown),
		script("a map", `const m = new Map(); for (let i = 0; ; i++) m.set(i, {})`, MemoryFull, WallExceeded),
		script("closures", `let f = () => 0; for (;;) { const g = f; f = () => g() }`, MemoryFull, WallExceeded),
		script("caught shortage", `const l = []; for (;;) try { l.push('x'.repeat(1 << 20)) } catch {}`, MemoryFull, WallExceeded),
		script("value of 2^40 parts", `let a = [1]; for (let i = 0; i < 40; i++) a = [a, a]; a`, MemoryFull, WallExceeded, Thrown),
		script("joined holes", `new Array(2 ** 32 - 1).join('xxxxxxxx')`, MemoryFull, Thrown, WallExceeded),
		script("recursion", `(function f() { f() })()`, StackOverflow),
		script("recursion through native code", `const a = [0]; (function f() { a.map(f) })()`, StackOverflow),
		script("recursion through a getter", `const o = {get x() { return this.x }}; o.x`, StackOverflow),
		script("recursion through proxies", `let p = {}; for (let i = 0; i < 1e5; i++) p = new Proxy(p, {}); p.x`, StackOverflow, MemoryFull),
		script("nested JSON", `JSON.parse('['.repeat(1e6))`, StackOverflow, Thrown),
		script("nested source", `eval('('.repeat(1e6))`, StackOverflow, Thrown, MemoryFull),
		script("nested expression", `new RegExp('('.repeat(1e6))`, StackOverflow, Thrown, MemoryFull),
		script("nested program", strings.Repeat("[", 1<<20), StackOverflow, Thrown, MemoryFull, WallExceeded),
		script("bound a hundred thousand times", `let f = () => 0; for (let i = 0; i < 1e5; i++) f = f.bind(); f()`, StackOverflow, MemoryFull),
		script("flood of lines", `for (;;) print('x'.repeat(100))`, OutputFull),
		script("one long line", `print('x'.repeat(1 << 20))`, OutputFull),
		script("long value", `'x'.repeat(1 << 20)`, OutputFull),
		script("long error", `throw new Error('x'.repeat(1 << 20))`, Thrown, OutputFull),
		script("flood of empty lines", `for (;;) print()`, OutputFull, WallExceeded),
		{name: "program of 33 MiB", run: Run{Language: JavaScript, Source: make([]byte, 33<<20)}, broken: true},
	}
}

// hostsInJavaScript calls the host too often, with too much, and for too long,
// and turns the built-in objects that stand between it and the host.
func hostsInJavaScript() []hostile {
	return []hostile{
		script("storm of calls", `for (;;) host.echo(1)`, HostCallsUsed),
		script("storm of caught calls", `for (;;) try { host.fails() } catch {}`, HostCallsUsed),
		script("storm of bytes", `const s = 'x'.repeat(100000); for (;;) host.echo(s)`, HostCallsUsed),
		script("an argument of 2 MiB", `host.echo('x'.repeat(1 << 21))`, HostCallsUsed),
		script("an answer of 1 MiB", `host.large(); host.large()`, HostCallsUsed),
		script("a call that waits", `host.slow(1)`, WallExceeded),
		script("a call that heeds nothing", `host.deaf(1)`, WallExceeded),
		script("a key of 1 MiB", `host.echo({['k'.repeat(1 << 20)]: 1})`, HostCallsUsed),
		script("an argument that throws", `host.echo({get x() { throw new Error('mine') }})`, Thrown),
		script("an argument that runs on", `host.echo({toJSON() { for (;;); }})`, WallExceeded),
		script("an argument that calls", `const o = {toJSON() { return host.echo(o) }}; host.echo(o)`, StackOverflow, Thrown),
		script("a proxy as argument", `host.echo(new Proxy({}, {ownKeys() { for (;;); }}))`, WallExceeded),
		script("no JSON as argument", `host.echo(() => 1)`, Thrown),
		script("a circle as argument", `const o = {}; o.o = o; host.echo(o)`, Thrown),
		script("another function", `host.files({})`, Thrown),
		script("a function of the prototype", `host.constructor.constructor('return host')().missing()`, Thrown),
		harmless("another stringify", `[1,{"a":2}]`, `JSON.stringify = () => '{"broken"'; [host.echo(1), host.echo({a: 2})]`),
		harmless("another parse", `{"a":2}`, `JSON.parse = () => { throw 1 }; host.echo({a: 2})`),
		harmless("setters on arrays", `[[1,2],3]`, `let seen = 0; Object.defineProperty(Array.prototype, 0, {set(v) { seen++ }, configurable: true}); const r = host.echo([1, 2]); delete Array.prototype[0]; [r, 3]`),
		harmless("toJSON for all", `"x"`, `Object.prototype.toJSON = function () { return 'x' }; host.echo({a: 1})`),
		harmless("another slice", `{"a":1}`, `String.prototype.slice = () => '-stolen'; Error = function () { throw 2 }; host.echo({a: 1})`),
		harmless("another call", `{"a":1}`, `Function.prototype.call = Function.prototype.apply = () => '+"stolen"'; host.echo({a: 1})`),
		harmless("a prototype as data", `{"a":true,"b":false}`, `const r = host.echo(JSON.parse('{"__proto__": {"admin": true}}')); ({a: Object.hasOwn(r, '__proto__'), b: r.admin === true && !Object.hasOwn(r, '__proto__')})`),
		harmless("another host", `"TypeError TypeError true"`, `'use strict'; const t = f => { try { f(); return 'done' } catch (e) { return e.name } }; `+
			`t(() => { host.more = 1 }) + ' ' + t(() => { host.echo = 1 }) + ' ' + Object.isFrozen(host)`),
		harmless("text that is no text", `true`, `host.echo('\ud800') !== undefined`),
		harmless("functions of the stack", `0`, `let n = 0; Error.prepareStackTrace = (e, s) => s; `+
			`host.echo({toJSON() { for (const c of [].concat(new Error().stack)) { try { const f = c.getFunction && c.getFunction(); if (f && ![host.echo, print].includes(f) && /gate/.test(f.name)) n++ } catch {} } return 1 }}); n`),
	}
}

// waysOutOfJavaScript looks for what a program is not given.
func waysOutOfJavaScript() []hostile {
	names := `['std', 'os', 'bjson', 'require', 'process', 'scriptArgs', 'loadScript', 'fetch', 'Worker', 'WebAssembly', 'setTimeout', 'importScripts', 'tierlab', 'gate', 'Deno', 'Bun', '__loadScript', 'navigator']`
	return []hostile{
		harmless("globals", `[]`, names+`.filter(n => n in globalThis)`),
		harmless("globals by the Function constructor", `[]`, `const g = Function('return this')(); `+names+`.filter(n => n in g)`),
		harmless("globals by a generator's constructor", `[]`, `const g = (function* () {}).constructor('yield this')().next().value; `+names+`.filter(n => n in g)`),
		harmless("globals by indirect eval", `[]`, `const g = (0, eval)('this'); `+names+`.filter(n => n in g)`),
		script("import of std", `await import('std')`, Thrown),
		script("import of os", `(await import('os')).exec(['/bin/sh'])`, Thrown),
		script("import of a file", `await import('/etc/passwd')`, Thrown),
		script("import of a file of data", `await import('./x.json', {with: {type: 'json'}})`, Thrown),
		script("static import", `import * as os from 'os'; os.exec(['/bin/sh'])`, Thrown),
		harmless("the clock", `[0,0,0]`, `[Date.now(), new Date().getTime(), performance.now()]`),
		harmless("garbage in memory", `0`, `let n = 0; for (let i = 0; i < 200; i++) for (const b of new Uint32Array(1024)) n |= b; n`),
		harmless("what another program left", `"undefined undefined"`, `const r = typeof left + ' ' + typeof Array.prototype.left; globalThis.left = Array.prototype.left = 1; r`),
		harmless("what the last program left", `"undefined undefined"`, `const r = typeof left + ' ' + typeof Array.prototype.left; globalThis.left = Array.prototype.left = 1; r`),
		script("no text", "\xff\xfe\x00\x01", Thrown),
		script("zeros", "\x00\x00\x00\x00", Thrown),
	}
}

package sandbox

import (
	"encoding/json"
	"strings"
)

func js(name, source string, wants ...FaultKind) hostile {
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
		js("endless loop", `for (;;);`, WallExceeded),
		js("endless loop, with fuel", `for (;;);`, FuelUsed).with(Limits{Fuel: 100_000}),
		js("loop-free tree of calls", treeOfCalls(40), WallExceeded),
		js("loop-free tree of calls, with fuel", treeOfCalls(40), FuelUsed).with(Limits{Fuel: 100_000}),
		js("endless chain of jobs", `(function f() { Promise.resolve().then(f) })()`, WallExceeded),
		js("endless await", `for (;;) await null`, WallExceeded),
		js("comparator that never agrees", `let n = 0; [...Array(100000).keys()].sort(() => n++ & 1 ? 1 : -1); for (;;) [3, 1, 2].sort(() => n++ & 1 ? 1 : -1)`, WallExceeded),
		js("comparator that does not return", `[2, 1].sort(() => { for (;;); })`, WallExceeded),
		js("native sort", `const a = new Float64Array(1 << 21); for (let i = 0; i < a.length; i++) a[i] = i * 7919 % 104729; for (;;) a.sort()`, WallExceeded),
		js("backtracking expression", `/^(a+)+$/.test('a'.repeat(60) + '!')`, WallExceeded),
		js("backtracking lookahead", `/^(?=(x|x)+$)y/.test('x'.repeat(60) + 'z')`, WallExceeded),
		js("large numbers", `let n = 3n; for (;;) n = n * n`, WallExceeded, MemoryFull, Thrown),
		js("large exponent", `7n ** (2n ** 25n)`, WallExceeded, MemoryFull, Thrown),
		js("search of 2^53 elements", `Array.prototype.indexOf.call({length: 2 ** 53 - 1}, 1)`, WallExceeded),
		js("copies of memory", `const a = new Uint8Array(8 << 20); for (;;) a.copyWithin(1, 0)`, WallExceeded),
		js("finalizer that runs on", `const r = new FinalizationRegistry(() => { for (;;); }); (() => { r.register({}, 0) })(); for (let i = 0; i < 1e5; i++) ({a: [i]}); await null; for (;;) await null`, WallExceeded),
		js("value whose toJSON runs on", `({toJSON() { for (;;); }})`, WallExceeded),
		js("error whose text runs on", `throw {toString() { for (;;); }, get message() { for (;;); }}`, WallExceeded, Thrown),
		js("promise whose then runs on", `await {then() { for (;;); }}`, WallExceeded),
		js("wait that nothing ends", `Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)`, WallExceeded, Thrown),
		js("promise that nothing settles", `await new Promise(() => {})`, Thrown),
		js("caught exhaustion", `for (;;) try { (function f() { f() })() } catch {}`, WallExceeded),
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
		js("arrays", `const l = []; for (;;) l.push(new Array(1000).fill(1))`, MemoryFull),
		js("strings", `let s = 'x'; for (;;) s += s + 'y'`, MemoryFull, Thrown),
		js("strings without end", `const l = []; for (let i = 0; ; i++) l.push(('x' + i).repeat(1000))`, MemoryFull),
		js("a buffer of 2 GiB", `new ArrayBuffer(2 ** 31)`, MemoryFull, Thrown),
		js("buffers", `const l = []; for (;;) l.push(new Uint8Array(1 << 20))`, MemoryFull, Thrown),
		js("a map", `const m = new Map(); for (let i = 0; ; i++) m.set(i, {})`, MemoryFull, WallExceeded),
		js("closures", `let f = () => 0; for (;;) { const g = f; f = () => g() }`, MemoryFull, WallExceeded),
		js("caught shortage", `const l = []; for (;;) try { l.push('x'.repeat(1 << 20)) } catch {}`, MemoryFull, WallExceeded),
		js("value of 2^40 parts", `let a = [1]; for (let i = 0; i < 40; i++) a = [a, a]; a`, MemoryFull, WallExceeded, Thrown),
		js("joined holes", `new Array(2 ** 32 - 1).join('xxxxxxxx')`, MemoryFull, Thrown, WallExceeded),
		js("recursion", `(function f() { f() })()`, StackOverflow),
		js("recursion through native code", `const a = [0]; (function f() { a.map(f) })()`, StackOverflow),
		js("recursion through a getter", `const o = {get x() { return this.x }}; o.x`, StackOverflow),
		js("recursion through proxies", `let p = {}; for (let i = 0; i < 1e5; i++) p = new Proxy(p, {}); p.x`, StackOverflow, MemoryFull),
		js("nested JSON", `JSON.parse('['.repeat(1e6))`, StackOverflow, Thrown),
		js("nested source", `eval('('.repeat(1e6))`, StackOverflow, Thrown, MemoryFull),
		js("nested expression", `new RegExp('('.repeat(1e6))`, StackOverflow, Thrown, MemoryFull),
		js("nested program", strings.Repeat("[", 1<<20), StackOverflow, Thrown, MemoryFull, WallExceeded),
		js("bound a hundred thousand times", `let f = () => 0; for (let i = 0; i < 1e5; i++) f = f.bind(); f()`, StackOverflow, MemoryFull),
		js("flood of lines", `for (;;) print('x'.repeat(100))`, OutputFull),
		js("one long line", `print('x'.repeat(1 << 20))`, OutputFull),
		js("long value", `'x'.repeat(1 << 20)`, OutputFull),
		js("long error", `throw new Error('x'.repeat(1 << 20))`, Thrown, OutputFull),
		js("flood of empty lines", `for (;;) print()`, OutputFull, WallExceeded),
		{name: "program of 33 MiB", run: Run{Language: JavaScript, Source: make([]byte, 33<<20)}, broken: true},
	}
}

// hostsInJavaScript calls the host too often, with too much, and for too long,
// and turns the built-in objects that stand between it and the host.
func hostsInJavaScript() []hostile {
	return []hostile{
		js("storm of calls", `for (;;) host.echo(1)`, HostCallsUsed),
		js("storm of caught calls", `for (;;) try { host.fails() } catch {}`, HostCallsUsed),
		js("storm of bytes", `const s = 'x'.repeat(100000); for (;;) host.echo(s)`, HostCallsUsed),
		js("an argument of 2 MiB", `host.echo('x'.repeat(1 << 21))`, HostCallsUsed),
		js("an answer of 1 MiB", `host.large(); host.large()`, HostCallsUsed),
		js("a call that waits", `host.slow(1)`, WallExceeded),
		js("a call that heeds nothing", `host.deaf(1)`, WallExceeded),
		js("a key of 1 MiB", `host.echo({['k'.repeat(1 << 20)]: 1})`, HostCallsUsed),
		js("an argument that throws", `host.echo({get x() { throw new Error('mine') }})`, Thrown),
		js("an argument that runs on", `host.echo({toJSON() { for (;;); }})`, WallExceeded),
		js("an argument that calls", `const o = {toJSON() { return host.echo(o) }}; host.echo(o)`, StackOverflow, Thrown),
		js("a proxy as argument", `host.echo(new Proxy({}, {ownKeys() { for (;;); }}))`, WallExceeded),
		js("no JSON as argument", `host.echo(() => 1)`, Thrown),
		js("a circle as argument", `const o = {}; o.o = o; host.echo(o)`, Thrown),
		js("another function", `host.files({})`, Thrown),
		js("a function of the prototype", `host.constructor.constructor('return host')().missing()`, Thrown),
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
		js("import of std", `await import('std')`, Thrown),
		js("import of os", `(await import('os')).exec(['/bin/sh'])`, Thrown),
		js("import of a file", `await import('/etc/passwd')`, Thrown),
		js("import of a file of data", `await import('./x.json', {with: {type: 'json'}})`, Thrown),
		js("static import", `import * as os from 'os'; os.exec(['/bin/sh'])`, Thrown),
		harmless("the clock", `[0,0,0]`, `[Date.now(), new Date().getTime(), performance.now()]`),
		harmless("garbage in memory", `0`, `let n = 0; for (let i = 0; i < 200; i++) for (const b of new Uint32Array(1024)) n |= b; n`),
		harmless("what another program left", `"undefined undefined"`, `const r = typeof left + ' ' + typeof Array.prototype.left; globalThis.left = Array.prototype.left = 1; r`),
		harmless("what the last program left", `"undefined undefined"`, `const r = typeof left + ' ' + typeof Array.prototype.left; globalThis.left = Array.prototype.left = 1; r`),
		js("no text", "\xff\xfe\x00\x01", Thrown),
		js("zeros", "\x00\x00\x00\x00", Thrown),
	}
}

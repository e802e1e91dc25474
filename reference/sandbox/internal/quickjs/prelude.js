// Evaluated once, in the instance that all others are copies of. gate is the
// way out: gate(0, text) prints, gate(1, name, json) calls a host function and
// returns "+" and its answer or "-" and its error. Everything is taken from the
// built-in objects now, since a program may change them.
(function (gate) {
  'use strict';
  const { parse, stringify } = JSON;
  const { defineProperty, freeze } = Object;
  const text = String, Failure = Error;
  const slice = Function.prototype.call.bind(String.prototype.slice);

  function show(value) {
    if (typeof value === 'string') return value;
    if (typeof value === 'object' && value !== null) {
      if (value instanceof Failure) return text(value);
      try {
        const json = stringify(value);
        if (typeof json === 'string') return json;
      } catch {}
    }
    return text(value);
  }

  function print(...values) {
    let line = '';
    for (let i = 0; i < values.length; i++) line += (i ? ' ' : '') + show(values[i]);
    gate(0, line + '\n');
  }

  function hidden(object, name, value) {
    defineProperty(object, name, { value, writable: true, configurable: true, enumerable: false });
  }

  const log = { log: print, info: print, debug: print, warn: print, error: print, trace: print };
  hidden(globalThis, 'print', print);
  hidden(globalThis, 'console', log);
  const clock = { now() { return 0; } };
  hidden(globalThis, 'performance', clock);

  // Called before each program: what it is given.
  return function begin({ input, names, now }) {
    hidden(globalThis, 'input', input);
    hidden(clock, 'timeOrigin', now);
    const host = {};
    for (let i = 0; i < names.length; i++) {
      const name = names[i];
      defineProperty(host, name, {
        enumerable: true,
        value: function (argument) {
          const json = argument === undefined ? 'null' : stringify(argument);
          if (typeof json !== 'string') throw new TypeError('host.' + name + ': the argument is no JSON value');
          const answer = gate(1, name, json);
          if (slice(answer, 0, 1) === '-') throw new Failure(slice(answer, 1));
          return parse(slice(answer, 1));
        },
      });
    }
    hidden(globalThis, 'host', freeze(host));
  };
});

import { canonicalJson, contentHash } from './canonical-json.js';

describe('canonical JSON', () => {
  it('is the same whatever the order of the keys, at any depth, and another one for another value', () => {
    const a = { b: [1, { d: null, c: 'x' }], a: { z: true, y: 1.5 } };
    const b = { a: { y: 1.5, z: true }, b: [1, { c: 'x', d: null }] };
    expect(canonicalJson(a)).toBe('{"a":{"y":1.5,"z":true},"b":[1,{"c":"x","d":null}]}');
    expect(canonicalJson(b)).toBe(canonicalJson(a));
    expect(contentHash(b)).toBe(contentHash(a));
    expect(contentHash({ ...a, b: [{ d: null, c: 'x' }, 1] })).not.toBe(contentHash(a));
  });

  it('sorts keys as RFC 8785 does, by their code units', () => {
    const keys = { '€': 1, '\r': 2, '1': 3, ö: 4, '10': 5, A: 6, a: 7 };
    expect(Object.keys(JSON.parse(canonicalJson(keys)) as object).sort()).toEqual(Object.keys(keys).sort());
    expect(canonicalJson({ b: 1, a: 2, B: 3 })).toBe('{"B":3,"a":2,"b":1}');
  });

  it('is a published digest', () => {
    // printf '{"a":1}' | sha256sum
    expect(contentHash({ a: 1 })).toBe('015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862');
  });
});

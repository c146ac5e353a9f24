import { paramsFault, tagsFault } from './run-input.js';

describe('the tags of a run', () => {
  it('are strings under plain names', () => {
    expect(tagsFault({ environment: 'production', 'team/lead': 'ä', _x: '' })).toBeUndefined();
  });

  it.each([
    [{ attempts: 3 }, '.attempts must be a string, got number'],
    [{ urgent: true }, '.urgent must be a string, got boolean'],
    [{ owner: null }, '.owner must be a string, got null'],
    [{ list: ['a'] }, '.list must be a string, got a list'],
    [{ op: { $ne: 1 } }, '.op must be a string, got an object'],
    [{ $where: '1' }, "the key '$where'"],
    [{ 'a.b': '1' }, "the key 'a.b'"],
    [{ '': '1' }, "the key ''"],
    [{ long: 'x'.repeat(257) }, '.long is longer than 256'],
    [Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`t${i}`, 'x'])), '51 tags'],
  ])('refuses %j', (tags, fault) => {
    expect(tagsFault(tags)).toContain(fault);
  });
});

describe('the params of a run', () => {
  it('are bounded by their size in bytes', () => {
    expect(paramsFault({ text: 'x'.repeat(250_000) })).toBeUndefined();
    expect(paramsFault({ text: 'ä'.repeat(150_000) })).toContain('at most 262144');
  });
});

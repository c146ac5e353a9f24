import { ID_PREFIXES, idPattern, isId, newId } from './ids.js';

describe('ids', () => {
  it.each(ID_PREFIXES)('of kind %s are well-formed, and of no other kind', (prefix) => {
    const id = newId(prefix);
    expect(id).toMatch(new RegExp(`^${prefix}_[0-9A-Z]{26}$`));
    expect(ID_PREFIXES.filter((other) => isId(other, id))).toEqual([prefix]);
  });

  it('sort by the time they were made, also within a millisecond', () => {
    const ids = Array.from({ length: 5000 }, () => newId('run'));
    expect(new Set(ids).size).toBe(5000);
    expect([...ids].sort()).toEqual(ids);
  });

  it('keep their order when the clock goes forward, and when it is set back', () => {
    const now = Date.now();
    const ids = [now, now + 60_000, now].map((time) => newId('run', time));
    expect([...ids].sort()).toEqual(ids);
  });

  it.each([
    ['proj_abc123', true],
    [`proj_${'a'.repeat(64)}`, true],
    [`proj_${'a'.repeat(65)}`, false],
    ['proj_', false],
    ['proj', false],
    ['run_abc', false],
    ['proj_a-b', false],
    ['proj_abc\n', false],
    [' proj_abc', false],
    ['proj_../x', false],
    ['', false],
  ])('%j as a project id: %s', (value, wellFormed) => expect(isId('proj', value)).toBe(wellFormed));

  it('have one pattern per kind, without state between uses', () => {
    const pattern = idPattern('run');
    expect([pattern.test('run_1'), pattern.test('run_1')]).toEqual([true, true]);
    expect(idPattern('cfg').test('cfgv_1')).toBe(false);
  });
});

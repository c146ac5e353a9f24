import { flag, id, instant, integer, required, someOf } from './query-field.js';
import { queryOf } from './query-reader.js';

describe('query parameters', () => {
  it.each([
    ['2025-11-18', '2025-11-18T00:00:00.000Z'],
    ['2025-11-18T10:00:00Z', '2025-11-18T10:00:00.000Z'],
    ['2028-02-29', '2028-02-29T00:00:00.000Z'],
    ['2025-11-18T10:00:00.5+02:00', '2025-11-18T08:00:00.500Z'],
    ['2025-11-18T10:00:00 02:00', '2025-11-18T08:00:00.000Z'],
  ])('read the time %s', (text, iso) => {
    expect(instant('').parse(text).toISOString()).toBe(iso);
  });

  it.each([
    'yesterday',
    '2025-13-01',
    '2025-02-29',
    '2030-04-31T12:00:00Z',
    '1731924000',
    '2025-11-18T10:00:00',
    '{"$gt":""}',
  ])('refuse the time %s', (text) => {
    expect(() => instant('').parse(text)).toThrow('ISO 8601');
  });

  it('read comma lists and name what is allowed', () => {
    const states = someOf('', ['RUNNING', 'FAILED']);
    expect(states.parse('FAILED, RUNNING')).toEqual(['FAILED', 'RUNNING']);
    expect(() => states.parse('FAILED,')).toThrow('RUNNING, FAILED');
    expect(() => states.parse('failed')).toThrow("'failed' is not one of");
  });

  it('tell all faults of a request together', () => {
    const reader = queryOf({ force: flag(''), run_id: id('run', ''), from: required(integer('', 1, 9)) });
    expect(reader.read({ from: '3' })).toEqual({ force: false, run_id: undefined, from: 3 });
    expect(() => reader.read({ force: 'maybe', run_id: 'proj_1' })).toThrow(
      expect.objectContaining({
        details: [
          expect.objectContaining({ field: 'force' }),
          expect.objectContaining({ field: 'run_id' }),
          { field: 'from', message: 'is required', type: 'missing' },
        ],
      }),
    );
  });

  it('cut a long text short before repeating it', () => {
    expect(() => id('run', '').parse('x'.repeat(5000))).toThrow(/^.{1,200}$/);
  });
});

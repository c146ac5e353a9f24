import { since } from './since.js';

const field = since('', () => Date.parse('2025-11-18T10:00:30.500Z'));

describe('since', () => {
  it('takes a time', () => {
    expect(field.parse('2025-11-01T00:00:00Z').toISOString()).toBe('2025-11-01T00:00:00.000Z');
  });

  it('takes a duration, counted from the full minute', () => {
    expect(field.parse('24h').toISOString()).toBe('2025-11-17T10:00:00.000Z');
    expect(field.parse('7 days').toISOString()).toBe('2025-11-11T10:00:00.000Z');
  });

  it.each(['soon', '-1h', '0h', '2025-99-99'])('refuses %s', (text) => {
    expect(() => field.parse(text)).toThrow('ISO 8601');
  });
});

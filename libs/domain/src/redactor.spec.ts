import { Redactor } from './redactor.js';

const SECRET = 'p@ss "w/rd"+1%\\';
const encode = (text: string, encoding: BufferEncoding): string => Buffer.from(text).toString(encoding);

describe('a redactor', () => {
  const redactor = new Redactor([SECRET]);

  it.each([
    ['itself', SECRET],
    ['in JSON', JSON.stringify({ a: SECRET })],
    ['in a URL', `https://x/?k=${encodeURIComponent(SECRET)}`],
    ['in a form', new URLSearchParams({ k: SECRET }).toString()],
    ['in the path of a URL', encodeURI(SECRET)],
    ['in an address that was parsed', new URL(`https://x/${SECRET}`).href],
    ['in the query of one', new URL(`https://x/?${SECRET}`).href],
    ['in Base64', encode(SECRET, 'base64')],
    ['in Base64 for URLs', encode(SECRET, 'base64url')],
    ['in hex', encode(SECRET, 'hex')],
  ])('takes a secret out as it is written %s', (_, written) => {
    const shown = redactor.text(`before ${written} after`);
    expect(shown).toContain('***');
    expect(shown).toMatch(/^before .* after$/);
    for (const part of ['p@ss', 'w/rd', 'cEBzcy', '70407373', encodeURIComponent('p@ss')])
      expect(shown).not.toContain(part);
  });

  it.each(['', 'a', 'me', 'me:', 'user:', 'a longer user:'])(
    'takes it out of the Base64 of %p and it',
    (user) => {
      for (const encoding of ['base64', 'base64url'] as const) {
        for (const behind of ['', '!', '!!', '!!!']) {
          const shown = redactor.text(`Basic ${encode(user + SECRET + behind, encoding)}`);
          const rest = shown.replace('Basic ', '').split('***');
          expect(rest).toHaveLength(2);
          // What is left is of what stood around it.
          expect(rest[0]!.length).toBeLessThanOrEqual(Math.floor((user.length * 8) / 6));
          expect(rest[1]!.length).toBeLessThanOrEqual(Math.ceil((behind.length * 8) / 6) + 2);
        }
      }
    },
  );

  it('takes out the lines of one that has several, and one without the space around it', () => {
    const key = '-----BEGIN KEY-----\nabcdefghij\nklmnopqrst\n-----END KEY-----\n';
    const shown = new Redactor([key]).text(`${key} and abcdefghij`);
    expect(shown).not.toMatch(/abcdef|klmnop/);
    expect(new Redactor(['token-1\n']).text('<token-1>')).toBe('<***>');
  });

  it('looks through JSON, keys and numbers included, and leaves the rest as it was', () => {
    const output = { [`k ${SECRET}`]: [SECRET, 12345, 123456, true, null], fine: { a: 'b' } };
    expect(new Redactor([SECRET, '12345']).json(output)).toEqual({
      'k ***': ['***', '***', 123456, true, null],
      fine: { a: 'b' },
    });
  });

  it('takes out the parts of an address', () => {
    const hook = 'https://hooks.example.com/services/T00/B00/abcdefgh?token=12345678';
    const redactor = new Redactor([hook]);
    expect(redactor.text(`POST ${hook.replace(/[?].*/, '')} answered`)).not.toMatch(/abcdefgh|services/);
    expect(redactor.text('/services/T00/B00/abcdefgh and ?token=12345678')).toBe('*** and ***');
  });

  it('without secrets changes nothing', () => {
    expect(new Redactor([]).text('a')).toBe('a');
    const output = { a: [1] };
    expect(new Redactor([]).json(output)).toBe(output);
  });

  it('takes the longer of two out first', () => {
    expect(new Redactor(['abcd', 'abcdefgh']).text('abcdefgh')).toBe('***');
  });
});

import { createHmac } from 'node:crypto';
import { checkSignature, TOLERANCE_SECONDS } from './signature.js';

const SECRET = 'a secret of this test';
const NOW = 1_800_000_000;
const BODY = '{"a": 1}';

const hmac = (text: string, secret = SECRET): string =>
  createHmac('sha256', secret).update(text).digest('hex');

function check(headers: Record<string, string>, body = BODY) {
  return checkSignature({ body: Buffer.from(body), header: (name) => headers[name] }, SECRET, NOW * 1000);
}
const signed = (timestamp: number | string, body = BODY, secret = SECRET) => ({
  'x-tauro-timestamp': String(timestamp),
  'x-tauro-signature': `v1=${hmac(`${timestamp}.${body}`, secret)}`,
});

describe('the signature of a call', () => {
  it('fits its body, its time and its secret', () => {
    const headers = signed(NOW);
    expect(check(headers)).toEqual({ unique: headers['x-tauro-signature'] });
    expect(check(signed(NOW, ''), '')).not.toHaveProperty('fault');
    for (const wrong of [
      check(headers, '{"a": 2}'),
      check(headers, ''),
      check(signed(NOW, BODY, 'another secret')),
      check({ ...headers, 'x-tauro-timestamp': String(NOW + 1) }),
      check({ 'x-tauro-signature': headers['x-tauro-signature'] }),
      check({ ...headers, 'x-tauro-signature': headers['x-tauro-signature'].replace('v1=', '') }),
      check({ ...headers, 'x-tauro-signature': headers['x-tauro-signature'].slice(0, -1) }),
      check({ ...headers, 'x-tauro-signature': '' }),
    ]) {
      expect(wrong.fault).toMatch(/does not match/);
    }
    expect(check({}).fault).toMatch(/is missing/);
  });

  it.each([0, TOLERANCE_SECONDS, -TOLERANCE_SECONDS])('may be %i seconds off', (off) => {
    expect(check(signed(NOW + off)).fault).toBeUndefined();
  });

  it.each([NOW + TOLERANCE_SECONDS + 1, NOW - TOLERANCE_SECONDS - 1, 'Infinity', 'NaN', '1e9', '', '-1'])(
    'is refused with the time %s, however well it fits',
    (timestamp) => {
      expect(check(signed(timestamp)).fault).toMatch(/X-Tauro-Timestamp must be within 300 seconds/);
    },
  );

  it('may be of the kind that GitHub makes, which covers no time', () => {
    expect(check({ 'x-hub-signature-256': `sha256=${hmac(BODY)}` })).toEqual({});
    expect(check({ 'x-hub-signature-256': `sha256=${hmac('other')}` }).fault).toMatch(/does not match/);
    // One that is there must fit: the other is no way around it.
    const mixed = { ...signed(NOW, 'other'), 'x-hub-signature-256': `sha256=${hmac(BODY)}` };
    expect(check(mixed).fault).toMatch(/does not match/);
  });
});

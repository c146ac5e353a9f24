import { openAnswer, sealAnswer } from './answer-seal.js';

describe('a kept answer', () => {
  const body = { data: { id: 'key_1', secret: 'tauro_live_abcdefgh' }, meta: {} };

  it('opens for who has the key, and shows nothing to who has not', async () => {
    const sealed = await sealAnswer('secret', 'key', body);
    expect(await openAnswer('secret', 'key', sealed)).toEqual(body);
    expect(sealed.toString('latin1')).not.toContain('tauro_live');
    expect(await openAnswer('secret', 'other', sealed)).toBeUndefined();
    expect(await openAnswer('other', 'key', sealed)).toBeUndefined();
  });

  it('is another text each time', async () => {
    const [a, b] = await Promise.all([1, 2].map(() => sealAnswer('secret', 'key', body)));
    expect(a!.equals(b!)).toBe(false);
  });
});

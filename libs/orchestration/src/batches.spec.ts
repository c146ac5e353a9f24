import { Batches } from './batches.js';

describe('requests that come up together', () => {
  it('go out together, and so do those that arrive meanwhile, each with its own answer', async () => {
    const sent: number[][] = [];
    const late: Promise<number>[] = [];
    const batches: Batches<number, number> = new Batches((numbers) => {
      sent.push(numbers);
      if (late.length === 0) late.push(batches.ask(4), batches.ask(5));
      return Promise.resolve(numbers.map((n) => n * 2));
    });
    const answers = await Promise.all([1, 2, 3].map((n) => batches.ask(n)));
    expect([...answers, ...(await Promise.all(late))]).toEqual([2, 4, 6, 8, 10]);
    expect(sent).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
  });

  it('are never more than allowed at once', async () => {
    const sizes: number[] = [];
    const batches = new Batches<number, number>((numbers) => {
      sizes.push(numbers.length);
      return Promise.resolve(numbers);
    }, 2);
    await Promise.all([1, 2, 3, 4, 5, 6].map((n) => batches.ask(n)));
    expect(Math.max(...sizes)).toBe(2);
  });

  it('are not sent any more when the database was interrupted while they waited', async () => {
    let epoch = 1;
    const sent: string[] = [];
    const batches: Batches<string, string> = new Batches(
      (texts) => {
        sent.push(...texts);
        // Joins the next trip, before which something happens.
        if (texts[0] === 'first') late.push(batches.ask('too late'));
        epoch++;
        return Promise.resolve(texts);
      },
      10,
      () => epoch,
    );
    const late: Promise<string>[] = [];
    await expect(batches.ask('first')).resolves.toBe('first');
    await expect(late[0]).rejects.toThrow('interrupted');
    await expect(batches.ask('next')).resolves.toBe('next');
    expect(sent).toEqual(['first', 'next']);
  });

  it('fail together, and the next are tried anew', async () => {
    let away = true;
    const batches = new Batches<number, number>((numbers) =>
      away ? Promise.reject(new Error('away')) : Promise.resolve(numbers),
    );
    const failed = await Promise.allSettled([batches.ask(1), batches.ask(2)]);
    expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    away = false;
    await expect(batches.ask(3)).resolves.toBe(3);
  });
});

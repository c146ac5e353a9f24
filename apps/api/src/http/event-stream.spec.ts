import { type Response } from 'express';
import { Writable } from 'node:stream';
import { blockedBy } from './event-stream.js';

/** A client that takes something only when it is told to. */
function client(): { res: Response; take(): void } {
  const taken: (() => void)[] = [];
  const write = (_chunk: unknown, _encoding: string, done: () => void): void => void taken.push(done);
  const res = new Writable({ highWaterMark: 100, write });
  return { res: res as unknown as Response, take: () => taken.shift()!() };
}

describe('a client that reads slowly', () => {
  it('holds up who writes once its buffer is full, until it has read', async () => {
    const { res, take } = client();
    const { signal } = new AbortController();
    res.write('x'.repeat(60));
    expect(blockedBy(res, signal)).toBeUndefined();
    res.write('x'.repeat(60));
    let free = false;
    const blocked = blockedBy(res, signal)!.then(() => (free = true));
    take();
    await new Promise(setImmediate);
    expect(free).toBe(false);
    take();
    await blocked;
    expect(blockedBy(res, signal)).toBeUndefined();
  });

  it('holds up nobody once it has left', async () => {
    const { res } = client();
    const leave = new AbortController();
    res.write('x'.repeat(200));
    const blocked = blockedBy(res, leave.signal);
    leave.abort();
    await blocked;
    expect(blockedBy(res, leave.signal)).toBeUndefined();
  });
});

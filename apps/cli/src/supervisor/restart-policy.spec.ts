import { RestartPolicy } from './restart-policy.js';

describe('RestartPolicy', () => {
  it('waits twice as long after every crash, half a minute at most', () => {
    const policy = new RestartPolicy();
    const delays = Array.from({ length: 8 }, () => policy.delayAfter(100));
    expect(delays).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  });

  it('forgets earlier crashes once a process has lived for a minute', () => {
    const policy = new RestartPolicy();
    for (let i = 0; i < 4; i++) policy.delayAfter(100);
    expect(policy.delayAfter(60_000)).toBe(1000);
    expect(policy.delayAfter(59_999)).toBe(2000);
  });
});

import { type DueSlot } from './due-slots.js';
import { admitSlots, MOST_WAITING } from './overlap.js';

const slots = (count: number, late = false): DueSlot[] =>
  Array.from({ length: count }, (_, i) => {
    const scheduled_for = new Date(Date.UTC(2026, 0, 1, 0, i));
    return { scheduled_for, interval: { start: scheduled_for, end: scheduled_for }, late };
  });

describe('a slot while runs are under way', () => {
  it("is skipped by 'skip' once as many are under way as may be", () => {
    const { runs, skips, replaces } = admitSlots(slots(3), 'skip', 2, 1);
    expect(runs).toHaveLength(1);
    expect(skips.map(({ reason }) => reason)).toEqual([
      'overlap: max_concurrency of 2 is reached',
      'overlap: max_concurrency of 2 is reached',
    ]);
    expect(replaces).toBe(0);
  });

  it('waits its turn when it came up together with a later one', () => {
    const [first, last] = slots(2);
    const { runs, skips } = admitSlots([{ ...first!, behind: true }, last!], 'skip', 1, 1);
    expect(runs).toEqual([{ ...first, behind: true }]);
    expect(skips).toHaveLength(1);
  });

  it("waits its turn by 'queue', and when it is made up for, but not without bound", () => {
    expect(admitSlots(slots(3), 'queue', 1, 1).runs).toHaveLength(3);
    expect(admitSlots(slots(2, true), 'skip', 1, 1).runs).toHaveLength(2);
    const full = admitSlots(slots(3), 'queue', 1, MOST_WAITING);
    expect(full.runs).toHaveLength(1);
    expect(full.skips[0]!.reason).toBe('overlap: 1000 runs wait for their turn already');
  });

  it("takes the place of the oldest by 'cancel_running'", () => {
    expect(admitSlots(slots(1), 'cancel_running', 1, 1)).toMatchObject({ replaces: 1, skips: [] });
    expect(admitSlots(slots(1), 'cancel_running', 2, 1)).toMatchObject({ replaces: 0, skips: [] });
    expect(admitSlots(slots(1), 'cancel_running', 2, 7)).toMatchObject({ replaces: 6, skips: [] });
    const several = admitSlots(slots(3), 'cancel_running', 1, 1);
    expect(several.runs.map(({ scheduled_for }) => scheduled_for.getUTCMinutes())).toEqual([2]);
    expect(several.replaces).toBe(1);
    expect(several.skips[0]!.reason).toBe('overlap: replaced by the slot of 2026-01-01T00:02:00.000Z');
  });
});

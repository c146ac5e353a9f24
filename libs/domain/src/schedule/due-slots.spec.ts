import { type DueQuestion, dueSlots, type SlotSource } from './due-slots.js';

const MINUTE = 60_000;
/** Every full minute. */
const minutes: SlotSource = {
  next: (after) => new Date((Math.floor(after.getTime() / MINUTE) + 1) * MINUTE),
  previous: (before) => new Date((Math.ceil(before.getTime() / MINUTE) - 1) * MINUTE),
  dataInterval: (slot) => ({ start: new Date(slot.getTime() - MINUTE), end: slot }),
};
const at = (text: string): Date => new Date(`2026-03-01T${text}Z`);
const clock = (date: Date): string => date.toISOString().slice(11, 19);
const ALL = { misfire: 'all', misfire_window_seconds: null, coalesce: false } as const;
const NONE = { ...ALL, misfire: 'none' } as const;
const LAST = { ...ALL, misfire: 'last' } as const;

const ask = (question: Partial<DueQuestion>) => {
  const due = dueSlots({
    slots: minutes,
    jitterMs: 0,
    cursor: at('10:00:00'),
    now: at('10:00:30'),
    disabledAt: null,
    enabledAt: at('00:00:00'),
    missed: ALL,
    onEnable: NONE,
    ...question,
  });
  return {
    cursor: clock(due.cursor),
    runs: due.runs.map(({ scheduled_for }) => clock(scheduled_for)),
    late: due.runs.map(({ late }) => late),
    skips: due.skips.map(
      ({ scheduled_for, until }) => clock(scheduled_for) + (until ? `..${clock(until)}` : ''),
    ),
    reason: due.skips[0]?.reason,
    intervals: due.runs.map(({ interval }) => `${clock(interval.start)}..${clock(interval.end)}`),
  };
};

describe('slots that are due', () => {
  it('are none between two slots', () => {
    expect(ask({})).toMatchObject({ runs: [], skips: [], cursor: '10:00:30' });
  });

  it('run when the worker was away for less than the grace, whatever the policy', () => {
    const due = ask({ now: at('10:01:59'), missed: NONE });
    expect(due).toMatchObject({ runs: ['10:01:00'], late: [false], cursor: '10:01:59' });
  });

  it('are not missed while their jitter may last', () => {
    const due = ask({ now: at('10:04:30'), jitterMs: 180_000, missed: NONE });
    expect(due).toMatchObject({ runs: ['10:01:00', '10:02:00', '10:03:00', '10:04:00'], skips: [] });
    expect(ask({ now: at('10:05:30'), jitterMs: 180_000, missed: NONE }).skips).toEqual(['10:01:00']);
  });

  it('come once, also when the clock goes back', () => {
    expect(ask({ cursor: at('10:01:00'), now: at('10:01:00') })).toMatchObject({ runs: [] });
    expect(ask({ cursor: at('10:05:00'), now: at('10:01:30') })).toMatchObject({
      runs: [],
      cursor: '10:05:00',
    });
  });

  it('are decided upon a hundred at a time', () => {
    const due = ask({ now: at('13:00:00') });
    expect(due.runs).toHaveLength(100);
    expect(due.cursor).toBe('11:40:00');
  });
});

describe('missed slots', () => {
  const now = at('10:05:30');

  it("are all made up for by 'all', before those that are due now", () => {
    expect(ask({ now })).toMatchObject({
      runs: ['10:01:00', '10:02:00', '10:03:00', '10:04:00'],
      late: [true, true, true, true],
      cursor: '10:04:30',
    });
    expect(ask({ now, cursor: at('10:04:30') })).toMatchObject({ runs: ['10:05:00'], late: [false] });
  });

  it("are skipped with the reason by 'none'", () => {
    const due = ask({ now, missed: NONE });
    expect(due.runs).toEqual([]);
    expect(due.skips).toEqual(['10:01:00', '10:02:00', '10:03:00', '10:04:00']);
    expect(due.reason).toBe("no worker took it in time; misfire is 'none'");
  });

  it("are skipped but for one by 'last'", () => {
    expect(ask({ now, missed: LAST })).toMatchObject({
      runs: ['10:04:00'],
      intervals: ['10:03:00..10:04:00'],
      skips: ['10:01:00', '10:02:00', '10:03:00'],
    });
  });

  it('become one run about the data of all when they are coalesced', () => {
    expect(ask({ now, missed: { ...ALL, coalesce: true } })).toMatchObject({
      runs: ['10:04:00'],
      intervals: ['10:00:00..10:04:00'],
      skips: ['10:01:00', '10:02:00', '10:03:00'],
      reason: 'no worker took it in time; its data is in the run of 2026-03-01T10:04:00.000Z',
    });
  });

  it('are skipped first when they are later than the window', () => {
    const missed = { ...ALL, misfire_window_seconds: 200 };
    const first = ask({ now, missed });
    expect(first).toMatchObject({ runs: [], skips: ['10:01:00', '10:02:00'] });
    expect(first.reason).toBe('no worker took it in time; it is later than 200 s');
    expect(ask({ now, missed, cursor: at(first.cursor) }).runs).toEqual(['10:03:00', '10:04:00']);
  });

  it('are recorded one by one up to a bound, and those before in one record', () => {
    const due = ask({ now: at('20:00:00'), missed: NONE });
    expect(due.skips).toHaveLength(201);
    expect(due.skips[0]).toBe('10:01:00..16:39:00');
    expect(due.skips[1]).toBe('16:40:00');
    expect(due.skips.at(-1)).toBe('19:59:00');
  });
});

describe('slots that passed while a schedule was disabled', () => {
  const question = { now: at('10:05:30'), enabledAt: at('10:05:20') };

  it('have a policy of their own, without a grace', () => {
    const due = ask({ ...question, missed: ALL, onEnable: NONE });
    expect(due).toMatchObject({ runs: [], cursor: '10:05:20' });
    expect(due.skips).toHaveLength(5);
    expect(due.reason).toBe("the schedule was disabled; misfire is 'none'");
    expect(ask({ ...question, onEnable: LAST }).runs).toEqual(['10:05:00']);
  });

  it('are told from those that were missed before', () => {
    const due = ask({ ...question, disabledAt: at('10:02:30'), missed: ALL, onEnable: NONE });
    expect(due).toMatchObject({ runs: ['10:01:00', '10:02:00'], late: [true, true], cursor: '10:02:30' });
    const then = ask({ ...question, cursor: at('10:02:30'), disabledAt: at('10:02:30'), onEnable: NONE });
    expect(then).toMatchObject({ runs: [], skips: ['10:03:00', '10:04:00', '10:05:00'], cursor: '10:05:20' });
  });
});

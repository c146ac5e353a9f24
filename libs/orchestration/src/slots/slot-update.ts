import { type LimitRef } from './limit-ref.js';

/** Somebody who wants a slot. */
export interface Want {
  id: string;
  weight: number;
  /** Slots of the limit, where its own document does not say. */
  capacity?: number;
  /** Whether it is granted even if none is free. */
  beyond?: boolean;
}

const LIMIT = '$engine.limit';
const or = (path: string, value: unknown): object => ({ $ifNull: [path, value] });
const HOLDERS = or(`${LIMIT}.holders`, []);
/** How soon the reconciler compares the holders with what is alive. */
const CHECK_MS = 10_000;

/** Refusals that nobody has looked at the queue for since: then it may not be empty. */
export const QUEUED = { $gt: [or(`${LIMIT}.refused`, 0), or(`${LIMIT}.settled`, 0)] };

const WINDOW_START = {
  $subtract: ['$$NOW', { $multiply: [or('$rate_limit.per_seconds', 0), 1000] }],
};

/**
 * The one write behind every limit, decided by the database alone: some give back, then each of `wants` gets its
 * slots if they are free, in this order, and nobody gets past the first who has to wait (so a heavy one is not
 * overtaken for ever). Who is not `inTurn` gets nothing while others may be queueing. Asking again for what one
 * holds is granted and changes nothing.
 */
export function slotUpdate(
  { kind }: LimitRef,
  gives: readonly string[],
  wants: readonly (Want & { inTurn: boolean })[],
): object[] {
  const capacity =
    kind === 'pool' ? '$slots' : kind === 'run' ? or('$engine.max_parallelism', 0) : '$$this.capacity';
  const weight = kind === 'pool' ? { $min: ['$$this.weight', { $max: ['$slots', 1] }] } : '$$this.weight';
  const merged = (change: object): object => ({ $mergeObjects: ['$$value', change] });
  const holder = { id: '$$this.id', weight, since: '$$NOW' };
  const full = [
    '$$value.closed',
    { $and: [{ $not: ['$$this.inTurn'] }, QUEUED] },
    { $gt: [{ $add: ['$$value.used', weight] }, capacity] },
    ...(kind === 'pool' ? [{ $gte: ['$$value.starts', or('$rate_limit.tasks', Infinity)] }] : []),
  ];
  const refused = { $and: [{ $not: ['$$this.beyond'] }, { $or: full }] };
  return [
    ...(kind === 'pool' ? [{ $set: { 'engine.limit.starts': startsAfter(gives) } }] : []),
    {
      $set: {
        'engine.limit.holders': {
          $filter: { input: HOLDERS, cond: { $not: [{ $in: ['$$this.id', [...gives]] }] } },
        },
      },
    },
    {
      $set: {
        'engine.limit.next': {
          $reduce: {
            input: wants.map((want) => ({ ...want })),
            initialValue: {
              holders: `${LIMIT}.holders`,
              used: { $sum: `${LIMIT}.holders.weight` },
              starts: kind === 'pool' ? spentStarts : 0,
              closed: false,
            },
            in: {
              $switch: {
                branches: [
                  { case: { $in: ['$$this.id', '$$value.holders.id'] }, then: '$$value' },
                  { case: refused, then: merged({ closed: true }) },
                ],
                default: merged({
                  holders: { $concatArrays: ['$$value.holders', [holder]] },
                  used: { $add: ['$$value.used', weight] },
                  starts: { $add: ['$$value.starts', 1] },
                }),
              },
            },
          },
        },
      },
    },
    {
      $set: {
        'engine.limit': {
          holders: `${LIMIT}.next.holders`,
          refused: { $add: [or(`${LIMIT}.refused`, 0), { $cond: [`${LIMIT}.next.closed`, 1, 0] }] },
          settled: or(`${LIMIT}.settled`, 0),
          check_at: or(`${LIMIT}.check_at`, { $add: ['$$NOW', CHECK_MS] }),
        },
      },
    },
    { $unset: 'engine.limit.next' },
  ];
}

/** Starts within the window, and those of holders that have not said yet when theirs was. */
const spentStarts = {
  $add: [
    {
      $size: {
        $filter: { input: or(`${LIMIT}.starts`, []), cond: { $gt: ['$$this', WINDOW_START] } },
      },
    },
    {
      $size: { $filter: { input: `${LIMIT}.holders`, cond: { $ne: ['$$this.started', true] } } },
    },
  ],
};

/** The window's starts; one who leaves without having said when he started is taken to have started now. */
const startsAfter = (gives: readonly string[]): object => ({
  $cond: [
    { $eq: [or('$rate_limit', null), null] },
    [],
    {
      $concatArrays: [
        { $filter: { input: or(`${LIMIT}.starts`, []), cond: { $gt: ['$$this', WINDOW_START] } } },
        {
          $map: {
            input: {
              $filter: {
                input: HOLDERS,
                cond: { $and: [{ $in: ['$$this.id', [...gives]] }, { $ne: ['$$this.started', true] }] },
              },
            },
            in: '$$NOW',
          },
        },
      ],
    },
  ],
});

/** Notes that somebody will stand in the queue, so that newcomers do not get past him. */
export const expectUpdate = (): object[] => [
  {
    $set: {
      'engine.limit.holders': HOLDERS,
      'engine.limit.refused': { $add: [or(`${LIMIT}.refused`, 0), 1] },
      'engine.limit.settled': or(`${LIMIT}.settled`, 0),
      'engine.limit.check_at': or(`${LIMIT}.check_at`, { $add: ['$$NOW', CHECK_MS] }),
    },
  },
];

/** Notes the start of a holder in the window of its pool's rate limit. */
export const startUpdate = (id: string): object[] => [
  {
    $set: {
      'engine.limit.starts': {
        $concatArrays: [
          { $filter: { input: or(`${LIMIT}.starts`, []), cond: { $gt: ['$$this', WINDOW_START] } } },
          ['$$NOW'],
        ],
      },
      'engine.limit.holders': {
        $map: {
          input: HOLDERS,
          in: {
            $cond: [{ $eq: ['$$this.id', id] }, { $mergeObjects: ['$$this', { started: true }] }, '$$this'],
          },
        },
      },
    },
  },
];

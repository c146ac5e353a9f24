import { NodeError, type NodeContext, type NodeKind, type NodeResult } from '../node-kind.js';
import { milliseconds, secondsSchema } from './seconds.js';

const ISO_DATE = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/;

/** Sleeps for some seconds or until a time, without holding a slot. */
export const waitNode: NodeKind = {
  type: 'wait',
  summary: 'Sleeps for some seconds, or until a time, without holding a worker.',
  schema: {
    type: 'object',
    additionalProperties: false,
    properties: {
      seconds: secondsSchema('Seconds to sleep, fractions allowed, or a template that gives them.'),
      until: {
        description: 'ISO 8601 time; without an offset it is UTC. A time in the past ends the wait at once.',
        type: 'string',
        minLength: 1,
      },
    },
  },
  timed: false,

  check(node) {
    const { seconds, until } = node.config ?? {};
    if (seconds !== undefined && until !== undefined) {
      return [
        { field: 'config', message: "has both 'seconds' and 'until'; give one of them", type: 'value_error' },
      ];
    }
    if (seconds === undefined && until === undefined) {
      return [{ field: 'config', message: "needs 'seconds' or 'until'", type: 'missing' }];
    }
    if (typeof until === 'string' && !until.includes('{{') && parseTime(until) === undefined) {
      return [{ field: 'config.until', message: badTime(until), type: 'value_error' }];
    }
    return [];
  },

  execute(context: NodeContext): Promise<NodeResult> {
    const { config } = context;
    const now = Date.now();
    const wakeAt =
      config['until'] === undefined ? now + milliseconds(config['seconds']) : until(config['until']);
    const wait_until = new Date(Math.max(wakeAt, now));
    context.log('INFO', `waiting until ${wait_until.toISOString()}`);
    return Promise.resolve({ wait_until, output: { waited_until: wait_until.toISOString() } });
  },
};

function until(value: unknown): number {
  const time = typeof value === 'string' ? parseTime(value) : undefined;
  if (time === undefined) throw new NodeError('InvalidConfig', `wait.until ${badTime(value)}`, false);
  return time;
}

/** Milliseconds since the epoch. A time without an offset is UTC: the worker's own zone must not matter. */
function parseTime(text: string): number | undefined {
  if (!ISO_DATE.test(text)) return undefined;
  const time = Date.parse(/T|\s/.test(text) && !/(?:Z|[+-]\d{2}:?\d{2})$/.test(text) ? `${text}Z` : text);
  // Date.parse rolls 2024-02-30 over into March; a day that does not exist is a mistake.
  const day = Number(text.slice(8, 10));
  const lastDay = new Date(Date.UTC(Number(text.slice(0, 4)), Number(text.slice(5, 7)), 0)).getUTCDate();
  return Number.isNaN(time) || day > lastDay ? undefined : time;
}

const badTime = (value: unknown): string =>
  `must be an ISO 8601 time such as 2026-01-31T06:00:00Z, got ${JSON.stringify(value)}`;

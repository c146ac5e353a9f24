import { type ErrorDetail, type NodeDefinition } from '@tauro/domain';
import { NodeError, type NodeContext } from '../node-kind.js';
import { readAfter } from '../source/incremental.js';
import { type Cluster, type PartitionBounds } from './client.js';

/** Where reading begins or ends: at a number, the same or another one in each partition, or at a time. */
export type Bound = { offset: number } | { offsets: Record<string, number> } | { time: string };

/** What is read of a partition: from the first number up to, but not with, the second. */
export interface Window {
  partition: number;
  from: bigint;
  to: bigint;
}

const OFFSET = { type: 'integer', minimum: 0 };

/** The schema of a bound. */
export const boundSchema = (description: string): object => ({
  description,
  oneOf: [
    { type: 'object', required: ['offset'], additionalProperties: false, properties: { offset: OFFSET } },
    {
      type: 'object',
      required: ['offsets'],
      additionalProperties: false,
      properties: {
        offsets: {
          type: 'object',
          minProperties: 1,
          maxProperties: 10_000,
          propertyNames: { pattern: '^[0-9]{1,6}$' },
          additionalProperties: OFFSET,
          description: 'By the number of the partition.',
        },
      },
    },
    {
      type: 'object',
      required: ['time'],
      additionalProperties: false,
      properties: { time: { type: 'string', format: 'date-time' } },
    },
  ],
});

/** An incremental source begins where the last run ended. */
export function boundFaults({ config = {} }: NodeDefinition): ErrorDetail[] {
  if (config['incremental'] === undefined || config['from'] === undefined) return [];
  return [
    { field: 'config.from', message: 'with incremental the mark says where to begin', type: 'value_error' },
  ];
}

/** What is to be read of each partition: never beyond its end as it is now, so that reading ends. */
export async function windowsOf(context: NodeContext, cluster: Cluster, topic: string): Promise<Window[]> {
  const { config } = context;
  const bounds = await cluster.bounds(topic);
  const marked = readAfter(context);
  const from = marked === undefined ? await placesOf(config['from'], cluster, topic) : fromMark(marked);
  const to = await placesOf(config['to'], cluster, topic);
  return bounds.map(({ partition, low, high }: PartitionBounds) => {
    const end = least(high, to(partition) ?? high);
    const begin = from(partition) ?? low;
    // What retention has removed cannot be read.
    return { partition, from: begin > low ? begin : low, to: end };
  });
}

type Places = (partition: number) => bigint | undefined;

async function placesOf(bound: unknown, cluster: Cluster, topic: string): Promise<Places> {
  const given = bound as Bound | undefined;
  if (given === undefined) return () => undefined;
  if ('offset' in given) return () => BigInt(given.offset);
  if ('offsets' in given) {
    const { offsets } = given;
    return (partition) => (offsets[partition] === undefined ? undefined : BigInt(offsets[partition]));
  }
  const found = await cluster.at(topic, new Date(given.time));
  return (partition) => found.get(partition);
}

/** A mark is where to go on in each partition, as JSON: `{"0":12,"1":7}`. */
function fromMark(mark: string): Places {
  try {
    const offsets = new Map(
      Object.entries(JSON.parse(mark) as object).map(([key, value]) => [key, BigInt(value as number)]),
    );
    return (partition) => offsets.get(String(partition));
  } catch {
    const message = `incremental: '${mark.slice(0, 100)}' is no mark of a topic, such as {"0":12,"1":7}`;
    throw new NodeError('InvalidConfig', message, false);
  }
}

/** The mark after some windows were read. */
export const markAfter = (windows: readonly Window[]): string =>
  JSON.stringify(
    Object.fromEntries(windows.map(({ partition, from, to }) => [partition, Number(to > from ? to : from)])),
  );

const least = (one: bigint, two: bigint): bigint => (one < two ? one : two);

import { BoundText } from '@tauro/domain';
import { type RunScope, type TaskHandlers } from '@tauro/nodes';
import { cacheKeyOf, type CacheKeyParts, handlerPart } from './cache-key.js';

const run: RunScope = {
  id: 'run_1',
  project_id: 'proj_1',
  pipeline_id: 'pipe_1',
  pipeline_name: 'p',
  created_at: '2026-01-01T00:00:00.000Z',
  state: 'RUNNING',
  error: null,
};
const parts: CacheKeyParts = {
  project_id: 'proj_1',
  type: 'task',
  config: { handler: 'x', input: { a: 1, b: 2 } },
  inputs: [
    { node_id: 'up', table: 'abc' },
    { node_id: 'side', output: { n: 1 } },
  ],
  pins: null,
  handler: { version: 'v1', params: { day: 'mon' }, run },
};
const differs = (change: Partial<CacheKeyParts>, from = parts): boolean =>
  cacheKeyOf({ ...from, ...change }) !== cacheKeyOf(from);
const other = { version: 'v1', params: { day: 'tue' }, run };

it('is the same for the same parts', () => {
  expect(cacheKeyOf(structuredClone(parts))).toBe(cacheKeyOf(parts));
  expect(cacheKeyOf(parts)).toMatch(/^[0-9a-f]{64}$/);
});

it.each<[string, Partial<CacheKeyParts>]>([
  ['the project', { project_id: 'proj_2' }],
  ['the type', { type: 'http' }],
  ['the config', { config: { handler: 'x', input: { a: 1, b: 3 } } }],
  ['the order of keys, which may be that of columns', { config: { handler: 'x', input: { b: 2, a: 1 } } }],
  ['the declared outputs', { outputs: { n: 'integer' } }],
  ['the files', { pins: [['/data/a.csv', 10, '1']] }],
  ['the content of a table', { inputs: [{ node_id: 'up', table: 'def' }, parts.inputs[1]!] }],
  ['the name of an input', { inputs: [{ node_id: 'down', table: 'abc' }, parts.inputs[1]!] }],
  ['an output upstream', { inputs: [parts.inputs[0]!, { node_id: 'side', output: { n: 2 } }] }],
  ['the params a handler sees', { handler: other }],
  ['the module of the handler', { handler: { ...parts.handler!, version: 'v2' } }],
  ['a key', { key: 'k' }],
  ['a key that is null', { key: null }],
])('depends on %s', (_, change) => {
  expect(differs(change)).toBe(true);
});

it('tells bound values apart', () => {
  const bound = (value: number) => ({ config: { sql: new BoundText('select $1', [value]) } });
  expect(cacheKeyOf({ ...parts, ...bound(1) })).not.toBe(cacheKeyOf({ ...parts, ...bound(2) }));
});

describe('with a key of its own', () => {
  const keyed = { ...parts, key: 'a' };

  it('leaves out what only could have been seen', () => {
    expect(differs({ handler: other }, keyed)).toBe(false);
    expect(differs({ inputs: [parts.inputs[0]!, { node_id: 'side', output: 2 }] }, keyed)).toBe(false);
  });

  it.each<[string, Partial<CacheKeyParts>]>([
    ['the key', { key: 'b' }],
    ['the config', { config: {} }],
    ['a table', { inputs: [{ node_id: 'up', table: 'def' }] }],
    ['the files', { pins: ['x'] }],
    ['the module of the handler', { handler: { ...parts.handler!, version: 'v2' } }],
  ])('still depends on %s', (_, change) => {
    expect(differs(change, keyed)).toBe(true);
  });
});

it('of a run a handler depends on its times of data, and not on which run it is', () => {
  const handlers = { version: (name: string) => `${name}@1` } as TaskHandlers;
  const part = (more: Partial<RunScope>) =>
    handlerPart({ config: { handler: 'x' }, params: {}, run: { ...run, ...more }, handlers });
  expect(part({ id: 'run_2', created_at: '2026-01-02T00:00:00.000Z' })).toEqual(part({}));
  expect(part({ data_interval_start: '2026-01-01T00:00:00.000Z' })).not.toEqual(part({}));
  expect(part({})).toMatchObject({ version: 'x@1' });
});

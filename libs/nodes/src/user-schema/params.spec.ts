import { type DomainError, type JsonObject } from '@tauro/domain';
import { paramsSchemaFaults, resolveParams } from './params.js';

const resolve = (properties: JsonObject, params: JsonObject, rest: JsonObject = {}): JsonObject =>
  resolveParams({ name: 'p', nodes: [], params_schema: { type: 'object', properties, ...rest } }, params);

function refusals(properties: JsonObject, params: JsonObject, rest: JsonObject = {}): [string, string][] {
  try {
    resolve(properties, params, rest);
    return [];
  } catch (error) {
    return (error as DomainError).details.map(({ field, message }) => [field, message]);
  }
}

describe('the params of a run', () => {
  it('are anything when the pipeline says nothing', () => {
    expect(resolveParams({ name: 'p', nodes: [] }, { a: '1' })).toEqual({ a: '1' });
  });

  it('get the defaults of what is absent, deep ones too, and what is there stays', () => {
    const properties = {
      mode: { enum: ['full', 'delta'], default: 'full' },
      window: { type: 'object', default: {}, properties: { days: { type: 'integer', default: 7 } } },
    };
    expect(resolve(properties, {})).toEqual({ mode: 'full', window: { days: 7 } });
    const given = { mode: 'delta', window: { days: 1 } };
    expect(resolve(properties, given)).toEqual(given);
  });

  it.each<[JsonObject, unknown, unknown]>([
    [{ type: 'integer' }, '42', 42],
    [{ type: 'integer' }, '-7', -7],
    [{ type: 'number' }, '2.5', 2.5],
    [{ type: 'number' }, '1e3', 1000],
    [{ type: ['integer', 'null'] }, '1', 1],
    [{ type: 'boolean' }, 'true', true],
    [{ type: 'string' }, '42', '42'],
    [{ type: ['string', 'integer'] }, '42', '42'],
    [{ type: 'array', items: { type: 'integer' } }, ['1', 2], [1, 2]],
    [{ $ref: '#/$defs/count' }, '3', 3],
    [{ allOf: [{ type: 'integer' }, { minimum: 1 }] }, '3', 3],
  ])('%j takes %j as %j', (schema, given, taken) => {
    const rest = { $defs: { count: { type: 'integer' } } };
    expect(resolve({ x: schema }, { x: given as string }, rest)).toEqual({ x: taken });
  });

  it.each<[JsonObject, unknown]>([
    [{ type: 'integer' }, '1.5'],
    [{ type: 'integer' }, '5.0'],
    [{ type: 'integer' }, '1e3'],
    [{ type: 'integer' }, '9007199254740993'],
    [{ type: 'integer' }, '0x10'],
    [{ type: 'integer' }, ''],
    [{ type: 'integer' }, ' 1'],
    [{ type: 'number' }, '1e999'],
    [{ type: 'integer' }, true],
    [{ type: 'boolean' }, 'yes'],
    [{ type: 'boolean' }, 1],
    [{ type: 'string' }, 7],
    [{ type: 'integer' }, '{{ run.id }}'],
    [{ type: 'string', format: 'date' }, '2026-02-30'],
    [{ type: 'string', pattern: '^[a-z]+$' }, 'UP'],
  ])('%j refuses %j', (schema, given) => {
    expect(refusals({ x: schema }, { x: given as string })).toEqual([
      ['params.x', expect.stringMatching(/^params\.x must /)],
    ]);
  });

  it('names every param that does not fit, with its path', () => {
    const properties = {
      day: { type: 'string' },
      limits: { type: 'object', properties: { rows: { minimum: 1 } } },
    };
    const found = refusals(
      properties,
      { limits: { rows: 0 }, dya: 1 },
      { required: ['day'], additionalProperties: false },
    );
    expect(found).toEqual([
      ['params.day', 'params.day is required'],
      ['params.dya', "params.dya is an unknown key, did you mean 'day'?"],
      ['params.limits.rows', 'params.limits.rows must be >= 1, got 0'],
    ]);
  });

  it('leaves what it was given as it was', () => {
    const given = { n: '1' };
    resolve({ n: { type: 'integer' }, m: { default: 2 } }, given);
    expect(given).toEqual({ n: '1' });
  });
});

describe('a params_schema', () => {
  const doubling = Object.fromEntries(
    Array.from({ length: 30 }, (_, i) => [
      `d${i}`,
      { allOf: [{ $ref: `#/$defs/d${i + 1}` }, { $ref: `#/$defs/d${i + 1}` }] },
    ]),
  );
  it.each<[string, JsonObject, RegExp]>([
    [
      'a misspelt keyword',
      { properties: { a: { tpye: 'string' } } },
      /params_schema\.properties\.a\.tpye.*did you mean 'type'/,
    ],
    ['a type that there is not', { properties: { a: { type: 'text' } } }, /params_schema\.properties\.a/],
    ['params that are a list', { type: 'array' }, /must be 'object'/],
    [
      'a remote $ref',
      { properties: { a: { $ref: 'https://example.com/s.json' } } },
      /is no place in this schema/,
    ],
    ['a $ref to nowhere', { properties: { a: { $ref: '#/$defs/x' } } }, /is no place in this schema/],
    [
      'a $ref to itself',
      { $defs: { a: { items: { $ref: '#/$defs/a' } } }, properties: { a: { $ref: '#/$defs/a' } } },
      /leads back to itself/,
    ],
    [
      '$refs that double with every level',
      { $defs: { ...doubling, d30: {} }, properties: { a: { $ref: '#/$defs/d0' } } },
      /5000 schemas|nested deeper/,
    ],
    ['a bad default', { properties: { n: { type: 'integer', default: 'x' } } }, /properties\.n\.default/],
    ['a pattern that is none', { properties: { a: { pattern: '(' } } }, /a\.pattern is not supported/],
    ['a look-ahead', { properties: { a: { pattern: '(?=x)' } } }, /no lookaround/],
    [
      'a back reference among keys',
      { patternProperties: { '(a)\\1': {} } },
      /patternProperties is not supported/,
    ],
    ['a huge repetition', { properties: { a: { pattern: '((a{100}){100}){100}' } } }, /repeat count/],
    ['a pattern too long', { properties: { a: { pattern: 'a'.repeat(513) } } }, /longer than 512/],
    ['an unknown format', { properties: { a: { type: 'string', format: 'colour' } } }, /colour/],
    ['comparing all with all', { properties: { a: { type: 'array', uniqueItems: true } } }, /maxItems/],
    ['more than 64 KB', { description: 'x'.repeat(70_000) }, /65536/],
    ['another dialect', { $schema: 'http://json-schema.org/draft-04/schema#' }, /2020-12/],
    ['an anchor', { $id: 'x' }, /no keyword/],
  ])('with %s is refused', (_, schema, tells) => {
    const faults = paramsSchemaFaults(schema);
    expect(faults.map(({ field, message }) => `${field}: ${message}`).join('\n')).toMatch(tells);
    expect(faults.every(({ field }) => field.startsWith('params_schema'))).toBe(true);
  });

  it('may have a param called as a keyword is', () => {
    expect(paramsSchemaFaults({ properties: { $ref: { type: 'string' }, type: { enum: [1] } } })).toEqual([]);
  });

  it('is harmless however its pattern was meant', () => {
    const started = performance.now();
    expect(
      refusals({ x: { type: 'string', pattern: '^(a+)+$' } }, { x: `${'a'.repeat(50_000)}!` }),
    ).toHaveLength(1);
    expect(performance.now() - started).toBeLessThan(5000);
  });

  it('keeps two patterns apart', () => {
    const both = { a: { pattern: '^a$' }, b: { pattern: '^b$' } };
    expect(refusals(both, { a: 'a', b: 'b' })).toEqual([]);
    expect(refusals(both, { a: 'b', b: 'a' })).toHaveLength(2);
  });
});

import * as fc from 'fast-check';

/** What a field is given that it has not been made for. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Texts that have meant something else to some layer of some server. */
export const nastyText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    ...[
      '',
      ' ',
      '.',
      '..',
      '*',
      '%',
      '%00',
      '\0',
      '\n',
      '\r\nX-Injected: 1',
      "'",
      '"',
      '\\',
      '[',
      '(',
      '(a+)+$',
    ],
    ...[
      'null',
      'undefined',
      'NaN',
      'Infinity',
      'true',
      '0',
      '-1',
      '-0',
      '1e999',
      '0x10',
      '9'.repeat(30),
      '1.5',
    ],
    ...[
      '__proto__',
      'constructor',
      'hasOwnProperty',
      'toString',
      '$where',
      '$gt',
      'a.$.b',
      'a.b',
      '.',
      'a..b',
    ],
    ...[
      '{"$gt":""}',
      '[object Object]',
      '{{ params.x }}',
      '{{ secrets.x }}',
      '${1}',
      '../../etc/passwd',
      'file:///',
    ],
    ...['2025-13-45T99:99:99Z', '2025-11-18', '+275760-09-13', '0000-00-00', '-P1D', '1 day', '61 * * * *'],
    ...['😀', '‮', 'ﬀ', 'İ', '\ud800', '\uffff', 'x'.repeat(300), 'é'.repeat(2000)],
  ),
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.string({ maxLength: 30 }),
);

/** Objects that are operators to MongoDB, or names that are more than names to JavaScript. */
export const OPERATORS: Json[] = [
  { $gt: '' },
  { $ne: null },
  { $exists: true },
  { $regex: '.*' },
  { $where: 'sleep(1000)' },
  { $expr: { $eq: [1, 1] } },
  { $in: [null, ''] },
  [{ $gt: '' }],
];

const nested = (depth: number): Json => (depth === 0 ? 1 : { a: nested(depth - 1) });

/** Any JSON, the odd kinds more often than chance would have it. */
export const nastyJson: fc.Arbitrary<Json> = fc.oneof(
  nastyText,
  fc.constantFrom<Json>(
    null,
    true,
    false,
    0,
    -1,
    1.5,
    1e308,
    -1e308,
    2 ** 53,
    1e-320,
    [],
    [[]],
    {},
    [null],
    [{}],
  ),
  fc.constantFrom(...OPERATORS),
  fc.constantFrom<Json>(
    { constructor: { prototype: { admin: true } } },
    { '': 1 },
    { 'a.b': 1 },
    { $set: { a: 1 } },
  ),
  fc.constantFrom<Json>(nested(30), nested(60), Array<number>(2000).fill(1), 'x'.repeat(20_000)),
  fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>,
);
